"""AFD put to the test (arXiv 2601.21351): predicted against simulated ratios, and how a router moves the best one.

`grid` lists the cells, `predictions` and `search` find the predicted and the simulated best ratio of each, `verdicts`
compares them; `routers` runs the bundle as a cluster, `router_outcomes` estimates; `report` and `plots` write it down.
"""

from brgym.study.reproduce.afd.study import PARTS, Part, reproduce

__all__ = ["PARTS", "Part", "reproduce"]
