"""The columns of each trace format, and how to tell from a file's columns which format it is in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from brgym._checks import check_choice
from brgym.workload._validation import WorkloadError

Container = Literal["csv", "jsonl", "parquet"]


@dataclass(frozen=True)
class Schema:
    """Where a format keeps the parts of a request, and in which units.

    Attributes:
        name: What `format=` calls it.
        containers: The kinds of file that it comes in.
        arrival: Column of the arrival stamps; None where there are none and the requests form a backlog.
        prompt: Column of prompt lengths, in tokens.
        output: Column of output lengths, in tokens.
        prompt_hash: Column of integer prompt hashes, read where the file has it.
        hash_ids: Column of lists of block hashes, of which one prompt hash is made.
        marker: A column that tells the format from its neighbours.
        units_per_s: Arrival stamps per second.
        dated: Whether stamps are dates with a time of day; they are then counted in nanoseconds.
        relative: Whether arrivals are counted from the first one.
        tick_s: Resolution of the stamps where it is coarser than the gaps between requests.
    """

    name: str
    containers: tuple[Container, ...]
    arrival: str | None
    prompt: str
    output: str
    prompt_hash: str | None = None
    hash_ids: str | None = None
    marker: str | None = None
    units_per_s: float = 1.0
    dated: bool = False
    relative: bool = True
    tick_s: float | None = None

    def required(self) -> list[str]:
        """The columns that a file must have."""
        return [c for c in (self.arrival, self.prompt, self.output, self.hash_ids, self.marker) if c is not None]


_PLAIN: tuple[Container, ...] = ("csv", "jsonl", "parquet")

SCHEMAS = {
    schema.name: schema
    for schema in (
        # https://github.com/Azure/AzurePublicDataset, LLM inference traces 2023 (local time) and 2024 (zone +00:00)
        Schema("azure", ("csv",), "TIMESTAMP", "ContextTokens", "GeneratedTokens", units_per_s=1e9, dated=True),
        # https://github.com/HPMLL/BurstGPT: stamps in seconds; a failed request has no response tokens
        Schema("burstgpt", ("csv",), "Timestamp", "Request tokens", "Response tokens"),
        # https://github.com/alibaba-edu/qwen-bailian-usagetraces-anon: stamps in seconds, blocks of 16 tokens
        Schema(
            "bailian", ("jsonl",), "timestamp", "input_length", "output_length", hash_ids="hash_ids", marker="chat_id"
        ),
        # https://github.com/kvcache-ai/Mooncake, FAST25-release: stamps in ms on a 3 s grid, blocks of 512 tokens
        Schema(
            "mooncake",
            ("jsonl",),
            "timestamp",
            "input_length",
            "output_length",
            hash_ids="hash_ids",
            units_per_s=1e3,
            tick_s=3.0,
        ),
        # https://github.com/microsoft/vidur, data/processed_traces: lengths alone
        Schema("vidur", ("csv",), None, "num_prefill_tokens", "num_decode_tokens"),
        # our own
        Schema("plain", _PLAIN, "arrival_s", "prompt_tokens", "output_tokens", "prompt_hash", relative=False),
        Schema("lengths", _PLAIN, None, "prompt_tokens", "output_tokens", "prompt_hash"),
    )
}


def choose_schema(path: str, container: Container, columns: Sequence[str], *, name: str | None) -> Schema:
    """The format called `name`, or the one that `columns` tell; checked to be complete.

    A file without arrivals is taken for a backlog by itself only if it has no column but lengths and prompt hash:
    otherwise a misspelt arrival column would quietly turn a trace into a backlog.

    Args:
        path: The file, for messages.
        container: What kind of file it is.
        columns: The columns that it has.
        name: The format's name, or None to detect it.

    Raises:
        WorkloadError: If a column is missing, or the columns tell no format.
        ValueError: If there is no format `name`.
    """
    if name is not None:
        schema = SCHEMAS[check_choice("format", name, SCHEMAS)]
        if container not in schema.containers:
            raise WorkloadError(
                f"{path}: format {name!r} comes as {' or '.join(schema.containers)}, this is {container}"
            )
    else:
        schema = _nearest_schema(path, container, columns)
    missing = [column for column in schema.required() if column not in columns]
    if missing:
        raise WorkloadError(
            f"{path}: column {missing[0]!r} is missing (format {schema.name!r} needs "
            f"{', '.join(schema.required())}; the file has {', '.join(columns)})"
        )
    return schema


def _nearest_schema(path: str, container: Container, columns: Sequence[str]) -> Schema:
    """The most demanding format that is complete, or else the one that is most nearly so."""
    known = [schema for schema in SCHEMAS.values() if container in schema.containers]

    def closeness(schema: Schema) -> tuple[bool, int, int]:
        found = sum(column in columns for column in schema.required())
        missing = len(schema.required()) - found
        return missing == 0, found, -missing

    best = max((schema for schema in known if not _drops_a_column(schema, columns)), key=closeness)
    if closeness(best)[1] == 0:
        wanted = "; ".join(f"{schema.name}: {', '.join(schema.required())}" for schema in known)
        raise WorkloadError(f"{path}: columns {', '.join(columns)} are of no known format ({wanted})")
    return best


def _drops_a_column(schema: Schema, columns: Sequence[str]) -> bool:
    own = {schema.prompt, schema.output, schema.prompt_hash}
    return schema.name == "lengths" and not own.issuperset(columns)
