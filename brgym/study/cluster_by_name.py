"""Clusters by name: hardware presets, and AFD bundles of a ratio that fits the workload."""

from typing import Any

from brgym import afd
from brgym._checks import check_integer
from brgym.cluster import ClusterConfig, preset
from brgym.study.named_workload import NamedWorkload
from brgym.study.workload_source import WorkloadSource

AFD_PREFIX = "afd:"
"""What precedes a coefficients file, or `illustrative`, in the name of an AFD cluster."""

DEFAULT_WORKERS = 8
"""Workers of a preset that says none; AFD clusters take the best ratio."""

DEFAULT_BATCH = 256
"""Slots of an AFD cluster's attention workers."""


def cluster_of(name: str, source: WorkloadSource, *, workers: int | None = None, **changes: Any) -> ClusterConfig:
    """A cluster by name, for a workload.

    Args:
        name: A key of `PRESETS`; or `afd:illustrative`, or `afd:` and a coefficients file (`afd.read_coefficients`).
        source: What the cluster is to serve; an AFD cluster's ratio is fitted to the requests of seed 0.
        workers: Workers; by default `DEFAULT_WORKERS`, or the best ratio of an AFD bundle (Gaussian method).
        **changes: Other parameters of `ClusterConfig`; `slots` is an AFD bundle's batch.

    Raises:
        ValueError: If the name is unknown, or as `afd.read_coefficients` and `afd.bundle_cluster`.
        OSError: If there is no such coefficients file.
    """
    if not name.startswith(AFD_PREFIX):
        return preset(name, workers=DEFAULT_WORKERS if workers is None else workers, **changes)
    coefficients = named_coefficients(name.removeprefix(AFD_PREFIX))
    batch = check_integer("slots", changes.pop("slots", DEFAULT_BATCH), minimum=1)
    if workers is not None:
        check_integer("workers", workers, minimum=1)
    else:
        requests = (source.unplaced() if isinstance(source, NamedWorkload) else source).workload(0)
        load = afd.token_load(requests.prompt_tokens, requests.output_tokens, replicates=0)
        workers = afd.optimal_ratio(coefficients, batch=batch, load=load, method="gaussian").integer
    return afd.bundle_cluster(coefficients, ratio=workers, batch=batch, **changes)


def named_coefficients(name: str) -> afd.Coefficients:
    """The coefficients `illustrative`, or those in a file.

    Raises:
        OSError: If there is no such file.
        ValueError: If its content is unusable.
    """
    return afd.Coefficients.illustrative() if name == "illustrative" else afd.read_coefficients(name)
