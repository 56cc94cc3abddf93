"""All cells as one CSV file: what each is, then what came out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brgym.plumbing.files import write_rows
from brgym.study.engine import Figures
from brgym.study.reproduce.balance_route.settings import Cell
from brgym.study.simulation import WALL_CLOCK


def write_cells(figures: Mapping[Cell, Figures], path: Path) -> None:
    """Writes one row a cell, in order, without what the wall clock says; the same study gives the same bytes.

    Raises:
        OSError: If the file cannot be written.
    """
    rows = [_described(cell) | run for cell, run in figures.items()]
    write_rows([{name: value for name, value in row.items() if name not in WALL_CLOCK} for row in rows], path)


def _described(cell: Cell) -> dict[str, Any]:
    cluster = cell.setting.cluster
    step = cluster.step_time.rows[0]
    return {
        "workload": cell.setting.workload,
        "workers": cluster.workers,
        "slots": cluster.slots,
        "candidates": cluster.candidates,
        "kv_capacity": cluster.kv_capacity,
        "base_s": step.base_s,
        "per_token_s": step.per_token_s,
        "router": str(cell.setting.router),
        "seed": cell.seed,
    }
