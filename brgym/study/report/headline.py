"""The headline: how much was run, who has the lowest imbalance where, and whether that stands."""

from collections import Counter
from dataclasses import dataclass

from brgym.study.report.league import plus_minus, with_interval
from brgym.study.report.standing import Standings, Verdict, best_policy, clairvoyant, verdict, words
from brgym.study.results import Results
from brgym.study.shown_figures import IMBALANCE, THROUGHPUT, figures_of, shown


@dataclass(frozen=True)
class Winner:
    """The best policy of a setting.

    Attributes:
        setting: What is varied there.
        policy: The policy with the lowest mean imbalance.
        imbalance: The same with its interval.
        ratio: To the reference, with its interval.
        throughput: Ratio of the throughput, likewise.
        stands: What to think of it, in words.
        note: Why it does not stand, and how many seeds would tell; empty where it does.
        certain: Whether it stands.
    """

    setting: str
    policy: str
    imbalance: str
    ratio: str
    throughput: str
    stands: str
    note: str
    certain: bool


def winners_of(found: Results, standings: Standings) -> tuple[Winner, ...]:
    """The best policy, of those that know no output lengths, of each setting that has results."""
    if IMBALANCE not in found.figures:
        return ()
    seers = clairvoyant(found)
    blind = [policy for policy in found.policies if policy not in seers]
    best = [(setting, best_policy(found, setting, among=blind)) for setting in range(len(found.settings))]
    return tuple(_winner(found, standings, setting, policy) for setting, policy in best if policy is not None)


def headline(found: Results, winners: tuple[Winner, ...]) -> str:
    """The outcome in a sentence or two."""
    if not winners:
        return "No cell has results yet."
    counted = Counter(winner.policy for winner in winners)
    many = len(winners) > 1
    said = [
        f"{policy} has the lowest imbalance" + (f" in {count} of {len(winners)} settings" if many else "")
        for policy, count in counted.most_common()
    ]
    certain = sum(winner.certain for winner in winners)
    others = sum(winner.policy != found.reference for winner in winners)
    if not others:
        return f"{'; '.join(said)}; it is the reference."
    if not many:
        return f"{said[0]}, {winners[0].ratio} times that of {found.reference}: {winners[0].stands}."
    return f"{'; '.join(said)}. The difference to {found.reference} stands in {certain} of {others}."


def cells_line(found: Results) -> str:
    """How many cells the study has, and what became of them."""
    cells, failed = found.table.num_rows, len(found.failures)
    left = found.missing - failed
    size = (
        f"{_count(len(found.settings), 'setting')} × {_count(len(found.policies), 'policy', 'policies')} × "
        f"{_count(len(found.seeds), 'seed')} = {_count(cells, 'cell')}"
    )
    return f"{size}: {cells - found.missing} done, {failed} failed" + (f", {left} not run." if left else ".")


def _winner(found: Results, standings: Standings, setting: int, policy: str) -> Winner:
    row = standings.of(setting, IMBALANCE)[policy]
    how = verdict(row)
    faster = THROUGHPUT in figures_of(found)
    return Winner(
        setting=words(found, setting),
        policy=policy,
        imbalance=plus_minus(row.mean, shown(IMBALANCE)),
        ratio="1" if row.is_reference else with_interval(row.ratio),
        throughput=with_interval(standings.of(setting, THROUGHPUT)[policy].ratio) if faster else "–",
        stands="it is the reference" if row.is_reference else _SAID[how],
        note=row.note,
        certain=how == "lower" and not row.is_reference,
    )


_SAID: dict[Verdict, str] = {"unknown": "no interval", "open": "may be chance", "lower": "stands", "higher": "stands"}


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
