"""What the paper printed (arXiv 2605.06113): one replay a cell, no intervals, heavy load, G = 8 unless said."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Printed:
    """One row of the paper's table.

    Attributes:
        imbalance: "Average imbalance" in tokens; its size fits G max - sum, though readers call it max - min.
        tpot_p95_ms: 95th percentile of the time per output token, in milliseconds.
        tok_s: Throughput in tokens per second; a worker's, by its size (our inference).
    """

    imbalance: float | None
    tpot_p95_ms: float | None
    tok_s: float

    @property
    def concurrency(self) -> float | None:
        """Requests that a worker decodes at once, by Little's law with the p95 for the mean of TPOT."""
        return None if self.tpot_p95_ms is None else self.tok_s * self.tpot_p95_ms * 1e-3


PROPRIETARY_TRACE = {
    "random": Printed(438_225, 85.2, 811),
    "round-robin": Printed(254_798, 83.2, 847),
    "power-of-two": Printed(262_940, 84.0, 836),
    "jsq": Printed(215_110, 83.2, 843),
    "br-0": Printed(51_927, 79.3, 943),
    "br-h oracle": Printed(23_577, 78.0, 1029),
    "br-h survival, cut": Printed(40_757, 78.7, 979),
    "br-h exact-match, cut": Printed(36_277, 78.8, 977),
}
"""The proprietary trace: 8,000 requests, mean prompt 3197, mean output 1185."""

AZURE_2024 = {
    "random": Printed(146_564, 90.3, 706),
    "round-robin": Printed(110_049, 89.1, 771),
    "power-of-two": Printed(109_033, 89.3, 794),
    "jsq": Printed(104_737, 89.3, 785),
    "br-0": Printed(54_051, 83.3, 854),
    "br-h oracle": Printed(35_301, 77.3, 957),
    "br-h survival, cut": Printed(44_010, 82.1, 893),
    "br-h exact-match, cut": Printed(38_496, 82.3, 909),
}
"""The Azure 2024 conversation trace, outputs above 1000: 10,000 requests, mean prompt 4652, mean output 1052."""

SCALING = {
    4: {
        "jsq": Printed(None, None, 366.4),
        "br-0": Printed(None, None, 407.1),
        "br-h oracle": Printed(None, None, 415.3),
    },
    16: {
        "jsq": Printed(None, None, 927.3),
        "br-0": Printed(None, None, 1117.8),
        "br-h oracle": Printed(None, None, 1247.4),
    },
}
"""The proprietary trace at other numbers of workers; "jsq" stands for the paper's best baseline."""
