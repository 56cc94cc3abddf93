"""Caches follow what they were made of: machine code the functions and constants that it uses, cells their modules."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]

ROUTER = """
import json, sys
import numpy as np
{imports}
from brgym import ClusterConfig, Workload, compiled_kernel, simulate
from brgym.cluster import Memory

@compiled_kernel
def kernel(view, memory, pairs):
    pairs[0, 0] = 0
    pairs[0, 1] = {worker}
    return 1

class Own:
    binding = "arrival"
    kernel = staticmethod(kernel)
    def reset(self, cluster, seed):
        self.memory = Memory(np.zeros(0, np.int64), np.zeros(0))

chosen = simulate(ClusterConfig(workers=4), Workload([0.0], [1], [1]), Own()).requests["worker"].tolist()
hits = sum(kernel.stats.cache_hits.values())
print(json.dumps([chosen, hits]))
"""


def run(folder: Path, script: str, *, cache: Path | None = None) -> Any:
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment["PYTHONPATH"] = os.pathsep.join([str(folder), str(ROOT)])
    environment["PYTHONDONTWRITEBYTECODE"] = "1"  # Python's own cache goes by the second; these edits come faster
    if cache is not None:
        environment["NUMBA_CACHE_DIR"] = str(cache)
    ended = subprocess.run([sys.executable, script], cwd=folder, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def write(path: Path, text: str) -> None:
    """Writes a file that keeps its time stamp, so that only its content tells that it changed."""
    stamp = path.stat() if path.exists() else None
    path.write_text(text)
    if stamp is not None:
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


@pytest.mark.parametrize("own_folder", [False, True], ids=["beside the source", "NUMBA_CACHE_DIR"])
def test_the_edit_of_a_helpers_file_is_followed(tmp_path: Path, own_folder: bool) -> None:
    cache = tmp_path / "cache" if own_folder else None
    write(tmp_path / "router.py", ROUTER.format(imports="from helper import worker", worker="worker()"))
    helper = "import numba\nfrom farther import nth\n@numba.njit(cache=True)\ndef worker():\n    return nth() + {}\n"
    farther = "import numba\nTHIRD = {}\n@numba.njit(cache=True)\ndef nth():\n    return THIRD\n"
    write(tmp_path / "helper.py", helper.format(0))
    write(tmp_path / "farther.py", farther.format(0))
    assert run(tmp_path, "router.py", cache=cache) == [[0], 0]
    assert run(tmp_path, "router.py", cache=cache) == [[0], 1], "what has not changed is not compiled again"
    write(tmp_path / "helper.py", helper.format(2))
    assert run(tmp_path, "router.py", cache=cache) == [[2], 0]
    write(tmp_path / "farther.py", farther.format(1))
    assert run(tmp_path, "router.py", cache=cache) == [[3], 0]
    (tmp_path / "unrelated.py").write_text("EDITED = True\n")
    assert run(tmp_path, "router.py", cache=cache) == [[3], 1]


def test_a_constant_from_elsewhere_is_followed(tmp_path: Path) -> None:
    write(tmp_path / "router.py", ROUTER.format(imports="import settings", worker="settings.CHOSEN"))
    write(tmp_path / "settings.py", "CHOSEN = 1\n")
    assert run(tmp_path, "router.py") == [[1], 0]
    write(tmp_path / "settings.py", "CHOSEN = 3\n")
    assert run(tmp_path, "router.py") == [[3], 0]


HELPERS = """
import enum
import numpy as np
import numba
from numba.experimental import jitclass
class Number(enum.IntEnum):
    ONE = {first}
LARGE = (np.full(5000, {first}), np.zeros(5000, np.int64))
@numba.njit
def first():
    return {first}
@numba.njit
def second():
    return {second}
@numba.njit
def given(number={first}):
    return number
@numba.vectorize(["int64(int64)"])
def each(number):
    return number + {first}
@jitclass([("number", numba.int64)])
class Counter:
    def __init__(self):
        self.number = 0
    def value(self):
        return {first}
