"""The command line: `brgym compare`, lists of what it can be given, and the studies.

Each command has a module of its own. What a command needs is imported inside it, so that help comes at once.
"""

import os
import re
import sys
import warnings
from collections.abc import Sequence

import tyro

from brgym.cli.afd import afd
from brgym.cli.compare import compare
from brgym.cli.lists import clusters, policies, workloads
from brgym.cli.reproduce import balance_route
from brgym.cli.reproduce_afd import afd as reproduce_afd

_OPTIONS = {"unit": "time_unit"}
"""Parameters that are called otherwise on the command line."""

_app = tyro.extras.SubcommandApp()
for _command in (compare, afd, workloads, policies, clusters):
    _app.command(_command)
_studies = tyro.extras.SubcommandApp()
_studies.command(name="balance-route")(balance_route)
_studies.command(name="afd")(reproduce_afd)
_app.command(_studies, name="reproduce", help="Run a paper's tables and figures again.")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        argv: The arguments; by default those of the process.

    Returns:
        The exit status: 0, or 2 after an error of the user's, which is reported in one line.
    """
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_args, **_options: _report(_kind(message), message)
        try:
            _app.cli(prog="brgym", description="Load balancing in data-parallel LLM decoding.", args=argv)
            sys.stdout.flush()
        except BrokenPipeError:  # the reader of a pipe has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except (ValueError, OSError) as error:
            _report("error", error)
            return 2
        except KeyboardInterrupt:
            _report("error", "interrupted")
            return 130
    return 0


def _kind(warning: Warning | str) -> str:
    from brgym.workload import ReadingNotice

    return "notice" if isinstance(warning, ReadingNotice) else "warning"


def _report(kind: str, message: object) -> None:
    text = " ".join(str(message).split())
    print(f"brgym: {kind}: {_as_options(text)}", file=sys.stderr)


def _as_options(text: str) -> str:
    """Says a parameter the way the command line has it: `oversize='drop'` becomes `--oversize drop`."""
    parameter = re.compile(r"^(?P<name>[a-z_]+)(?= must )|\b(?P<flag>[a-z_]+)=(?:True|'(?P<value>[\w-]+)')")

    def option(found: re.Match[str]) -> str:
        name = found["name"] or found["flag"]
        name = _OPTIONS.get(name, name).replace("_", "-")
        return f"--{name} {found['value']}" if found["value"] else f"--{name}"

    return parameter.sub(option, text)
