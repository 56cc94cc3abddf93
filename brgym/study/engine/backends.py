"""Where cells are run: threads or processes of this machine, or a cluster that the user has."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from joblib import parallel_config

from brgym._checks import check_choice

Backend = Literal["threads", "processes", "dask", "ray"]
BACKENDS = ("threads", "processes", "dask", "ray")

_LOCAL = {"threads": "threading", "processes": "loky"}


@contextmanager
def backend_of(name: Backend, *, jobs: int, address: str | None) -> Iterator[None]:
    """Tells joblib where to run what is run inside the block.

    Args:
        name: "threads" or "processes" of this machine; "dask" or "ray": a cluster of the user's.
        jobs: How many cells side by side; -1: as many as there are cores, or as the cluster takes.
        address: Where the cluster's scheduler is; by default one of the library's own on this machine.

    Raises:
        ValueError: If the name is unknown, an address is given where none is needed, or the library is missing.
        OSError: If there is no cluster at the address.
    """
    check_choice("backend", name, BACKENDS)
    if name in _LOCAL:
        if address is not None:
            raise ValueError(f"address goes with the backends dask and ray, not with {name}")
        with parallel_config(_LOCAL[name], n_jobs=jobs):
            yield
    elif name == "dask":
        with _dask(jobs, address):
            yield
    else:
        with _ray(jobs, address):
            yield


@contextmanager
def _dask(jobs: int, address: str | None) -> Iterator[None]:
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise ValueError("backend dask needs the package distributed: pip install 'brgym[dask]'") from None
    workers = None if jobs == -1 else jobs
    local = None if address is not None else LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address="")
    try:
        with Client(address or local) as client, parallel_config("dask", n_jobs=jobs, client=client):
            yield
    finally:
        if local is not None:
            local.close()


@contextmanager
def _ray(jobs: int, address: str | None) -> Iterator[None]:
    try:
        import ray
        from ray.util.joblib import register_ray
    except ImportError:
        raise ValueError("backend ray needs the package ray: pip install 'brgym[ray]'") from None
    started = not ray.is_initialized()
    if started:
        options: dict[str, Any] = {"address": address} if address else {"num_cpus": None if jobs == -1 else jobs}
        try:
            ray.init(log_to_driver=False, include_dashboard=False, **options)
        except ConnectionError as error:
            raise OSError(f"address: no Ray cluster at {address}: {error}") from error
    register_ray()
    try:
        with parallel_config("ray", n_jobs=jobs):
            yield
    finally:
        if started:
            ray.shutdown()
