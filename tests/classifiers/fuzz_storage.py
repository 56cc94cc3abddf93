"""Loads mutated predictors with bounds checked: `python -m tests.classifiers.fuzz_storage FOLDER SCRATCH COUNT`.

A process of its own: what compiled code does beyond its arrays need not stop at an exception. What it compiles with
bounds checked it keeps in SCRATCH, apart from what runs are made with.
"""

import shutil
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brgym import RouterView
from brgym._compile import config
from brgym.testing import check_predictor


class Constant:
    """Lets the simulation be compiled, as ever, before bounds are checked."""

    def survival(self, view: RouterView, horizon: int) -> Any:
        return np.tile(0.9 ** np.arange(horizon + 1), (len(view.running), 1))

    def expected_remaining(self, view: RouterView, horizon: int) -> Any:
        return self.survival(view, horizon).sum(axis=1)


def main(folder: Path, scratch: Path, count: int) -> None:
    check_predictor(Constant())
    config.BOUNDSCHECK = 1
    from classifiers.lookup import _widen  # only now: nothing above imports compiled code of predictors
    from tests.classifiers.mutations import mutate

    with pytest.raises(IndexError):  # bounds are checked indeed
        _widen(np.ones(1, np.int64), np.array([0, 9]), np.zeros(1, np.int64))
    warnings.simplefilter("ignore")
    outcomes: Counter[str] = Counter()
    for kind in sorted(folder.iterdir()):
        assert outcome(kind) == "loaded"
        for seed in range(count):
            copy = scratch / f"{kind.name}-{seed}"
            mutation = mutate(kind, copy, np.random.default_rng(seed))
            print(kind.name, seed, mutation, file=sys.stderr, flush=True)  # the last line says what went wrong
            outcomes[outcome(copy)] += 1
            shutil.rmtree(copy)
    print(dict(outcomes))


def outcome(folder: Path) -> str:
    import classifiers

    try:
        predictor = classifiers.load(folder)
    except classifiers.StorageError as refusal:
        said = str(refusal)
    else:
        check_predictor(predictor)
        return "loaded"
    assert "\n" not in said, said
    assert str(folder) in said, said
    return "refused"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