"""

REACHED = {
    "which function is meant": ("from chosen import rule", "rule()"),
    "a module through a module": ("import house.helpers", "house.helpers.first()"),
    "a default": ("from house.helpers import given", "given()"),
    "an enumeration": ("from house.helpers import Number", "Number.ONE.value"),
    "a tuple of arrays": ("from house.helpers import LARGE", "LARGE[0][2500]"),
    "a ufunc": ("from house.helpers import each", "each(0)"),
    "a compiled class": ("from house.helpers import Counter", "Counter().value()"),
}


@pytest.mark.parametrize("way", REACHED)
def test_whatever_compiled_code_can_reach_is_followed(tmp_path: Path, way: str) -> None:
    imports, worker = REACHED[way]
    (tmp_path / "house").mkdir()
    write(tmp_path / "house" / "__init__.py", "")
    write(tmp_path / "router.py", ROUTER.format(imports=imports, worker=worker))
    write(tmp_path / "house" / "helpers.py", HELPERS.format(first=1, second=3))
    write(tmp_path / "chosen.py", "from house.helpers import first as rule\n")
    assert run(tmp_path, "router.py") == [[1], 0]
    if way == "which function is meant":
        write(tmp_path / "chosen.py", "from house.helpers import second as rule\n")
    else:
        write(tmp_path / "house" / "helpers.py", HELPERS.format(first=3, second=1))
    assert run(tmp_path, "router.py") == [[3], 0]


def test_what_an_older_session_compiles_is_not_taken_for_the_edited_file(tmp_path: Path) -> None:
    helper = "import numba\n@numba.njit\ndef worker():\n    return {}\n"
    write(tmp_path / "helper.py", helper.format(1))
    edit = f"from pathlib import Path\nfrom helper import worker\nPath('helper.py').write_text({helper.format(2)!r})"
    write(tmp_path / "router.py", ROUTER.format(imports=edit, worker="worker()"))
    assert run(tmp_path, "router.py")[0] == [1], "imported before the edit"
    assert run(tmp_path, "router.py") == [[2], 0]


def test_the_layout_of_a_memory_is_followed(tmp_path: Path) -> None:
    layout = """
from typing import NamedTuple
import numpy as np
from brgym.cluster import Integers, Layout
class Notes(NamedTuple):
    {first}: Integers
    {second}: Integers
notes_in = (LAYOUT := Layout(Notes)).reader()
def fresh():
    return LAYOUT.memory(Notes({first}=np.array([1]), {second}=np.array([2])))
"""
    router = ROUTER.format(imports="from notes import fresh, notes_in", worker="notes_in(memory).mine[0]")
    router = router.replace("Memory(np.zeros(0, np.int64), np.zeros(0))", "fresh()")
    write(tmp_path / "router.py", router)
    write(tmp_path / "notes.py", layout.format(first="mine", second="your"))
    assert run(tmp_path, "router.py") == [[1], 0]
    write(tmp_path / "notes.py", layout.format(first="your", second="mine"))
    assert run(tmp_path, "router.py") == [[2], 0]


DIGESTS = """
import json
from brgym._ingredients import digest_of_function, digest_of_modules
from brgym.cluster.drive import _loop
cell = digest_of_modules("brgym.study.simulation", "baselines.balance_route.br_h")
print(json.dumps([digest_of_function(_loop)[0], cell]))
"""


def test_the_projects_own_code_is_followed_as_far_as_it_is_used(tmp_path: Path) -> None:
    for package in ("brgym", "baselines", "classifiers"):
        for source in (ROOT / package).rglob("*.py"):
            copy = tmp_path / source.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source.read_bytes())
    (tmp_path / "digests.py").write_text(DIGESTS)

    def edited(file: str) -> Any:
        path = tmp_path / file
        path.write_text(path.read_text() + "\n# edited\n")
        return run(tmp_path, "digests.py")

    loop, cell = run(tmp_path, "digests.py")
    assert edited("brgym/cli/compare.py") == [loop, cell]
    assert edited("brgym/envs/stepping.py") == [loop, cell]
    same, other = edited("baselines/balance_route/stages.py")
    assert same == loop
    assert other != cell
    followed, again = edited("brgym/cluster/waiting.py")
    assert followed != loop
    assert again not in (cell, other)
