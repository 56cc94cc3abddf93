"""The command line: `brgym compare`, lists of what it can be given, and the studies.

Each command has a module of its own. What a command needs is imported inside it, so that help comes at once.
"""

import sys
from collections.abc import Sequence

import tyro

from brgym.cli.afd import afd
from brgym.cli.cluster_options import with_cluster_options
from brgym.cli.compare import compare
from brgym.cli.exit_status import exit_status
from brgym.cli.lists import clusters, policies, workloads
from brgym.cli.plot import plot
from brgym.cli.report import report
from brgym.cli.reproduce import balance_route
from brgym.cli.reproduce_afd import afd as reproduce_afd
from brgym.cli.saturate import saturate
from brgym.cli.simulate import simulate
from brgym.cli.sweep import sweep
from brgym.cli.tune import tune
from brgym.cli.watch import watch
from brgym.cli.whole_numbers import with_checked_numbers

_app = tyro.extras.SubcommandApp()
for _command in (compare, simulate, watch, sweep, plot, report, tune, saturate, afd, workloads, policies, clusters):
    _app.command(with_checked_numbers(_command))
_studies = tyro.extras.SubcommandApp()
_studies.command(name="balance-route")(with_checked_numbers(balance_route))
_studies.command(name="afd")(with_checked_numbers(reproduce_afd))
_app.command(_studies, name="reproduce", help="Run a paper's tables and figures again.")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        argv: The arguments; by default those of the process.

    Returns:
        The exit status, see `brgym.cli.exit_status`.
    """
    description = "Load balancing in data-parallel LLM decoding."
    arguments = sys.argv[1:] if argv is None else list(argv)

    def command() -> None:
        # Its options follow from the cluster's classes, which take a second to import.
        for served in (compare, simulate, watch, saturate):
            if arguments[:1] == [served.__name__]:
                _app.command(name=served.__name__)(with_cluster_options(with_checked_numbers(served)))
        _app.cli(prog="brgym", description=description, args=arguments)

    return exit_status("brgym", command)
