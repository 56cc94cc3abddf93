"""Figures as files, and how they look."""

import os
from pathlib import Path

import numpy as np
import pytest
from matplotlib import rcParams
from matplotlib.figure import Figure
from matplotlib.image import imread

from brgym.plumbing.picture_style import COLUMN_IN, PAGE_IN, PAPER, for_paper, new_figure, series
from brgym.plumbing.pictures import SUFFIXES, write_picture


def _figure() -> Figure:
    figure = Figure(figsize=(2, 1), dpi=60)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], label="a line")
    axes.fill_between([0, 1], [0, 1], hatch="/")
    axes.legend()
    return figure


def test_a_figure_is_written_at_its_own_resolution_and_the_same_each_time(tmp_path):
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in paths:
        write_picture(_figure(), path)
    pictures = [imread(path) for path in paths]
    assert pictures[0].shape[:2] == (60, 120)
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert sorted(os.listdir(tmp_path)) == ["a.png", "b.png"]


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".PDF"])
def test_the_suffix_is_the_format_and_the_same_figure_has_the_same_bytes(suffix, tmp_path, monkeypatch):
    written = []
    for name, epoch in (("a", "0"), ("b", "1000000000")):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)  # what matplotlib takes for today
        write_picture(_figure(), tmp_path / f"{name}{suffix}")
        written.append((tmp_path / f"{name}{suffix}").read_bytes())
    assert written[0] == written[1]
    begins = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}
    assert written[0].startswith(begins[suffix.lower()])
    assert b"Date" not in written[0]


def test_another_suffix_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(ValueError, match=r"path must name a \.png, \.pdf or \.svg file, got .*a\.gif"):
        write_picture(_figure(), Path(tmp_path / "a.gif"))
    assert os.listdir(tmp_path) == []


def test_series_can_be_told_apart_without_colour():
    looks = [series(number) for number in range(6)]
    assert len({look.color for look in looks}) == 6
    assert len({str(look.linestyle) for look in looks}) == 6
    assert len({(series(number).color, series(number).marker) for number in range(63)}) == 63


def test_figures_for_a_paper_are_as_wide_as_its_columns_and_leave_no_settings_behind():
    before = dict(rcParams)
    assert for_paper(lambda: rcParams["font.size"])() == PAPER["font.size"]
    assert dict(rcParams) == before
    assert new_figure(1).get_figwidth() == COLUMN_IN
    assert new_figure(2).get_figwidth() == PAGE_IN
    with pytest.raises(ValueError, match="columns must be 1 or 2, got 3"):
        new_figure(3)  # type: ignore[arg-type]
