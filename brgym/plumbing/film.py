"""Pictures one after the other as a file: an animated GIF, an MP4 film, or the last picture alone as PNG."""

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from brgym.plumbing.files import write_atomically
from brgym.plumbing.picture_style import BLACK, BLUE, GREEN, GREY, ORANGE, PALE, PURPLE, SKY, VERMILION

Image = npt.NDArray[np.uint8]

SUFFIXES = (".gif", ".mp4", ".png")
"""How the name of a film may end."""

_BLENDS = 9
"""Shades of each colour in a GIF, as the edges of letters have them."""


def check_film(name: str, path: Path) -> None:
    """Refuses a path that is no film's, before the work is done.

    Args:
        name: The option or parameter that names it.
        path: The file.

    Raises:
        ValueError: If it does not end in one of `SUFFIXES`, or if it is an MP4 and there is no ffmpeg.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{name} must name a {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} file, got {path}")
    if path.suffix.lower() == ".mp4":
        _ffmpeg(name)


def write_film(frames: Iterable[Image], path: Path, *, frames_per_s: int) -> None:
    """Writes a film, whole or not at all; the same pictures give the same bytes from the same libraries.

    Args:
        frames: At least one picture, all of shape (height, width, 3), height and width even numbers.
        path: The file, whose suffix decides the format; replaced if it is there. Of a PNG, the last picture.
        frames_per_s: Pictures a second.

    Raises:
        ValueError: If there is no picture, or as `check_film`.
        OSError: If it cannot be written.
    """
    check_film("path", path)
    pictures = iter(frames)
    first = next(pictures, None)
    if first is None:
        raise ValueError("frames is empty: a film needs a picture")
    write = {".gif": _write_gif, ".mp4": _write_mp4, ".png": _write_png}[path.suffix.lower()]
    write_atomically(path, lambda file: write(file, first, pictures, frames_per_s))


def _write_gif(file: BinaryIO, first: Image, others: Iterator[Image], frames_per_s: int) -> None:
    from PIL import Image as Pictures

    palette = Pictures.new("P", (1, 1))
    palette.putpalette(_palette())

    def packed(frame: Image) -> Any:
        return Pictures.fromarray(frame).quantize(palette=palette, dither=Pictures.Dither.NONE)

    duration_ms = round(1000 / frames_per_s)
    packed(first).save(
        file, format="GIF", save_all=True, append_images=map(packed, others), duration=duration_ms, loop=0
    )


def _palette() -> list[int]:
    """The colours of our pictures and their blends with white, as red, green and blue one after the other."""
    from PIL import ImageColor

    share = np.linspace(0, 1, _BLENDS)[:, None]
    drawn = [ImageColor.getrgb(colour)[:3] for colour in (BLACK, GREY, BLUE, VERMILION, ORANGE, GREEN, PURPLE, SKY)]
    blends = [np.rint(255 + share * (np.array(colour) - 255)) for colour in drawn]
    return np.concatenate([*blends, [ImageColor.getrgb(PALE)[:3]]]).astype(int).reshape(-1).tolist()


def _write_png(file: BinaryIO, first: Image, others: Iterator[Image], frames_per_s: int) -> None:
    from PIL import Image as Pictures

    last = first
    for last in others:  # noqa: B007  # the last one is wanted
        pass
    Pictures.fromarray(last).save(file, format="PNG")


def _write_mp4(file: BinaryIO, first: Image, others: Iterator[Image], frames_per_s: int) -> None:
    """Has ffmpeg write to the open file's path: it has to go back in it at the end, which a pipe does not allow."""
    high, wide, _ = first.shape
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{wide}x{high}", "-r", str(frames_per_s), "-i", "-"]
    coded = ["-an", "-vcodec", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
    undated = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact"]
    command = [_ffmpeg("path"), "-y", "-loglevel", "error", *raw, *coded, *undated, "-f", "mp4", file.name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as coder:
        assert coder.stdin is not None
        assert coder.stderr is not None
        try:
            coder.stdin.write(first.tobytes())
            for frame in others:
                coder.stdin.write(frame.tobytes())
            coder.stdin.close()
        except BrokenPipeError:  # what it has to say follows
            pass
        said = coder.stderr.read().decode(errors="replace").strip()
    if coder.returncode != 0:
        raise OSError(f"ffmpeg: {said.splitlines()[-1] if said else f'exit status {coder.returncode}'}")


def _ffmpeg(name: str) -> str:
    """The system's ffmpeg, or the one that the extra `video` brings."""
    found = shutil.which("ffmpeg")
    if found is not None:
        return found
    try:
        import imageio_ffmpeg
    except ImportError:
        raise ValueError(f"{name}: an .mp4 needs ffmpeg: install it, or pip install 'brgym[video]'") from None
    return str(imageio_ffmpeg.get_ffmpeg_exe())
