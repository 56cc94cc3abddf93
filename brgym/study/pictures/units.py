"""Numbers on axes."""

from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter

PLAIN = FuncFormatter(lambda value, place: f"{value:,.12g}")
"""Writes a tick's number out, with commas between thousands."""


def in_thousands(axis: Axis) -> None:
    """Labels the ticks in thousands, with as many digits as they need; the axis' own label says so."""
    axis.set_major_formatter(FuncFormatter(lambda value, place: f"{value / 1000:,.12g}"))


def plainly(axis: Axis) -> None:
    """Labels the ticks as plain numbers: 0.1, 1, 1,000; of a logarithmic axis the powers of its base alone."""
    axis.set_major_formatter(PLAIN)
    axis.set_minor_formatter(FuncFormatter(lambda value, place: ""))
