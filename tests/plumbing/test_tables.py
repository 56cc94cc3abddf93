"""Tables as files: what is written is read again, by suffix, with the same bytes each time."""

import os

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

from brgym.plumbing.tables import check_table_name, write_table

TABLE = pa.table({"request": [0, 1, 2], "finish_s": [0.1 + 0.2, None, 1e-7], "policy": ["jsq", "br-0:a=1,b=2", "x"]})

READ = {
    ".parquet": pyarrow.parquet.read_table,
    ".arrow": pyarrow.feather.read_table,
    ".csv": pyarrow.csv.read_csv,
}


@pytest.mark.parametrize("suffix", READ)
def test_what_is_written_is_read_again(suffix, tmp_path):
    paths = [tmp_path / f"a{suffix}", tmp_path / f"b{suffix.upper()}"]
    for path in paths:
        write_table(TABLE, path)
    assert READ[suffix](paths[0]).equals(TABLE)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_csv_has_a_header_and_nothing_for_null(tmp_path):
    write_table(TABLE.select(["request", "finish_s"]), str(tmp_path / "a.csv"))
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines == ['"request","finish_s"', "0,0.30000000000000004", "1,", "2,1e-7"]


@pytest.mark.parametrize("name", ["a", "a.xlsx", "a.csv.zip"])
def test_other_suffixes_are_refused(name, tmp_path):
    with pytest.raises(ValueError, match=r"path must name a .parquet, .arrow or .csv file, got .*a"):
        write_table(TABLE, tmp_path / name)
    with pytest.raises(ValueError, match="--steps-table must name"):
        check_table_name("--steps-table", tmp_path / name)
    assert os.listdir(tmp_path) == []
