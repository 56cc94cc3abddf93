"""Synthetic workloads have the statistics that they are made for, and depend on their seed alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from brgym.workload import (
    Backlog,
    Gamma,
    GaussianCopula,
    Geometric,
    LogNormal,
    OnOff,
    Poisson,
    QuantileTable,
    TruncatedNormalPair,
    generate,
    load_workload,
    workload_names,
)

BUILT_IN = [name for name in workload_names() if name.endswith("-like")]
GEOMETRIC_PAIR = GaussianCopula(prompt=Geometric(mean=300.0), output=Geometric(mean=60.0))


def gaps(arrivals: object, count: int = 50_000) -> np.ndarray:
    return np.diff(arrivals.sample(count, np.random.default_rng(1)))  # type: ignore[attr-defined]


class TestArrivals:
    @pytest.mark.parametrize(
        "arrivals",
        [
            Backlog(),
            Poisson(rate_per_s=3.0),
            Gamma(rate_per_s=3.0, cv=2.0),
            OnOff(rate_per_s=9.0, on_mean_s=5.0, off_mean_s=20.0),
        ],
    )
    def test_they_start_at_zero_and_never_go_back(self, arrivals: object) -> None:
        workload = generate(GEOMETRIC_PAIR, arrivals, count=1000, seed=0)  # type: ignore[arg-type]
        assert workload.arrival_s[0] == 0.0
        assert (np.diff(workload.arrival_s) >= 0.0).all()

    @pytest.mark.parametrize("cv", [0.5, 1.0, 3.0])
    def test_gamma_gaps_have_their_rate_and_cv(self, cv: float) -> None:
        drawn = gaps(Gamma(rate_per_s=4.0, cv=cv))
        assert drawn.mean() == pytest.approx(0.25, rel=0.05)
        assert drawn.std() / drawn.mean() == pytest.approx(cv, rel=0.05)

    def test_poisson_gaps_have_cv_one(self) -> None:
        drawn = gaps(Poisson(rate_per_s=4.0))
        assert drawn.mean() == pytest.approx(0.25, rel=0.02)
        assert drawn.std() / drawn.mean() == pytest.approx(1.0, rel=0.02)

    def test_on_off_has_its_long_run_rate_and_silences(self) -> None:
        drawn = gaps(OnOff(rate_per_s=10.0, on_mean_s=10.0, off_mean_s=30.0), count=200_000)
        assert 1.0 / drawn.mean() == pytest.approx(10.0 * 10.0 / 40.0, rel=0.05)
        assert drawn[drawn > 3.0].sum() / drawn.sum() == pytest.approx(0.75, abs=0.05)

    def test_bad_parameters_are_named(self) -> None:
        with pytest.raises(ValueError, match="rate_per_s must be finite and at least 1e-09"):
            Poisson(rate_per_s=0.0)
        with pytest.raises(ValueError, match="cv must be"):
            Gamma(rate_per_s=1.0, cv=-1.0)
        with pytest.raises(ValueError, match="off_mean_s must be"):
            OnOff(rate_per_s=1.0, on_mean_s=1.0, off_mean_s=-1.0)


class TestLengths:
    @pytest.mark.parametrize(
        ("law", "mean", "sd"),
        [
            (Geometric(mean=50.0), 50.0, np.sqrt(50.0 * 49.0)),
            (Geometric(mean=52.0, shift=1000), 1052.0, np.sqrt(52.0 * 51.0)),
            (Geometric(mean=1.0), 1.0, 0.0),
            (LogNormal(mean=4652.0, sd=2500.0), 4652.0, 2500.0),
            (QuantileTable(levels=(0.0, 0.5, 1.0), tokens=(1.0, 1.0, 101.0)), 26.0, np.sqrt(5000 / 3 - 625)),
        ],
    )
    def test_they_have_their_mean_and_spread(self, law: object, mean: float, sd: float) -> None:
        levels = (np.arange(200_000) + 0.5) / 200_000
        lengths = law.quantile(levels)  # type: ignore[attr-defined]
        assert (np.diff(lengths) >= 0.0).all()
        assert lengths.mean() == pytest.approx(mean, rel=0.001)
        assert lengths.std() == pytest.approx(sd, rel=0.02)

    @given(st.floats(-1.0, 1.0))
    def test_the_copula_has_its_rank_correlation(self, rank_correlation: float) -> None:
        law = LogNormal(mean=500.0, sd=400.0)
        copula = GaussianCopula(prompt=law, output=law, rank_correlation=rank_correlation)
        prompt, output = copula.sample(4000, np.random.default_rng(0))
        assert spearmanr(prompt, output).statistic == pytest.approx(rank_correlation, abs=0.06)

    def test_the_truncated_pair_is_positive_and_correlated(self) -> None:
        pair = TruncatedNormalPair(prompt_mean=10.0, prompt_sd=50.0, output_mean=10.0, output_sd=5.0, correlation=0.8)
        prompt, output = pair.sample(5000, np.random.default_rng(0))
        assert len(prompt) == len(output) == 5000
        assert prompt.min() > 0.0
        assert output.min() > 0.0
        assert np.corrcoef(prompt, output)[0, 1] > 0.4

    def test_bad_parameters_are_named(self) -> None:
        with pytest.raises(ValueError, match="mean must be"):
            Geometric(mean=0.5)
        with pytest.raises(ValueError, match=r"rank_correlation must be finite and in -1\.\.1"):
            GaussianCopula(prompt=Geometric(mean=2.0), output=Geometric(mean=2.0), rank_correlation=2.0)
        with pytest.raises(ValueError, match="levels must increase from 0 to 1"):
            QuantileTable(levels=(0.0, 0.5), tokens=(1.0, 2.0))
        with pytest.raises(ValueError, match=r"tokens must be in 1\.\."):
            QuantileTable(levels=(0.0, 1.0), tokens=(0.0, 2.0))
        with pytest.raises(ValueError, match="output_sd must be"):
            TruncatedNormalPair(prompt_mean=1.0, prompt_sd=1.0, output_mean=1.0, output_sd=0.0)


class TestGenerate:
    def test_the_seed_decides_everything(self) -> None:
        same = [generate(GEOMETRIC_PAIR, Poisson(rate_per_s=1.0), count=50, seed=4).fingerprint() for _ in range(2)]
        assert same[0] == same[1]
        assert same[0] != generate(GEOMETRIC_PAIR, Poisson(rate_per_s=1.0), count=50, seed=5).fingerprint()

    def test_arrivals_and_lengths_are_drawn_apart(self) -> None:
        timed = generate(GEOMETRIC_PAIR, Poisson(rate_per_s=1.0), count=50, seed=4)
        assert timed.backlog() == generate(GEOMETRIC_PAIR, count=50, seed=4)

    def test_lengths_are_at_least_one_token(self) -> None:
        law = LogNormal(mean=0.2, sd=0.1)
        assert generate(GaussianCopula(prompt=law, output=law), count=100, seed=0).prompt_tokens.tolist() == [1] * 100

    def test_bad_parameters_are_named(self) -> None:
        with pytest.raises(ValueError, match="count must be at least 1"):
            generate(GEOMETRIC_PAIR, count=0, seed=0)
        with pytest.raises(ValueError, match="seed must be at least 0"):
            generate(GEOMETRIC_PAIR, count=1, seed=-1)


class TestBuiltIn:
    @pytest.mark.parametrize("name", BUILT_IN)
    def test_a_recipe_depends_on_seed_and_count(self, name: str) -> None:
        workload = load_workload(name, seed=3, count=500)
        assert len(workload) == 500
        assert workload == load_workload(name, seed=3, count=500)
        assert workload != load_workload(name, seed=4, count=500)

    @pytest.mark.parametrize(
        ("name", "count", "prompt_mean", "output_mean", "tolerance"),
        [
            ("proprietary-like", 8000, 3690, 1260, 0.02),
            ("azure-2024-conv-like", 10000, 4652, 1052, 0.02),
            ("azure-2023-conv-like", 19366, 1155, 211, 0.03),
            ("azure-2023-code-like", 8819, 2048, 28, 0.08),
            ("burstgpt-like", 8000, 363, 57, 0.1),
        ],
    )
    def test_a_recipe_has_the_means_of_its_source(
        self, name: str, count: int, prompt_mean: float, output_mean: float, tolerance: float
    ) -> None:
        workloads = [load_workload(name, seed=seed) for seed in range(4)]
        assert {len(workload) for workload in workloads} == {count}
        assert np.mean([w.prompt_tokens.mean() for w in workloads]) == pytest.approx(prompt_mean, rel=tolerance)
        assert np.mean([w.output_tokens.mean() for w in workloads]) == pytest.approx(output_mean, rel=tolerance)

    def test_every_azure_2024_like_output_is_above_1000(self) -> None:
        assert load_workload("azure-2024-conv-like").output_tokens.min() > 1000

    @pytest.mark.parametrize(
        ("name", "rate_per_s", "cv"), [("azure-2023-conv-like", 5.53, 1.1), ("azure-2023-code-like", 2.57, 13.0)]
    )
    def test_azure_2023_like_arrivals_have_the_traces_rate_and_burstiness(
        self, name: str, rate_per_s: float, cv: float
    ) -> None:
        drawn = np.diff(load_workload(name, count=200_000).arrival_s)
        assert 1.0 / drawn.mean() == pytest.approx(rate_per_s, rel=0.1)
        assert drawn.std() / drawn.mean() == pytest.approx(cv, rel=0.1)
