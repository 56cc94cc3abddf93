"""The columns of each trace format, and how to tell from a file's columns which format it is in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from brgym._checks import check_choice, shown
from brgym.workload._validation import WorkloadError, shown_names

Container = Literal["csv", "jsonl", "parquet"]
Unit = Literal["s", "ms", "us", "ns"]

PER_SECOND: dict[Unit, float] = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
"""How many of each unit of time make a second."""

STEMS = ("arrival", "timestamp")
"""What a column of stamps may be called before `_s`, `_ms`, `_us` or `_ns`."""


@dataclass(frozen=True, kw_only=True)
class Schema:
    """Where a format keeps the parts of a request, and in which units.

    Attributes:
        name: What `format=` calls it.
        containers: The kinds of file that it comes in; JSON of any kind is "jsonl".
        arrival: Column of the arrival stamps; None where there are none and the requests form a backlog.
        prompt: Column of prompt lengths, in tokens.
        output: Column of output lengths, in tokens.
        unit: Unit of the stamps where they are numbers; None where only the user knows it.
        whole: Whether `unit` is sure only while stamps are whole numbers.
        dated: Whether stamps are dates with a time of day if no unit is given; elsewhere the first stamp tells.
        relative: Whether arrivals are counted from the first one.
        prompt_hash: Column of integer prompt hashes, read where the file has it.
        hash_ids: Column of lists of block hashes, of which one prompt hash is made where the file has it.
        request: Column of a request's own name, to which `parent` refers.
        parent: Column of the name of the request that this one follows; -1 or null where it follows none.
        session: Column of the conversation that a request belongs to; it follows the one before it there.
        chain: Whether the file is one conversation, each request following the one above.
        delay: Column of the time after the request before, which a request of a session has instead of a stamp.
        think: Column of the time after the request before, beside the stamp.
        max_tokens: Column of the client's limits, read where the file has it.
        patience_s: Column of patiences in seconds, read where the file has it.
        after: Column of the number of the request followed, from 0, or -1; read where the file has it.
    """

    name: str
    containers: tuple[Container, ...]
    arrival: str | None
    prompt: str
    output: str
    unit: Unit | None = "s"
    whole: bool = False
    dated: bool = False
    relative: bool = True
    prompt_hash: str | None = None
    hash_ids: str | None = None
    request: str | None = None
    parent: str | None = None
    session: str | None = None
    chain: bool = False
    delay: str | None = None
    think: str | None = None
    max_tokens: str | None = None
    patience_s: str | None = None
    after: str | None = None

    def required(self) -> list[str]:
        """The columns that a file must have."""
        needed = (self.arrival, self.prompt, self.output, self.request, self.session)
        return list(dict.fromkeys(c for c in needed if c is not None))

    def columns(self) -> list[str | None]:
        """All columns that are read where a file has them."""
        optional = (self.prompt_hash, self.hash_ids, self.parent, self.delay, self.think)
        return [*self.required(), *optional, self.max_tokens, self.patience_s, self.after]

    def for_columns(self, columns: Sequence[str]) -> "Schema":
        """This format with the column of stamps that the file has: its own, or one whose name tells another unit."""
        if self.arrival not in ("arrival_s", "timestamp") or self.arrival in columns:
            return self
        for stem in STEMS:
            for unit in PER_SECOND:
                if f"{stem}_{unit}" in columns:
                    return replace(self, arrival=f"{stem}_{unit}", unit=unit, whole=False, relative=True)
        if "timestamp" in columns:
            return replace(self, arrival="timestamp", unit=None, relative=True)
        return self


# https://github.com/kvcache-ai/Mooncake, FAST25-release: stamps in ms on a 3 s grid, blocks of 512 tokens. Other tools
# write the same columns in seconds.
_MOONCAKE = Schema(
    name="mooncake",
    containers=("jsonl",),
    arrival="timestamp",
    prompt="input_length",
    output="output_length",
    unit="ms",
    whole=True,
    hash_ids="hash_ids",
)
# our own
_PLAIN = Schema(
    name="plain",
    containers=("csv", "jsonl", "parquet"),
    arrival="arrival_s",
    prompt="prompt_tokens",
    output="output_tokens",
    relative=False,
    prompt_hash="prompt_hash",
    max_tokens="max_tokens",
    patience_s="patience_s",
    after="after",
)

SCHEMAS = {
    schema.name: schema
    for schema in (
        # https://github.com/Azure/AzurePublicDataset, LLM inference traces 2023 (local time) and 2024 (zone +00:00)
        Schema(
            name="azure",
            containers=("csv",),
            arrival="TIMESTAMP",
            prompt="ContextTokens",
            output="GeneratedTokens",
            unit=None,
            dated=True,
        ),
        # https://github.com/HPMLL/BurstGPT: stamps in seconds; a failed request has no response tokens
        Schema(
            name="burstgpt",
            containers=("csv",),
            arrival="Timestamp",
            prompt="Request tokens",
            output="Response tokens",
        ),
        # https://github.com/alibaba-edu/qwen-bailian-usagetraces-anon: stamps in seconds, blocks of 16 tokens
        replace(_MOONCAKE, name="bailian", unit="s", whole=False, request="chat_id", parent="parent_chat_id"),
        # Sessions as NVIDIA's AIPerf replays them: a later turn has a delay in ms instead of a stamp
        replace(_MOONCAKE, name="sessions", session="session_id", delay="delay"),
        _MOONCAKE,
        # Recorded coding agents, one document a trace: t and think_time in seconds, blocks of 64 tokens
        Schema(
            name="agent",
            containers=("jsonl",),
            arrival="t",
            prompt="in",
            output="out",
            hash_ids="hash_ids",
            chain=True,
            think="think_time",
        ),
        # https://github.com/microsoft/vidur, data/processed_traces: lengths alone
        Schema(
            name="vidur", containers=("csv",), arrival=None, prompt="num_prefill_tokens", output="num_decode_tokens"
        ),
        _PLAIN,
        replace(_PLAIN, name="lengths", arrival=None, after=None),
    )
}


def choose_schema(path: str, container: Container, columns: Sequence[str], *, name: str | None) -> Schema:
    """The format called `name`, or the one that `columns` tell; checked to be complete.

    A file without arrivals is taken for a backlog by itself only if it has no column but lengths, limits and prompt
    hash: otherwise a misspelt arrival column would quietly turn a trace into a backlog.

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
        schema = SCHEMAS[check_choice("format", name, SCHEMAS)].for_columns(columns)
        if container not in schema.containers:
            raise WorkloadError(
                f"{path}: format {name!r} comes as {' or '.join(schema.containers)}, this is {container}"
            )
    else:
        schema = _nearest_schema(path, container, columns)
    missing = [column for column in schema.required() if column not in columns]
    if missing:
        raise WorkloadError(
            f"{path}: column {shown(missing[0])} is missing (format {schema.name!r} needs "
            f"{', '.join(schema.required())}; the file has {shown_names(columns)})"
        )
    return schema


def _nearest_schema(path: str, container: Container, columns: Sequence[str]) -> Schema:
    """The most demanding format that is complete, or else the one that is most nearly so."""
    known = [schema.for_columns(columns) for schema in SCHEMAS.values() if container in schema.containers]

    def closeness(schema: Schema) -> tuple[bool, int, int]:
        found = sum(column in columns for column in schema.required())
        missing = len(schema.required()) - found
        return missing == 0, found, -missing

    best = max((schema for schema in known if not _drops_a_column(schema, columns)), key=closeness)
    if closeness(best)[1] == 0:
        wanted = "; ".join(f"{schema.name}: {', '.join(schema.required())}" for schema in known)
        raise WorkloadError(f"{path}: columns {shown_names(columns)} are of no known format ({wanted})")
    return best


def _drops_a_column(schema: Schema, columns: Sequence[str]) -> bool:
    return schema.name == "lengths" and not set(schema.columns()).issuperset(columns)
