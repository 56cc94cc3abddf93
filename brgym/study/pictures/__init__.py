"""Pictures of runs and studies, at the size of a paper's columns; each `draw_*` returns a Matplotlib figure.

`brgym.plumbing.pictures.write_picture` makes a file of it; `brgym.plumbing.picture_style` says how all of them look.
"""

from brgym.study.pictures.distribution import draw_distribution
from brgym.study.pictures.imbalance import draw_imbalance
from brgym.study.pictures.lines import Line
from brgym.study.pictures.load import draw_against_load, draw_load_panels
from brgym.study.pictures.prediction import Predicted, draw_prediction
from brgym.study.pictures.scaling import draw_scaling
from brgym.study.pictures.timeline import draw_timeline
from brgym.study.pictures.worker_loads import draw_worker_loads

__all__ = [
    "Line",
    "Predicted",
    "draw_against_load",
    "draw_distribution",
    "draw_imbalance",
    "draw_load_panels",
    "draw_prediction",
    "draw_scaling",
    "draw_timeline",
    "draw_worker_loads",
]
