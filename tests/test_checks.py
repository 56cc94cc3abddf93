"""Whatever is given for a figure, the error is one line and names it; what is kept is of 64 bits."""

from functools import partial
from typing import Any, cast

import numpy as np
import pytest

import baselines
import classifiers
from brgym import ClusterConfig, Power, Workload, afd, simulate, study
from brgym._checks import check_choice, check_integer, check_real, check_seed
from brgym.envs.episode_rules import Rules
from brgym.workload import synthetic
from brgym.workload.arrivals import Gamma, OnOff, Poisson
from brgym.workload.lengths import Geometric, LogNormal, QuantileTable

NO_NUMBERS: list[Any] = [
    "1",
    b"1",
    None,
    True,
    np.True_,
    1j,
    [1],
    object(),
    np.array([]),
    np.array(1),
    np.arange(3000.0),
    np.ma.masked,
    np.ma.array([1, 2], mask=[True, False]),
    np.datetime64("NaT"),
    np.timedelta64(3, "s"),
]
COEFFICIENTS = afd.Coefficients.illustrative()
LOAD = afd.TokenLoad.geometric(100, 500)
FREE = afd.optimal_ratio(COEFFICIENTS, load=LOAD)
TINY = study.Fixed("tiny", Workload([0.0], [1], [1]))
JSQ = partial(baselines.make, "jsq")
HUGE = [2**63, 2**70, 10**5000]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("check", [check_integer, check_real])
@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_what_is_no_number_is_named(check: Any, value: Any) -> None:
    with pytest.raises(TypeError, match=r"^figure must be a (whole|real) number.*, got") as said:
        check("figure", value, minimum=0)
    assert "\n" not in str(said.value)
    assert len(str(said.value)) < 250


@pytest.mark.parametrize("value", HUGE, ids=["2**63", "2**70", "10**5000"])
def test_what_64_bits_do_not_hold_is_named_but_for_a_seed(value: int) -> None:
    with pytest.raises(ValueError, match=r"^figure must be in 0\.\.9223372036854775807, got"):
        check_integer("figure", value, minimum=0)
    assert check_seed("seed", value) == value


