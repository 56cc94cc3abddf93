"""BalanceRoute's tables and ablations (arXiv 2605.06113): a list of cells, run, put together, reported.

`settings` says what a cell is, `tables` and `sweeps` list the cells of the study, `running` serves them, `outcomes`
estimates, `report`, `plots` and `csv_file` write down what came out.
"""

from brgym.study.reproduce.balance_route.study import PARTS, Part, reproduce

__all__ = ["PARTS", "Part", "reproduce"]
