"""All cells as one CSV file: what each is, then what came out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brgym.plumbing.files import write_rows
from brgym.study.reproduce.balance_route.settings import Cell
from brgym.study.reproduce.store import Figures


def write_cells(figures: Mapping[Cell, Figures], path: Path) -> None:
    """Writes one row a cell, in order; the same study gives the same bytes.

    Raises:
        OSError: If the file cannot be written.
    """
    write_rows([_described(cell) | run for cell, run in figures.items()], path)


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
