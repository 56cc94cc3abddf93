"""What every study stands on: cells that say all that decides them, run side by side, kept as they come."""

from brgym.study.engine.backends import BACKENDS, Backend
from brgym.study.engine.cell import Cell, Failure, Figures, key_of
from brgym.study.engine.journal import Journal
from brgym.study.engine.running import Progress, run_cells, run_into, run_whole

__all__ = [
    "BACKENDS",
    "Backend",
    "Cell",
    "Failure",
    "Figures",
    "Journal",
    "Progress",
    "key_of",
    "run_cells",
    "run_into",
    "run_whole",
]
