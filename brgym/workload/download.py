"""Where a catalogued trace lies on this machine; fetched from its owner, verified and cached if it does not yet."""

import hashlib
import os
from pathlib import Path

from brgym.plumbing.files import write_text
from brgym.workload._validation import WorkloadError
from brgym.workload.catalogue import CATALOGUE, TraceSource
from brgym.workload.readers.trace_file import open_bytes

TRACE_DIR_VARIABLE = "BRGYM_TRACE_DIR"

_CHEAP_TO_VERIFY_BYTES = 16 << 20
_TIMEOUT_S = 60
_CHUNK_BYTES = 1 << 20


def fetch(source: TraceSource, *, cache: Path | None = None) -> Path:
    """The file of a catalogued trace.

    The folder that `BRGYM_TRACE_DIR` names is searched first, for the file's own name and the last part of its address,
    each plain or with ".gz". A file of up to 16 MiB found there is verified where a digest is known; larger ones
    are taken on trust. Otherwise the trace is downloaded once and verified each time: against the published digest, or
    where there is none by its number of rows at first and later against the digest noted then.

    Args:
        source: The trace.
        cache: Folder for downloads; by default the user's cache folder, as the operating system has it.

    Raises:
        WorkloadError: If a file is not the one that was published.
        ConnectionError: If the trace has to be downloaded and cannot be.
    """
    local = _in_trace_dir(source)
    if local is not None:
        return local
    import pooch

    folder = Path(pooch.os_cache("brgym")) / "traces" if cache is None else cache
    pin = folder / f"{source.file_name}.sha256"
    expected = source.sha256 or (pin.read_text().strip() if pin.exists() else None)
    path = _download(source, folder, expected)
    if expected is None:
        _check_rows(source, path)
        write_text(_sha256(path) + "\n", pin)
    return path


def known_source(path: Path) -> TraceSource | None:
    """The catalogue's entry for a file: by its digest, or where none was published by its name.

    Files of more than 16 MiB are looked up only if they are called as one in the catalogue is.
    """
    named = [source for source in CATALOGUE.values() if path.name.removesuffix(".gz") in source.file_names()]
    unpinned = next((source for source in named if source.sha256 is None), None)
    if unpinned is not None or (not named and path.stat().st_size > _CHEAP_TO_VERIFY_BYTES):
        return unpinned
    digest = _sha256(path)
    return next((source for source in CATALOGUE.values() if source.sha256 == digest), None)


def _in_trace_dir(source: TraceSource) -> Path | None:
    folder = os.environ.get(TRACE_DIR_VARIABLE)
    if not folder:
        return None
    candidates = (Path(folder) / f"{name}{suffix}" for name in source.file_names() for suffix in ("", ".gz"))
    path = next((candidate for candidate in candidates if candidate.is_file()), None)
    if path is None or source.sha256 is None or path.stat().st_size > _CHEAP_TO_VERIFY_BYTES:
        return path
    found = _sha256(path)
    if found != source.sha256:
        raise WorkloadError(f"{path} is not {source.name!r}: its SHA-256 is {found}, not {source.sha256}")
    return path


def _download(source: TraceSource, folder: Path, sha256: str | None) -> Path:
    import pooch

    failures = []
    for url in source.urls:
        try:
            return Path(
                pooch.retrieve(
                    url,
                    known_hash=None if sha256 is None else f"sha256:{sha256}",
                    fname=source.file_name,
                    path=folder,
                    downloader=pooch.HTTPDownloader(timeout=_TIMEOUT_S),
                )
            )
        except OSError as error:
            failures.append(f"{url}: {error}")
        except ValueError as error:  # the digest
            raise WorkloadError(f"{url} is not the {source.name!r} that was published: {error}") from error
    raise ConnectionError(
        f"cannot download {source.name!r}. Without a network, put {source.file_name} or {source.file_name}.gz in a "
        f"folder and name the folder in {TRACE_DIR_VARIABLE}. Tried: {'; '.join(failures)}"
    )


def _check_rows(source: TraceSource, path: Path) -> None:
    if source.rows is None:
        return
    with open_bytes(path) as stream:
        rows = sum(1 for line in stream if line.strip()) - (path.suffix == ".csv")
    if rows != source.rows:
        path.unlink()
        raise WorkloadError(f"the download of {source.name!r} has {rows} rows, not {source.rows}; it was removed")


def _sha256(path: Path) -> str:
    """Digest of a file's content, unpacked where it is gzip."""
    digest = hashlib.sha256()
    with open_bytes(path) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