@pytest.mark.parametrize("value", [np.float16("inf"), np.float32("nan"), -(10**400), 10**400])
def test_what_is_not_finite_is_named(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^figure must be finite"):
        check_real("figure", value, minimum=0.0)


def test_a_choice_may_be_anything() -> None:
    with pytest.raises(ValueError, match="unknown order array"):
        check_choice("order", np.arange(3), ["arrival"])  # type: ignore[arg-type]


def test_narrow_numbers_give_what_wide_ones_give() -> None:
    i8, u8, i16, f16 = (cast(Any, kind) for kind in (np.int8, np.uint8, np.int16, np.float16))
    workload = Workload(np.zeros(300), np.full(300, 900), np.full(300, 90))
    wide = ClusterConfig(workers=100, slots=120, power=Power(idle_w=100.0))
    narrow = ClusterConfig(workers=i8(100), slots=u8(120), power=Power(idle_w=f16(100)))
    runs = [simulate(cluster, workload, baselines.make("jsq")).metrics.as_dict() for cluster in (wide, narrow)]
    assert runs[0] == runs[1]
    half = afd.optimal_ratio(COEFFICIENTS, load=LOAD, ffn_cost=f16(2000), batch=i16(256))
    assert half.integer == afd.optimal_ratio(COEFFICIENTS, load=LOAD, ffn_cost=2000.0).integer


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: afd.Coefficients(1e308, 1.0, 1.0, 1.0, 1.0, 1.0), "alpha_a"),
        (lambda: afd.TokenLoad(1e308, 1.0), "theta"),
        (lambda: afd.TokenLoad(1.0, 1.0, [1.0]), "replicates"),  # type: ignore[arg-type]
        (lambda: afd.TokenLoad.geometric(100, 1e308), "mean_output"),
        (lambda: afd.TokenLoad.constant(100, 5, prompt_std=1e308), "prompt_std"),
        (lambda: afd.token_load([2**40], [1]), "prompt_tokens, row 0"),
        (lambda: afd.token_load(np.ma.array([1, 2], mask=[False, True]), [1, 1]), "prompt_tokens, row 1"),
        (lambda: afd.token_load([1, 2], [1, 1], replicates=2**70), "replicates"),
        (lambda: afd.token_load([1, 2], [1, 1], seed=None), "seed"),  # type: ignore[arg-type]
        (lambda: afd.optimal_ratio(COEFFICIENTS, load=LOAD, batch=2**70), "batch"),
        (lambda: afd.optimal_ratio(COEFFICIENTS, load=LOAD, microbatches=10**6, method="quasi-static"), "microbatches"),
        (lambda: afd.optimal_ratio(COEFFICIENTS, load=LOAD, ffn_cost=2.0**70, method="gaussian"), "ffn_cost"),
        (lambda: afd.optimal_ratio(COEFFICIENTS, load=LOAD, attention_cost=1e-320), "attention_cost"),
        (lambda: afd.optimal_ratio(COEFFICIENTS, load=LOAD, limits=3), "limits"),  # type: ignore[arg-type]
        (lambda: afd.optimal_ratio(COEFFICIENTS, load=None), "load"),  # type: ignore[arg-type]
        (lambda: afd.kv_tokens_needed(LOAD, batch=-1, microbatches=3), "batch"),
        (lambda: afd.kv_tokens_needed(LOAD, batch=1, microbatches=3, kv_overflow=np.nan), "kv_overflow"),
        (lambda: afd.divisible_split(FREE, instances=2**31), "instances"),
        (lambda: afd.node_split(FREE, nodes=2**31), "nodes"),
        (lambda: afd.simulate_bundle(COEFFICIENTS, afd.ConstantLengths(3, 3), steps=2**62), "steps"),
        (lambda: afd.simulate_bundle(COEFFICIENTS, afd.ConstantLengths(3, 3), batch=2**30), "batch"),
        (lambda: afd.simulate_bundle(COEFFICIENTS, afd.ConstantLengths(3, 3), seed=1.5), "seed"),  # type: ignore[arg-type]
        (lambda: afd.simulate_ratios(COEFFICIENTS, afd.ConstantLengths(3, 3), ratios=3), "ratios"),  # type: ignore[arg-type]
        (lambda: afd.ConstantLengths(3, 2**62), "output_tokens"),
        (lambda: afd.LognormalLengths(3.0, 3.0, sigma=1e308), "sigma"),
        (lambda: Poisson(rate_per_s=1e-320), "rate_per_s"),
        (lambda: Gamma(rate_per_s=1.0, cv=1e308), "cv"),
        (lambda: OnOff(rate_per_s=1.0, on_mean_s=1e-320, off_mean_s=1.0), "on_mean_s"),
        (lambda: Geometric(mean=1e308), "mean"),
        (lambda: Geometric(mean=2.0, shift=2**63), "shift"),
        (lambda: LogNormal(mean=1.0, sd=1e308), "sd"),
        (lambda: QuantileTable(levels=(0.0, np.nan, 1.0), tokens=(1, 2, 3)), r"levels\[1\]"),
        (lambda: QuantileTable(levels=(0.0, 1.0), tokens=(1, None)), r"tokens\[1\]"),  # type: ignore[arg-type]
        (lambda: synthetic.proprietary_like(count=2**70), "count"),
        (lambda: synthetic.generate(None, count=3, seed=0), "lengths"),  # type: ignore[arg-type]
        (lambda: study.compare(ClusterConfig(), TINY, {"jsq": JSQ}, 3), "seeds"),  # type: ignore[arg-type]
        (lambda: study.compare(ClusterConfig(), TINY, {"jsq": JSQ}, [0], jobs=2**63), "jobs"),
        (lambda: study.compare(ClusterConfig(), TINY, {"jsq": JSQ}, [0], jobs=0), "jobs"),
        (lambda: study.mean_interval("x"), "values"),
        (lambda: Rules(reward_scale=1e-320), "reward_scale"),
        (lambda: baselines.make("vllm", api_servers=2**62), "api_servers"),
        (lambda: baselines.make("br-0", greedy_above=2**70), "greedy_above"),
        (lambda: baselines.make("br-h", predictor=classifiers.Oracle(), alpha=1e308), "alpha"),
        (lambda: baselines.make("bf-io", horizon=3, predictor=3), "predictor"),
        (lambda: baselines.make("bf-io", horizon=2**63), "horizon"),
        (lambda: baselines.make("learned", weights=3), "weights"),
        (lambda: baselines.make("learned", candidate_window=2**62), "candidate_window"),
    ],
)
def test_a_figure_out_of_range_is_named(call: Any, name: str) -> None:
    with pytest.raises((ValueError, TypeError), match=f"{name}.* must (be|have)|{name}: is masked"):
        call()


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"samples": 2**62}, "samples"),
        ({"step_s": 1e-320}, "step_s"),
        ({"random_state": 2**62}, "random_state"),
        ({"min_samples_leaf": 2**62}, "min_samples_leaf"),
        ({"max_trees": 2**62}, "max_trees"),
    ],
)
def test_a_predictors_figure_out_of_range_is_named(parameters: Any, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be"):
        classifiers.HistGB(**parameters).fit(Workload(np.zeros(9), np.ones(9), np.arange(1, 10)))


@pytest.mark.parametrize("window", [3, None, (1, 2, 3), (0.9, 0.1), (None, 1)])
def test_a_window_that_is_none_is_named(window: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="window"):
        simulate(ClusterConfig(), Workload([0.0], [1], [1]), baselines.make("jsq"), window=window)
