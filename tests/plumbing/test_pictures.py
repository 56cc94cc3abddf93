"""Figures as PNG files."""

import os

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imread

from brgym.plumbing.pictures import write_png


def test_a_figure_is_written_at_its_own_resolution_and_the_same_each_time(tmp_path):
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in paths:
        figure = Figure(figsize=(2, 1), dpi=60)
        figure.add_subplot().plot([0, 1], [0, 1])
        write_png(figure, path)
    pictures = [imread(path) for path in paths]
    assert pictures[0].shape[:2] == (60, 120)
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert sorted(os.listdir(tmp_path)) == ["a.png", "b.png"]
