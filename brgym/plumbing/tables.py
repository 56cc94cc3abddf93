"""Tables as files that are either whole or not there: Parquet, Arrow or CSV, by suffix."""

from pathlib import Path
from typing import TYPE_CHECKING

from brgym.plumbing.files import write_atomically

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = (".parquet", ".arrow", ".csv")
"""Parquet; Arrow's file format (Feather 2); CSV with a header, nothing where a value is null."""


def check_table_name(option: str, path: Path) -> None:
    """Refuses a file whose suffix stands for no format.

    Raises:
        ValueError: Naming the option and the suffixes.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{option} must name a {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} file, got {path}")


def write_table(table: "pa.Table", path: str | Path) -> None:
    """Writes a table, whole or not at all; the same table gives the same bytes.

    Args:
        table: The table.
        path: The file; its suffix says the format, see `SUFFIXES`. Replaced if it is there.

    Raises:
        ValueError: If the suffix stands for no format.
        OSError: If the file cannot be written.
    """
    target = Path(path)
    check_table_name("path", target)
    suffix = target.suffix.lower()
    if suffix == ".parquet":
        from pyarrow.parquet import write_table as write_parquet

        write_atomically(target, lambda file: write_parquet(table, file))
    elif suffix == ".csv":
        from pyarrow.csv import write_csv

        write_atomically(target, lambda file: write_csv(table, file))
    else:
        from pyarrow.feather import write_feather

        write_atomically(target, lambda file: write_feather(table, file))
