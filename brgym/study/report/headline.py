"""The headline: how much was run, who has the lowest imbalance where, and whether that stands."""

from collections import Counter
from dataclasses import dataclass

from brgym.study.report.league import plus_minus, with_interval
from brgym.study.report.standing import best_policy, clairvoyant, mean_of, ratio_of, verdict, words
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
        certain: Whether it stands.
    """

    setting: str
    policy: str
    imbalance: str
    ratio: str
    throughput: str
    stands: str
    certain: bool


def winners_of(found: Results) -> tuple[Winner, ...]:
    """The best policy, of those that know no output lengths, of each setting that has results."""
    if IMBALANCE not in found.figures:
        return ()
    seers = clairvoyant(found)
    blind = [policy for policy in found.policies if policy not in seers]
    best = [(setting, best_policy(found, setting, among=blind)) for setting in range(len(found.settings))]
    return tuple(_winner(found, setting, policy) for setting, policy in best if policy is not None)


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


def _winner(found: Results, setting: int, policy: str) -> Winner:
    ratio = ratio_of(found, setting, policy, IMBALANCE)
    how = verdict(ratio)
    if policy == found.reference:
        stands = "it is the reference"
    elif how == "unknown":
        stands = "no interval"
    elif how == "open":
        stands = "may be chance"
    else:
        stands = "stands"
    faster = THROUGHPUT in figures_of(found)
    return Winner(
        setting=words(found, setting),
        policy=policy,
        imbalance=plus_minus(mean_of(found, setting, policy, IMBALANCE), shown(IMBALANCE)),
        ratio=with_interval(ratio) if policy != found.reference else "1",
        throughput=with_interval(ratio_of(found, setting, policy, THROUGHPUT)) if faster else "–",
        stands=stands,
        certain=how == "lower" and policy != found.reference,
    )


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
