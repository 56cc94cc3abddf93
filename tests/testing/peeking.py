"""How a cheat gets at what no view shows: through the frame of whoever asks it."""

import sys
from typing import Any

import numpy as np


def hidden_output_tokens() -> np.ndarray:
    """Output lengths of all requests of the run that is going on."""
    frame: Any = sys._getframe()
    while not hasattr(frame.f_locals.get("state"), "requests"):
        frame = frame.f_back
    return frame.f_locals["state"].requests["output_tokens"]
