"""Public traces by name: whose they are, where to get them, how to know them. Their data is never part of brgym."""

from collections.abc import Iterable
from dataclasses import dataclass

from brgym.workload.readers.schema import Unit


@dataclass(frozen=True, kw_only=True)
class TraceSource:
    """One public trace.

    Attributes:
        name: What `load_workload` calls it.
        urls: Its addresses, the owner's first; the others are tried when that one cannot be reached.
        format: Its entry in `brgym.workload.FORMATS`.
        licence: Licence of the data.
        attribution: Whom to cite.
        sha256: Digest of the unpacked file; None where nobody published one, and then the first download is pinned.
        rows: Its number of requests where known; checked on the first download where `sha256` is not known.
        unit: Unit of its stamps where its format leaves that open.
        spread_s: Resolution of its stamps where that is coarser than the gaps between requests; see `read_trace`.
        file_name: The name that it is kept under; by default the last part of its first address.
    """

    name: str
    urls: tuple[str, ...]
    format: str
    licence: str
    attribution: str
    sha256: str | None = None
    rows: int | None = None
    unit: Unit | None = None
    spread_s: float | None = None
    file_name: str = ""

    def __post_init__(self) -> None:
        if not self.file_name:
            object.__setattr__(self, "file_name", self.urls[0].rsplit("/", 1)[-1])

    def file_names(self) -> list[str]:
        """What its file may be called, ".gz" apart: its own name, and the last part of its first address."""
        return list(dict.fromkeys((self.file_name, self.urls[0].rsplit("/", 1)[-1])))


_AZURE = "https://raw.githubusercontent.com/Azure/AzurePublicDataset"
_AZURE_2023_COMMIT = "b469a113cedca53ddc3bdea71a143dc4b7d8700c"
_AZURE_2024 = (
    "https://github.com/Azure/AzurePublicDataset/releases/download/dataset-llm-2024",
    "https://azurepublicdatasettraces.blob.core.windows.net/azurellminfererencetrace",
)
_MOONCAKE = (
    "https://raw.githubusercontent.com/kvcache-ai/Mooncake/3b5a594133958449a1feaf1c9e0fc1b553e34a28/FAST25-release"
)
_BURSTGPT = "https://github.com/HPMLL/BurstGPT/releases/download/v2.0"
_QWEN = (
    "https://media.githubusercontent.com/media/alibaba-edu/qwen-bailian-usagetraces-anon/"
    "5f7439c51ec248a0c585f7d90a41a6f57773b912"
)
_VIDUR = "https://raw.githubusercontent.com/microsoft/vidur/7d47513363ec447a741ac5e47241580b47724fbf"


def _azure_2023(kind: str, rows: int, sha256: str) -> TraceSource:
    file = f"data/AzureLLMInferenceTrace_{kind}.csv"
    return TraceSource(
        name=f"azure-2023-{kind}",
        urls=(f"{_AZURE}/{_AZURE_2023_COMMIT}/{file}", f"{_AZURE}/master/{file}"),
        format="azure",
        licence="CC-BY-4.0",
        attribution="Patel et al., Splitwise, ISCA 2024",
        sha256=sha256,
        rows=rows,
    )


def _azure_2024(kind: str, rows: int) -> TraceSource:
    return TraceSource(
        name=f"azure-2024-{kind}",
        urls=tuple(f"{folder}/AzureLLMInferenceTrace_{kind}_1week.csv" for folder in _AZURE_2024),
        format="azure",
        licence="CC-BY-4.0",
        attribution="Stojkovic et al., DynamoLLM, HPCA 2025",
        rows=rows,
    )


def _mooncake(kind: str, path: str, sha256: str, rows: int | None = None) -> TraceSource:
    return TraceSource(
        name=f"mooncake-{kind}",
        urls=(f"{_MOONCAKE}/{path}",),
        format="mooncake",
        licence="Apache-2.0 (the repository's; the data has no other)",
        attribution="Qin et al., Mooncake, FAST 2025",
        sha256=sha256,
        rows=rows,
        unit="ms",
        spread_s=3.0,
        file_name=f"mooncake_{kind}_trace.jsonl",
    )


