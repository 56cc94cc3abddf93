"""A policy's parameters tuned on some seeds and reported on others (`brgym tune`).

The objective is the geometric mean, over the settings and the training seeds, of a figure's ratio to the policy as the
study file has it: settings whose figures are of different sizes weigh the same. Optuna's tree-structured Parzen
estimator proposes, the study engine runs. The sampler's seed and what the cells give decide every proposal, and what
has been run is kept, so a tuning that was killed asks its way again through what is there and goes on, with the same
trials as one that was never stopped.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from baselines import Specification
from brgym._checks import check_choice, check_integer
from brgym.cluster import Reals
from brgym.study.engine import Figures, run_whole
from brgym.study.policy_choice import PolicyChoice
from brgym.study.shown_figures import rated_figures, shown
from brgym.study.simulation import Simulation
from brgym.study.statistics import CONFIDENCE, Estimate, paired_ratio
from brgym.study.study import Study, seeds_of
from brgym.study.study_file import StudyError, check_keys, read_toml
from brgym.study.tuning_space import Space, read_space, with_parameters

KEYS = ("policy", "parameters", "figure", "trials", "training_seeds", "sampler_seed")
"""What `[tune]` may say."""

_TRAINING_SEEDS_FROM = 1000
"""Where training seeds begin that are given by their number; reported ones begin at 0."""

_DEFAULTS = {"figure": "imbalance_mean", "trials": 30, "training_seeds": 3, "sampler_seed": 0}


@dataclass(frozen=True)
class TunedTrial:
    """One proposal.

    Attributes:
        number: From 0.
        policy: The policy's text.
        objective: Geometric mean of the ratio to the untuned policy; NaN where a ratio is not there.
    """

    number: int
    policy: str
    objective: float


@dataclass(frozen=True)
class Tuned:
    """What came of a tuning.

    Attributes:
        trials: All that were looked at.
        best: The best one.
        reported: Its ratio to the untuned policy on the reported seeds, with the interval over them.
        values: Of the figure on the reported seeds, geometric means over the settings: untuned and best, shape (2,
            seeds).
    """

    trials: tuple[TunedTrial, ...]
    best: TunedTrial
    reported: Estimate
    values: Reals


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What is tuned, on what.

    Attributes:
        study: Settings, reported seeds and the untuned policy.
        space: The parameters.
        figure: What is made better.
        trials: How many proposals.
        training_seeds: Seeds that proposals are tried on.
        sampler_seed: Seed of the proposals.
    """

    study: Study
    space: Space
    figure: str
    trials: int
    training_seeds: tuple[int, ...]
    sampler_seed: int

    @classmethod
    def from_toml(cls, path: str | Path) -> "Tuning":
        """Reads a study file with a table `[tune]` and checks it whole.

        Raises:
            StudyError: If it cannot be run; the message names file and key.
            OSError: If the file, or a trace that it names, is not there.
        """
        file = Path(path)
        try:
            return cls.from_document({"name": file.stem} | read_toml(file))
        except StudyError as error:
            raise StudyError(f"{file}: {error}") from error

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Tuning":
        """Makes a tuning of the tables of a study file; keys as `Study.from_document`, and `tune` with `KEYS`.

        Raises:
            StudyError: If it cannot be run; the message names the key.
            OSError: As `Study.from_document`.
        """
        table = document.get("tune")
        if not isinstance(table, dict):
            raise StudyError("tune: a table [tune] is needed, with policy and parameters")
        check_keys("tune.", table, KEYS)
        if "policies" in document or "reference" in document:
            raise StudyError("policies and reference have no place beside [tune]: it has the policy")
        given = _DEFAULTS | table
        if not isinstance(given.get("policy"), str):
            raise StudyError(f"tune.policy must be a text, as 'br-0:order=arrival', got {given.get('policy')!r}")
        base = {key: value for key, value in document.items() if key != "tune"} | {"policies": [given["policy"]]}
        study = Study.from_document(base)
        training = seeds_of("tune.training_seeds", given["training_seeds"], start=_TRAINING_SEEDS_FROM)
        if shared := sorted(set(training) & set(study.seeds)):
            raise StudyError(f"tune.training_seeds: {shared} are reported seeds (key seeds) too")
        try:
            figure = check_choice("tune.figure", str(given["figure"]), rated_figures())
            trials = check_integer("tune.trials", given["trials"], minimum=1, maximum=100_000)
            sampler_seed = check_integer("tune.sampler_seed", given["sampler_seed"], minimum=0, maximum=2**32 - 1)
        except (TypeError, ValueError) as error:
            raise StudyError(str(error)) from error
        (policy,) = study.policies
        return cls(
            study=study,
            space=read_space(
                policy.specification,
                given.get("parameters"),
                lambda tried: replace(policy, specification=tried).check(study.settings[0].source),
            ),
            figure=figure,
            trials=trials,
            training_seeds=training,
            sampler_seed=sampler_seed,
        )

    def run(
        self, out: str | Path, *, jobs: int = -1, on_trial: Callable[[TunedTrial], None] = lambda trial: None
    ) -> Tuned:
        """Tunes and reports; what the folder holds already is not run again.

        Args:
            out: The folder; made if it is not there.
            jobs: Cells side by side; -1: as many as there are cores. Changes nothing in what comes out.
            on_trial: Told of each trial that is done, in order.

        Raises:
            ValueError: If Optuna is not installed, a cell fails, or no trial has an objective.
            OSError: If the folder cannot be written.
        """
        optuna = _optuna()
        folder = Path(out)
        untuned = self.study.policies[0].specification
        before = self._logarithms(folder, untuned, self.training_seeds, jobs)
        sampler = optuna.samplers.TPESampler(seed=self.sampler_seed)
        asked = optuna.create_study(sampler=sampler, direction="minimize" if self._lower else "maximize")
        trials = []
        for number in range(self.trials):
            trial = asked.ask()
            policy = with_parameters(untuned, {name: entry.suggest(trial, name) for name, entry in self.space.items()})
            after = self._logarithms(folder, policy, self.training_seeds, jobs)
            objective = float(np.exp((after - before).mean()))
            if math.isfinite(objective):
                asked.tell(trial, objective)
            else:
                asked.tell(trial, state=optuna.trial.TrialState.FAIL)
            trials.append(TunedTrial(number, str(policy), objective))
            on_trial(trials[-1])
        return self._report(folder, trials, jobs)

    def _report(self, folder: Path, trials: list[TunedTrial], jobs: int) -> Tuned:
        there = [trial for trial in trials if math.isfinite(trial.objective)]
        if not there:
            raise ValueError(f"no trial has a {self.figure} above 0 under every seed: choose another figure")
        best = min(there, key=lambda trial: trial.objective if self._lower else -trial.objective)
        values = np.array(
            [
                np.exp(self._logarithms(folder, policy, self.study.seeds, jobs).mean(axis=0))
                for policy in (self.study.policies[0].specification, Specification.parse(best.policy))
            ]
        )
        return Tuned(tuple(trials), best, paired_ratio(values[1], values[0], method="bootstrap"), values)

    def _logarithms(self, folder: Path, policy: Specification, seeds: tuple[int, ...], jobs: int) -> Reals:
        """Logarithms of the figure, shape (settings, seeds); NaN where it is not above 0."""
        choice = PolicyChoice(policy, self.study.policies[0].predictor, str(policy))
        cells = [
            Simulation(setting.cluster, setting.source, choice, seed, self.study.oversize, self.study.window)
            for setting in self.study.settings
            for seed in seeds
        ]
        found: list[Figures] = run_whole(folder, cells, jobs=jobs)
        values = np.array([math.nan if run[self.figure] is None else run[self.figure] for run in found], np.float64)
        return np.log(np.where(values > 0, values, math.nan)).reshape(len(self.study.settings), len(seeds))

    def told(self, tuned: Tuned) -> list[str]:
        """What came of it, a sentence a line."""
        one = shown(self.figure)
        way = "lower" if self._lower else "higher"
        untuned = self.study.policies[0].label
        looked_at = len({trial.policy for trial in tuned.trials})
        reported, best = tuned.reported, tuned.best
        if math.isnan(reported.low):
            interval = ", of one seed, so there is no interval"
        else:
            interval = f" [{reported.low:.3f}, {reported.high:.3f}], a {CONFIDENCE:.0%} interval"
        stands = "" if reported.excludes(1.0) else " It holds 1: nothing was gained that these seeds could show."
        before, after = (np.exp(np.log(values).mean()) * one.scale for values in tuned.values)
        return [
            f"Tuned: {untuned}, {one.title} ({way} is better), {len(self.study.settings)} settings.",
            f"Looked at: {len(tuned.trials)} trials, {looked_at} different policies, on {len(self.training_seeds)} "
            "training seeds.",
            f"Best there: {best.policy}, trial {best.number}: {best.objective:.3f} times the untuned.",
            f"On {len(self.study.seeds)} other seeds: {reported.mean:.3f}{interval}; {before:,.4g} before, "
            f"{after:,.4g} {one.unit} after.{stands}",
        ]

    @property
    def _lower(self) -> bool:
        return shown(self.figure).better == "lower"


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise ValueError("brgym tune needs Optuna: pip install 'brgym[tune]', in this project -e '.[tune]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
