"""Pictures one after the other as a file."""

import os
import shutil
import sys

import numpy as np
import pytest
from PIL import Image, ImageColor

from brgym.plumbing import film
from brgym.plumbing.film import check_film, write_film
from brgym.plumbing.picture_style import BLUE, ORANGE


def _frames(count=4):
    for number in range(count):
        frame = np.full((32, 48, 3), 255, np.uint8)
        frame[:, : 8 * (number + 1)] = ImageColor.getrgb(BLUE if number % 2 else ORANGE)
        yield frame


@pytest.mark.parametrize("suffix", film.SUFFIXES)
def test_a_film_is_whole_and_the_same_each_time(suffix, tmp_path):
    for name in ("a", "b"):
        write_film(_frames(), tmp_path / f"{name}{suffix}", frames_per_s=10)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    assert sorted(os.listdir(tmp_path)) == [f"a{suffix}", f"b{suffix}"]


def test_a_gif_has_every_picture_in_its_colours_for_its_time(tmp_path):
    write_film(_frames(), tmp_path / "a.gif", frames_per_s=20)
    with Image.open(tmp_path / "a.gif") as gif:
        assert getattr(gif, "n_frames", 1) == 4
        for number, frame in enumerate(_frames()):
            gif.seek(number)
            assert gif.info["duration"] == 50
            np.testing.assert_array_equal(np.asarray(gif.convert("RGB")), frame)


def test_an_mp4_begins_as_one_and_a_png_is_the_last_picture(tmp_path):
    write_film(_frames(), tmp_path / "a.mp4", frames_per_s=20)
    assert (tmp_path / "a.mp4").read_bytes()[4:8] == b"ftyp"
    write_film(_frames(), tmp_path / "a.png", frames_per_s=20)
    with Image.open(tmp_path / "a.png") as last:
        np.testing.assert_array_equal(np.asarray(last), list(_frames())[-1])


def test_what_is_no_film_is_refused_and_nothing_is_left_behind(tmp_path):
    with pytest.raises(ValueError, match=r"--record must name a \.gif, \.mp4 or \.png file, got x\.avi"):
        check_film("--record", tmp_path.__class__("x.avi"))
    with pytest.raises(ValueError, match="frames is empty"):
        write_film([], tmp_path / "a.gif", frames_per_s=10)
    odd = [np.zeros((31, 47, 3), np.uint8)]
    with pytest.raises(OSError, match=r"ffmpeg"):
        write_film(odd, tmp_path / "a.mp4", frames_per_s=10)
    assert os.listdir(tmp_path) == []


def test_without_ffmpeg_an_mp4_is_refused_with_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(
        ValueError, match=r"--record: an \.mp4 needs ffmpeg: install it, or pip install 'brgym\[video\]'"
    ):
        check_film("--record", tmp_path / "a.mp4")
    check_film("--record", tmp_path / "a.gif")


def test_an_error_while_a_film_is_made_leaves_nothing_behind(tmp_path):
    def failing():
        yield from _frames(2)
        raise RuntimeError("the run broke")

    for suffix in film.SUFFIXES:
        with pytest.raises(RuntimeError, match="the run broke"):
            write_film(failing(), tmp_path / f"a{suffix}", frames_per_s=10)
    assert os.listdir(tmp_path) == []