def _burstgpt(part: str, sha256: str) -> TraceSource:
    return TraceSource(
        name=f"burstgpt-{part.replace('_', '-')}",
        urls=(f"{_BURSTGPT}/BurstGPT_{part}.csv",),
        format="burstgpt",
        licence="CC-BY-4.0",
        attribution="Wang et al., BurstGPT, KDD 2025",
        sha256=sha256,
    )


def _qwen(name: str, part: str, sha256: str) -> TraceSource:
    return TraceSource(
        name=f"qwen-{name}",
        urls=(f"{_QWEN}/qwen_{part}_blksz_16.jsonl",),
        format="bailian",
        licence="Apache-2.0",
        attribution="Wang et al., KVCache Cache in the Wild, USENIX ATC 2025",
        sha256=sha256,
    )


def _by_name(sources: Iterable[TraceSource]) -> dict[str, TraceSource]:
    return {source.name: source for source in sources}


CATALOGUE = _by_name(
    (
        _azure_2023("conv", 19366, "2f1e5b666d4e3055fdbba98598ce2ec307767b9064e03e2fa46676dbcc7d0bf8"),
        _azure_2023("code", 8819, "54e9a6d2a4bd06ba1e060304b900abbc74cbea53de96506e60fe5bb4f2277fb6"),
        _azure_2024("conv", 27303999),
        _azure_2024("code", 16803695),
        _mooncake(
            "conversation",
            "traces/conversation_trace.jsonl",
            "b8cbb061a85206d729d91cdc2981f43c9e0d99209dce588d3af5f7934408b9df",
            rows=12031,
        ),
        _mooncake(
            "synthetic",
            "traces/synthetic_trace.jsonl",
            "bd070915a98fc0ed264d7cfef2ce746002eb3076a695ec31ba2674c0111ec131",
        ),
        _mooncake(
            "toolagent",
            "traces/toolagent_trace.jsonl",
            "48a2db1a13d3bc05e6330140c64f604ba366df20d3c9e128b5c35a01c1fa5f71",
        ),
        _mooncake(
            "arxiv",
            "arxiv-trace/mooncake_trace.jsonl",
            "b434f1816a707f4bac697235588184ebc374c9907cb981bb65fb0643471fe711",
        ),
        _burstgpt("1", "4bb3783693d0a435686fbfc885615d2349bd067239079fa4b749f2e679e12122"),
        _burstgpt("2", "44bf5942b03fca42c01a226a545ad3a750ec62688faecd67b6831c56a8928bf7"),
        _burstgpt("3", "2299986a07388aa303ec2c41d1131e756db650a39ed6ef9dfe7cc3d7f9a43b8f"),
        _burstgpt("without_fails_1", "a4d068a7113ec0290e74063a1b3447dc6001a30e4298eb313581b71006dda1f4"),
        _burstgpt("without_fails_2", "56193aa9b2bb26128ded43d2d29a960df6bf5af062bcfc9b005f3fcaa4e6e501"),
        _burstgpt("without_fails_3", "3326259f9efb11845bc5ef85fa97e6f691050b0974621c91ef22acd566c43a40"),
        _qwen("a", "traceA", "07cedc9ed8aff301994ac68ed4aede8123b7603673575eeba9dd677de663db17"),
        _qwen("b", "traceB", "68e3f98e2d601d60d0abf4b89bc8a3654372abab7b1cde6373a13d0054379d59"),
        _qwen("thinking", "thinking", "41ac36d9d1b54d084eeb6b05e9d142ba9d02f8bf79cfc9fff418d8ab7cdee906"),
        _qwen("coder", "coder", "3d74974cebb7bccb69b1ca6ea210a44d9a3033443c0271ed015327284dea1aff"),
        TraceSource(
            name="vidur-arxiv-lengths",
            urls=(f"{_VIDUR}/data/processed_traces/arxiv_summarization_stats_llama2_tokenizer_filtered_v2.csv",),
            format="vidur",
            licence="MIT",
            attribution="Agrawal et al., Vidur, MLSys 2024",
            sha256="9d3580538d915ca75e4aaaa54590b42dbb17abc6d74c8913310cf07c232adcdc",
        ),
    )
)
"""The traces by name."""
