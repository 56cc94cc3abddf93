"""`brgym watch`: a run as it goes, in the terminal or as a film."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tyro

from brgym.cli.outputs import print_lines, written_line
from brgym.cli.policy_options import named_policy
from brgym.cli.serving_options import ServingOptions
from brgym.plumbing.terminal import page, progress_bar, progress_console

_SERVING = ServingOptions()


def watch(
    *,
    serving: tyro.conf.OmitArgPrefixes[ServingOptions] = _SERVING,
    policy: str = "br-0",
    predictor: str | None = None,
    seed: int = 0,
    speed: float = 1.0,
    until_s: float | None = None,
    record: Path | None = None,
    frames_per_s: int = 10,
    cluster_settings: tyro.conf.Suppress[Mapping[str, Any]] = MappingProxyType({}),
) -> None:
    """Watch a run: each worker's load under the envelope, its slots and queue, the pool, and the figures so far.

    Keys: space pauses, s or the right arrow makes one decode step, + and - double and halve the speed, q quits.

    Args:
        serving: The cluster and its requests.
        policy: One policy, written as for `brgym compare --policies`.
        predictor: As in `brgym compare`.
        seed: Decides the requests of a built-in workload and the policy's randomness.
        speed: Simulated seconds a second, to begin with.
        until_s: Simulated time at which to end; by default the run's end.
        record: Show nothing and write a film to this file: .gif, .mp4, or .png, the last picture alone.
        frames_per_s: Pictures a second of the film.
        cluster_settings: Other fields of the cluster's configuration, as `brgym.study.with_settings` reads them.
    """
    terminal = progress_console()
    with terminal.status("loading (the first run compiles for about half a minute)"):
        from brgym import study
        from brgym._checks import check_integer, check_real
        from brgym.plumbing.files import check_writable
        from brgym.plumbing.film import check_film
        from brgym.plumbing.keyboard import has_terminal, keyboard
        from brgym.study.watch import Show
        from brgym.study.watch import watch as show_live
        from brgym.study.watch.live import SPEEDS

        check_real("speed", speed, minimum=SPEEDS[0], maximum=SPEEDS[1])
        check_integer("frames_per_s", frames_per_s, minimum=1, maximum=50)
        if until_s is not None:
            check_real("until_s", until_s, minimum=0.0)
        if record is not None:
            check_film("--record", record)
            check_writable({"--record": record})
        elif not has_terminal():
            raise ValueError("brgym watch needs a terminal; without one, --record FILE makes a film of the run")
        chosen, source = serving.served(cluster_settings)
        choice = named_policy(policy, predictor, source)
        made = choice.make(source, seed)
        run = study.SteppedRun(chosen, source.workload(seed), made, seed, oversize=serving.oversize)
        show = Show(run, until_s=float("inf") if until_s is None else until_s)
    if record is None:
        with keyboard() as keys:
            show_live(show, keys, page(), title=f"{choice.label} on {source.name}", speed=speed)
    else:
        _record(show, record, every_s=speed / frames_per_s, frames_per_s=frames_per_s)


def _record(show: Any, path: Path, *, every_s: float, frames_per_s: int) -> None:
    from brgym.plumbing.film import write_film
    from brgym.study.watch import film_frames

    with progress_bar(progress_console()) as (_, on_frame):

        def counted() -> Any:
            for frame in film_frames(show, every_s=every_s):
                on_frame(f"{show.now_s:,.0f} s")
                yield frame

        write_film(counted(), path, frames_per_s=frames_per_s)
    print_lines(page(), [written_line(path)])
