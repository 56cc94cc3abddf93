"""How a command ends: its exit status, and one line for what went wrong."""

import os
import re
import sys
import warnings
from collections.abc import Callable

_OPTIONS = {"unit": "time_unit"}
"""Parameters that are called otherwise on the command line."""


def exit_status(program: str, command: Callable[[], object]) -> int:
    """Runs a command; warnings and errors are one line each on standard error.

    Args:
        program: What the lines begin with.
        command: What to run.

    Returns:
        0; 2 after an error of the user's; 130 after an interrupt.
    """

    def report(kind: str, message: object) -> None:
        print(f"{program}: {kind}: {_as_options(' '.join(str(message).split()))}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_args, **_options: report(_kind(message), message)
        try:
            command()
            sys.stdout.flush()
        except BrokenPipeError:  # the reader of a pipe has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except (ValueError, OSError) as error:
            report("error", _with_notes(str(error), error))
            return 2
        except MemoryError as error:
            report("error", f"not enough memory: {str(error) or 'the run is too large for this machine'}")
            return 2
        except KeyboardInterrupt:
            report("error", "interrupted")
            return 130
        except Exception as error:
            if not hasattr(error, "__notes__"):  # a mistake of ours, unlike one whose place was noted
                raise
            report("error", _with_notes(f"{type(error).__name__}: {error}", error))
            return 2
    return 0


def _with_notes(message: str, error: Exception) -> str:
    """The message, with where in the user's own code it arose, see `brgym._own.places_noted`."""
    return " ".join([message, *(f"({note})" for note in getattr(error, "__notes__", ()))])


def _kind(warning: Warning | str) -> str:
    from brgym.workload import ReadingNotice

    return "notice" if isinstance(warning, ReadingNotice) else "warning"


def _as_options(text: str) -> str:
    """Says a parameter the way the command line has it: `oversize='drop'` becomes `--oversize drop`."""
    begins = r"^(?P<name>[a-z_]+)(?= (?:must|needs|is for) )|^(?P<one>[a-z_]+) and (?P<other>[a-z_]+)(?= exclude )"
    parameter = re.compile(begins + r"|\b(?P<flag>[a-z_]+)=(?:True|'(?P<value>[\w-]+)')")

    def option(found: re.Match[str]) -> str:
        if found["one"]:
            return f"{named(found['one'])} and {named(found['other'])}"
        name = named(found["name"] or found["flag"])
        return f"{name} {found['value']}" if found["value"] else name

    def named(parameter: str) -> str:
        return "--" + _OPTIONS.get(parameter, parameter).replace("_", "-")

    return parameter.sub(option, text)
