"""A cluster's state as text in colours, for a terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from brgym.plumbing.cluster_picture import ClusterShown
from brgym.plumbing.picture_style import ENVELOPE, LOAD, WAITING

_FILLED, _MARK = "█", "│"
_PARTS = " ▏▎▍▌▋▊▉"  # eighths of a cell


def screen(shown: ClusterShown, *, title: str, keys: str, width: int, height: int) -> RenderableType:
    """Lays out a bar a worker under the envelope, the pool, and the figures so far.

    Where there are more workers than lines, the most and the least loaded ones are shown.

    Args:
        shown: The state.
        title: What is shown: policy, workload.
        keys: What the keys do, or other words for the last line.
        width: Columns of the terminal.
        height: Lines of the terminal.
    """
    head = Text(
        f"{title}   {shown.now_s:,.2f} s   step {shown.step:,}", style="bold", no_wrap=True, overflow="ellipsis"
    )
    figures = Text(no_wrap=True, overflow="ellipsis")
    for name, text in shown.figures:
        figures.append(f"{name} ", style="dim").append(f"{text}   ")
    state = Text(no_wrap=True, overflow="ellipsis")
    state.append("envelope ", style="dim").append(f"{shown.envelope:,}", style=ENVELOPE)
    state.append("   imbalance ", style="dim").append(f"{shown.imbalance:,}")
    state.append("   axis ends at ", style="dim").append(f"{shown.ceiling:,} tokens")
    return Group(
        head, figures, state, _workers(shown, width, max(height - 6, 2)), _pool(shown, width), Text(keys, "dim")
    )


def _workers(shown: ClusterShown, width: int, lines: int) -> Table:
    table = Table.grid(padding=(0, 1))
    columns = max(width - 46, 10)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(width=columns, no_wrap=True)
    for _ in range(3):
        table.add_column(justify="right", no_wrap=True)
    chosen, left_out = _chosen(shown, lines)
    for worker in chosen:
        queued = int(shown.queued[worker])
        table.add_row(
            Text(str(worker), "dim"),
            _bar(shown, int(shown.load_tokens[worker]), columns),
            f"{shown.load_tokens[worker]:,}",
            f"{shown.active[worker]}/{shown.slots}",
            Text(f"+{queued} queued", WAITING) if queued else "",
        )
    if left_out:
        table.add_row("", Text(f"{left_out} workers between these are not shown", "dim"), "", "", "")
    return table


def _chosen(shown: ClusterShown, lines: int) -> tuple[list[int], int]:
    """The workers that are shown, by number, and how many are not."""
    workers = len(shown.load_tokens)
    if workers <= lines:
        return list(range(workers)), 0
    room = lines - 1
    by_load = shown.load_tokens.argsort(kind="stable").tolist()
    kept = by_load[: room // 2] + by_load[workers - (room - room // 2) :]
    return sorted(kept), workers - room


def _bar(shown: ClusterShown, load: int, columns: int) -> Text:
    """The load as a bar, the envelope as a mark."""
    eighths = round(8 * columns * load / shown.ceiling)
    cells = (_FILLED * (eighths // 8) + _PARTS[eighths % 8].strip())[:columns]
    mark = min(round(columns * shown.envelope / shown.ceiling), columns - 1)
    rest = "".join(_MARK if column == mark else " " for column in range(len(cells), columns))
    return Text.assemble((cells, LOAD), (rest, ENVELOPE))


def _pool(shown: ClusterShown, width: int) -> Text:
    contexts = shown.candidate_context_tokens
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"waiting {shown.waiting:,}", WAITING if shown.waiting else "dim")
    if len(contexts):
        line.append(f"   the router sees {len(contexts)}, oldest first: ", "dim")
        line.append(" ".join(f"{context:,}" for context in contexts[:40].tolist()))
    line.truncate(width, overflow="ellipsis")
    return line
