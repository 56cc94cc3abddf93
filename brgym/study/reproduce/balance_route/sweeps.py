"""The ablations of the study: one parameter moved, everything else as in the tables (G = 8, proprietary-like)."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brgym.cluster import PRESETS, ClusterConfig, StepTime, preset
from brgym.study.reproduce.balance_route.settings import PredictorSpec, Router, Setting
from brgym.study.reproduce.balance_route.workloads import PROPRIETARY

HORIZONS = (0, 5, 10, 20, 40, 80, 160)
BETAS_PER_WORKER = (0.25, 0.5, 1.0, 2.0)
GAMMAS = (0.9, 0.95, 0.98, 1.0)
CANDIDATES = (1, 2, 4, 8, 16, 32, None)
SUBSET_WINDOWS = (1, 2, 4, 8, 12)
GREEDY_THRESHOLDS = (0, 7, 28, 112, 576)
AUCS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
LOG_ERRORS = (0.01, 0.03, 0.1, 0.3, 1.0)
REFRESH_STEPS = (1, 2, 5, 10, 20, 40, 80)
BASE_TOKENS = (0, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000)
"""C / t_l: how many tokens on the fullest worker cost as much time as an empty step."""

_PER_TOKEN_S = 1e-7
_CLUSTER = ClusterConfig()

IMBALANCE = ("imbalance_mean", "imbalance")
THROUGHPUT = ("throughput_tok_s", "tok/s in the window")
RUN_THROUGHPUT = ("run_throughput_tok_s", "tok/s of the whole run")


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """One parameter moved, under one or several routers.

    Attributes:
        name: What its files are called.
        title: Its heading.
        parameter: What is moved.
        figures: The figures shown, as ratios to JSQ: key and what to call it.
        lines: For each router, by its label, the settings by the parameter's value.
    """

    name: str
    title: str
    parameter: str
    figures: tuple[tuple[str, str], ...] = (IMBALANCE,)
    lines: Mapping[str, Mapping[str, Setting]]

    @property
    def settings(self) -> list[Setting]:
        """All its settings."""
        return [setting for line in self.lines.values() for setting in line.values()]


def sweeps() -> list[Sweep]:
    """Every ablation."""
    return [
        *_of_the_score(),
        *_of_the_choice(),
        *_of_the_prediction(),
        *_of_the_step_time(),
    ]


def _of_the_score() -> list[Sweep]:
    looking_ahead = ("oracle", "survival, cut", "survival, expected")
    horizon = {
        label: {str(steps): _setting(_br_h(label, horizon=steps)) for steps in HORIZONS} for label in looking_ahead
    }
    weights = {
        f"{label}, gamma = {gamma:g}": {
            f"{share:g} G": _setting(_br_h(label, gamma=gamma, beta=share * _CLUSTER.workers))
            for share in BETAS_PER_WORKER
        }
        for label in ("oracle", "survival, cut")
        for gamma in GAMMAS
    }
    return [
        Sweep(name="horizon", title="Horizon", parameter="H (steps)", lines=horizon),
        Sweep(name="weights", title="Weights (beta, gamma)", parameter="beta", lines=weights),
    ]


def _of_the_choice() -> list[Sweep]:
    three = ("br-0", "oracle", "survival, cut")
    clusters = {
        "all" if count is None else str(count): dataclasses.replace(_CLUSTER, candidates=count) for count in CANDIDATES
    }
    candidates = {
        label: {count: _setting(_router(label), cluster) for count, cluster in clusters.items()} for label in three
    }
    return [
        Sweep(name="candidates", title="Candidate window", parameter="candidates seen", lines=candidates),
        _moved("subset-window", "Subset window", "subset_window", SUBSET_WINDOWS, three),
        _moved("greedy-above", "Greedy threshold", "greedy_above", GREEDY_THRESHOLDS, three),
    ]


def _of_the_prediction() -> list[Sweep]:
    auc = {f"{value:g}": _setting(_noisy(auc=value)) for value in AUCS}
    log_error = {f"{value:g}": _setting(_noisy(log_error=value)) for value in LOG_ERRORS}
    return [
        Sweep(
            name="auc",
            title="Predictor error: AUC of ending within the horizon",
            parameter="AUC",
            lines={"noisy oracle": auc},
        ),
        Sweep(
            name="log-error",
            title="Predictor error: standard deviation of the log of the remaining length",
            parameter="log-error",
            lines={"noisy oracle": log_error},
        ),
        _moved("refresh", "Refresh interval", "refresh_every", REFRESH_STEPS, ("oracle", "survival, cut")),
    ]


def _of_the_step_time() -> list[Sweep]:
    grid = {
        f"{tokens:,}": dataclasses.replace(
            _CLUSTER, step_time=StepTime.barrier(base_s=tokens * _PER_TOKEN_S, per_token_s=_PER_TOKEN_S)
        )
        for tokens in BASE_TOKENS
    }
    presets = {name: preset(name, workers=_CLUSTER.workers) for name in PRESETS}
    figures = (THROUGHPUT, RUN_THROUGHPUT)
    return [
        Sweep(
            name=name,
            title=title,
            parameter=parameter,
            figures=figures,
            lines={
                label: {value: _setting(_router(label), cluster) for value, cluster in clusters.items()}
                for label in ("br-0", "oracle")
            },
        )
        for name, title, parameter, clusters in (
            ("step-time", "Step time: C / t_l", "C / t_l (tokens)", grid),
            ("presets", "Step time: hardware presets, with their slots and KV capacity", "preset", presets),
        )
    ]


def _moved(name: str, title: str, option: str, values: tuple[int, ...], labels: tuple[str, ...]) -> Sweep:
    lines = {label: {str(value): _setting(_router(label, **{option: value})) for value in values} for label in labels}
    return Sweep(name=name, title=title, parameter=option, lines=lines)


def _router(label: str, **options: Any) -> Router:
    return Router.of("br-0", **options) if label == "br-0" else _br_h(label, **options)


def _br_h(label: str, **options: Any) -> Router:
    predictor, _, projection = label.partition(", ")
    if projection == "expected":
        options["projection"] = projection
    return Router.of("br-h", predictor, **options)


def _noisy(**error: float) -> Router:
    return Router.of("br-h", PredictorSpec("noisy", tuple(error.items())))


def _setting(router: Router, cluster: ClusterConfig = _CLUSTER) -> Setting:
    return Setting(cluster=cluster, workload=PROPRIETARY, router=router)
