"""`brgym watch`."""

import pytest
from PIL import Image

from brgym.cli import main

SMALL = ("watch", "--requests", "40", "--workers", "3", "--slots", "4", "--until-s", "3")


def test_a_film_is_recorded_without_a_terminal(tmp_path, capsys):
    film = tmp_path / "run.gif"
    assert main([*SMALL, "--policy", "jsq", "--record", str(film), "--kv-capacity", "40000"]) == 0
    assert f"Written: {film}" in capsys.readouterr().out
    with Image.open(film) as gif:
        assert getattr(gif, "n_frames", 1) == pytest.approx(31, abs=2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "brgym watch needs a terminal; without one, --record FILE makes a film"),
        (("--record", "x.avi"), "--record must name a .gif, .mp4 or .png file, got x.avi"),
        (("--record", "missing/x.gif"), "--record: no such folder"),
        (("--record", "x.png", "--policy", "jsq,br-0"), "policy must be one, got 2"),
        (("--record", "x.png", "--policy", "jsk"), "did you mean 'jsq'?"),
        (("--record", "x.png", "--speed", "0"), "speed must be"),
        (("--record", "x.png", "--until-s", "-1"), "until_s must be"),
        (("--record", "x.png", "--frames-per-s", "0"), "frames_per_s must be"),
    ],
)
def test_bad_input_gets_one_line_and_nothing_is_written(options, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([*SMALL, *options]) != 0
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert words.replace("_", "-").replace("-", "") in said[0].replace("_", "-").replace("-", "")
    assert list(tmp_path.iterdir()) == []
