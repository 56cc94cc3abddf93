"""A setting of a study: a cluster and a workload, and what the study calls them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brgym._specification import write_value
from brgym.cluster import ClusterConfig, engine_style
from brgym.cluster.engine import check_fits
from brgym.study.cluster_by_name import cluster_of
from brgym.study.cluster_settings import cluster_settings, with_settings
from brgym.study.named_workload import WORKLOAD_OPTIONS, NamedWorkload
from brgym.study.study_file import StudyError, check_keys, combinations
from brgym.study.workload_source import source_of

READING = ("sort", "invalid", "unit", "spread", "turns", "format")
"""Options of reading a trace."""

DEFAULT_PRESET = "bf-io"
DEFAULT_WORKLOAD = "proprietary-like"


@dataclass(frozen=True)
class Setting:
    """What every policy of a study is run on.

    Attributes:
        named: What the study says of it, by dotted name, and what it is called by: preset, workers, slots, workload.
        cluster: The cluster.
        source: The requests.
    """

    named: tuple[tuple[str, Any], ...]
    cluster: ClusterConfig
    source: NamedWorkload

    def as_dict(self) -> dict[str, Any]:
        """`named` as a dictionary."""
        return dict(self.named)


def settings_of(clusters: Sequence[Mapping[str, Any]], workloads: Sequence[Mapping[str, Any]]) -> Iterator[Setting]:
    """Every setting of the tables for the cluster and those for the workload; the workload moves fastest.

    Args:
        clusters: Each with `preset`, `engine` (`brgym.cluster.ENGINES`) and any field of `ClusterConfig`; a list or a
            range sweeps it.
        workloads: Each with `name` and any attribute of `NamedWorkload`, or option of `load_workload`; likewise.

    Raises:
        StudyError: Naming the key that cannot be.
        OSError: If there is no such trace.
    """
    fields = [setting.name for setting in cluster_settings()]
    for table in clusters:
        check_keys("cluster.", table, ["preset", "engine", *fields])
    for table in workloads:
        check_keys("workload.", table, [*WORKLOAD_OPTIONS, *READING])
    of_workloads = [one for t in workloads for one in combinations("workload", {"name": DEFAULT_WORKLOAD} | dict(t))]
    for of_cluster in (one for t in clusters for one in combinations("cluster", {"preset": DEFAULT_PRESET} | dict(t))):
        for of_workload in of_workloads:
            yield _setting(of_cluster, of_workload)


def _setting(of_cluster: dict[str, Any], of_workload: dict[str, Any]) -> Setting:
    source = _source(of_workload)
    cluster = _cluster(of_cluster, source)
    source = source.on(cluster)
    sized = {"preset": of_cluster["preset"], "workers": cluster.workers, "slots": cluster.slots}
    named = {f"cluster.{key}": value for key, value in (sized | of_cluster).items()}
    named |= {f"workload.{key}": value for key, value in of_workload.items()}
    return Setting(tuple((key, _plain(value)) for key, value in named.items()), cluster, source)


def check_setting(setting: Setting, seed: int, *, drop: bool) -> None:
    """Makes the requests of a seed, and refuses what the cluster could not serve.

    Raises:
        StudyError: Saying what is wrong.
    """
    try:
        requests = setting.source.workload(seed)
        if not drop:
            check_fits(setting.cluster, requests)
    except (TypeError, ValueError) as error:
        raise StudyError(f"workload: {error}") from error


def _source(options: dict[str, Any]) -> NamedWorkload:
    try:
        return source_of(**{("name_or_path" if key == "name" else key): value for key, value in options.items()})
    except (TypeError, ValueError) as error:
        raise StudyError(f"workload.{_culprit(str(error), options)}: {error}") from error


def _cluster(options: dict[str, Any], source: NamedWorkload) -> ClusterConfig:
    sizes = {key: options[key] for key in ("workers", "slots") if key in options}
    texts = {key: _text(value) for key, value in options.items() if key not in ("preset", "engine", *sizes)}
    try:
        cluster = cluster_of(options["preset"], source, **sizes)
        if "engine" in options:
            cluster = engine_style(options["engine"]).of(cluster)
        return with_settings(cluster, texts)
    except (TypeError, ValueError) as error:
        raise StudyError(f"cluster.{_culprit(str(error), options)}: {error}") from error


def _culprit(message: str, options: Mapping[str, Any]) -> str:
    """The key that a message begins with; else the first that it mentions, or the first at all."""
    for found in (re.match, re.search):
        for key in options:
            if found(rf"\b{re.escape(key)}\b", message):
                return key
    return next(iter(options))


def _text(value: Any) -> str | list[str]:
    """A TOML value as `with_settings` reads it: a table is its parameters, a list a sequence."""
    if isinstance(value, list):
        return [str(_text(entry)) for entry in value]
    if isinstance(value, dict):
        return ",".join(f"{key}={write_value(entry)}" for key, entry in value.items())
    return write_value(value)


def _plain(value: Any) -> Any:
    text = value if isinstance(value, bool | int | float | str) else _text(value)
    return "; ".join(text) if isinstance(text, list) else text
