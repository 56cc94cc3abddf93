"""Trains what brgym's policies learn: `python train.py classifier` and `python train.py router`.

`python train.py classifier --workload azure-2023-conv --model hist-gb --horizon 80 --out runs/x` trains on the earlier
requests, evaluates on the later ones, saves, and says how to use what it saved. `python train.py router --out runs/y`
trains a router in the environment and tries it on requests that it has not seen.
"""

import sys
from collections.abc import Callable, Sequence

import tyro

from brgym.cli.cluster_options import with_cluster_options
from brgym.cli.exit_status import exit_status
from brgym.cli.train_classifier import classifier
from brgym.cli.train_router import router
from brgym.cli.whole_numbers import with_checked_numbers

COMMANDS: dict[str, Callable[..., None]] = {"classifier": classifier, "router": router}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status, see `brgym.cli.exit_status`."""
    arguments = sys.argv[1:] if argv is None else list(argv)

    def command() -> None:
        commands = {name: with_checked_numbers(task) for name, task in COMMANDS.items()}
        if arguments[:1] == ["router"]:
            commands["router"] = with_cluster_options(commands["router"])
        tyro.extras.subcommand_cli_from_dict(commands, prog="train.py", description=__doc__, args=arguments)

    return exit_status("train.py", command)


if __name__ == "__main__":
    sys.exit(main())
