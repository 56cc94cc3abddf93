"""The requests of the study: those that a seed serves, and those that its predictors learn from."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from brgym._checks import check_integer
from brgym.study.named_workload import NamedWorkload
from brgym.study.workload_source import TeachingSource
from brgym.workload import Workload, load_workload
from brgym.workload.catalogue import CATALOGUE
from brgym.workload.download import TRACE_DIR_VARIABLE

PROPRIETARY = "proprietary-like"
AZURE = "azure-2024-conv-like"
REPEATED = "proprietary-like, repeated prompts"
AZURE_TRACE = "azure-2024-conv, outputs above 1000"


@dataclass(frozen=True)
class RepeatedPrompts:
    """Requests that ask the same prompts again: a stand-in for what ExactMatch lives on (our choice throughout).

    Each seed draws a catalogue of prompts from a recipe. A request takes one of them at random, with its prompt length
    and a hash of its own; its output is the catalogue's times exp(s z), z standard normal. Lengths are therefore
    distributed much like the recipe's. With s = 0.03 and 1,000 prompts, ExactMatch tells which active requests end
    within 80 steps with an AUC of about 0.98 and Survival of about 0.71, against the paper's 0.974 and 0.700.

    Attributes:
        name: The recipe.
        requests: How many requests a seed serves; None for as many as the recipe says, which is what predictors get.
        prompts: Prompts in the catalogue.
        log_sd: s, the spread of the outputs of one prompt.
    """

    name: str
    requests: int | None = None
    prompts: int = 1000
    log_sd: float = 0.03

    def workload(self, seed: int) -> Workload:
        """Draws the requests of a seed."""
        return self._draw(seed, stream=0, count=self.requests)

    def training(self, seed: int) -> Workload:
        """Draws other requests for the same prompts."""
        return self._draw(seed, stream=1, count=None)

    def specification(self) -> dict[str, Any]:
        """All that decides the requests but the seed and the code."""
        return asdict(self)

    def _draw(self, seed: int, *, stream: int, count: int | None) -> Workload:
        catalogue = load_workload(self.name, count=self.prompts, seed=seed)
        requests = len(load_workload(self.name, seed=seed)) if count is None else count
        rng = np.random.default_rng([seed, stream])
        prompt = rng.integers(self.prompts, size=requests)
        output = catalogue.output_tokens[prompt] * np.exp(self.log_sd * rng.standard_normal(requests))
        whole = np.maximum(np.rint(output), 1.0).astype(np.int64)
        return Workload(np.zeros(requests), catalogue.prompt_tokens[prompt], whole, prompt)


@dataclass(frozen=True)
class TraceBlocks:
    """A trace in backlog, cut into blocks of equally many requests; each seed serves one and learns from the next.

    Attributes:
        trace: The requests.
        requests: Requests in a block.

    Raises:
        ValueError: If there are not two blocks.
    """

    trace: Workload
    requests: int

    def __post_init__(self) -> None:
        check_integer("requests", self.requests, minimum=1, maximum=len(self.trace) // 2)

    @property
    def blocks(self) -> int:
        """How many whole blocks the trace has."""
        return len(self.trace) // self.requests

    def workload(self, seed: int) -> Workload:
        """The block of a seed."""
        return self._block(check_integer("seed", seed, minimum=0, maximum=self.blocks - 1))

    def training(self, seed: int) -> Workload:
        """The block after it; after the last, the first."""
        return self._block((seed + 1) % self.blocks)

    def specification(self) -> dict[str, Any]:
        """All that decides the requests but the seed and the code."""
        return {"trace": self.trace.fingerprint(), "requests": self.requests}

    def _block(self, number: int) -> Workload:
        return self.trace.slice(number * self.requests, (number + 1) * self.requests).backlog()


TRACE_NAME = "azure-2024-conv"
TRACE_OUTPUTS_ABOVE = 1000
TRACE_REQUESTS = 10_000


def study_workloads(requests: int | None) -> dict[str, TeachingSource]:
    """The workloads of the study by name, the real trace among them if the user has fetched it.

    Args:
        requests: How many requests a seed serves; None for as many as the paper has.
    """
    workloads: dict[str, TeachingSource] = {
        PROPRIETARY: NamedWorkload(PROPRIETARY, requests=requests),
        REPEATED: RepeatedPrompts(PROPRIETARY, requests),
        AZURE: NamedWorkload(AZURE, requests=requests),
    }
    if _has_trace():
        trace = load_workload(TRACE_NAME, sort=True, invalid="drop")
        long = trace.take(trace.output_tokens > TRACE_OUTPUTS_ABOVE)
        workloads[AZURE_TRACE] = TraceBlocks(long, requests or TRACE_REQUESTS)
    return workloads


def _has_trace() -> bool:
    """Whether the Azure 2024 conversation trace lies where `load_workload` would find it without a download."""
    import pooch

    file_name = CATALOGUE[TRACE_NAME].file_name
    folders = [Path(pooch.os_cache("brgym")) / "traces"]
    if os.environ.get(TRACE_DIR_VARIABLE):
        folders.append(Path(os.environ[TRACE_DIR_VARIABLE]))
    return any((folder / f"{file_name}{suffix}").is_file() for folder in folders for suffix in ("", ".gz"))
