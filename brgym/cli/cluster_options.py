"""Options for the cluster's configuration: one for each field of `ClusterConfig`, derived from it."""

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import tyro

ARGUMENT = "cluster_settings"
"""The parameter by which a command takes the fields that were set: their text by name."""


def with_cluster_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for each field of the cluster's configuration that it has no option of its own for.

    Args:
        command: Takes the fields that were set as `cluster_settings`, see `brgym.study.with_settings`; one that does
            not stays as it is.
    """
    from brgym.study import cluster_settings

    own = inspect.signature(command).parameters
    if ARGUMENT not in own:
        return command
    taken = {*own, *(field.name for parameter in own.values() for field in _fields(parameter))}
    options = {setting.name: setting for setting in cluster_settings() if setting.name not in taken}

    @functools.wraps(command)
    def extended(**given: Any) -> None:
        settings = {name: given.pop(name) for name in options}
        command(**given, **{ARGUMENT: {name: text for name, text in settings.items() if text is not None}})

    added = [
        inspect.Parameter(
            setting.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                tuple[str, ...] | None if setting.repeated else str | None,
                tyro.conf.arg(
                    help=setting.about, metavar=setting.form, help_behavior_hint="(default: as the cluster has it)"
                ),
            ],
        )
        for setting in options.values()
    ]
    parameters = [parameter for name, parameter in own.items() if name != ARGUMENT] + added
    del extended.__dict__["__wrapped__"]  # which would lead tyro back to the command's own parameters
    extended.__dict__["__signature__"] = inspect.Signature(parameters)
    extended.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return extended


def _fields(parameter: inspect.Parameter) -> tuple[dataclasses.Field[Any], ...]:
    """The options that a parameter stands for which is a dataclass."""
    return dataclasses.fields(parameter.default) if dataclasses.is_dataclass(parameter.default) else ()
