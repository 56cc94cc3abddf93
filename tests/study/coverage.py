"""How often intervals hold the truth, and how often claims are false: simulated, for docs/studies.md and the tests.

Run as `python -m tests.study.coverage`, it prints the tables of docs/studies.md.
"""

import argparse
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from scipy.stats import bootstrap, trim_mean

from brgym.study import holm, mean_intervals, paired_p_values, paired_ratios
from brgym.study.aggregate import interquartile_mean, performance_profile
from brgym.study.resampling import studentised_interval

Reals = npt.NDArray[np.float64]
Ends = tuple[Reals, Reals]

SEEDS = (5, 10, 20)
SETTINGS = 10
LOG_SD = 0.3
MEDIANS = np.exp(np.linspace(-0.5, 0.5, SETTINGS))
THRESHOLD = 1.2

DESIGNS: dict[str, Callable[[Reals], Reals]] = {
    "normal": lambda z: z,
    "lognormal, skewness 1.8": lambda z: np.exp(0.5 * z) - np.exp(0.125),
    "lognormal, skewness 6.2": lambda z: np.exp(z) - np.exp(0.5),
}
"""Differences whose mean is 0, made of standard normal values."""


def student_t(values: Reals) -> Ends:
    found = mean_intervals(values)
    return found.low, found.high


def studentised(values: Reals) -> Ends:
    return studentised_interval(values, confidence=0.95, seed=1, resamples=4000)


def scipys(method: str) -> Callable[[Reals], Ends]:
    def interval(values: Reals) -> Ends:
        found = bootstrap(
            (values,), np.mean, axis=-1, n_resamples=1999, batch=50, method=method, rng=np.random.default_rng(1)
        ).confidence_interval
        return found.low, found.high

    return interval


INTERVALS: dict[str, Callable[[Reals], Ends]] = {
    "Student's t": student_t,
    "studentised bootstrap": studentised,
    "BCa bootstrap (scipy)": scipys("BCa"),
    "percentile bootstrap (scipy)": scipys("percentile"),
}


def normals(*shape: int) -> Reals:
    return np.random.default_rng([7, *shape]).standard_normal(shape)


def of_a_mean(interval: Callable[[Reals], Ends], design: str, seeds: int, studies: int) -> tuple[float, float]:
    """Share of the studies whose interval holds the mean, and the median length in standard errors of the mean."""
    values = DESIGNS[design](normals(studies, seeds))
    low, high = interval(values)
    error = values.std(axis=-1, ddof=1) / np.sqrt(seeds)
    return held(low, high, 0.0), float(np.median((high - low) / error))


def of_a_ratio(seeds: int, studies: int, method: str) -> float:
    """Share of the studies whose interval holds the ratio 0.3, where both figures vary with the seed's workload."""
    noise = normals(3, studies, seeds)
    reference = np.exp(noise[0] + 0.2 * noise[1])
    found = paired_ratios(0.3 * np.exp(noise[0] + 0.2 * noise[2]), reference, method=method)
    return held(found.low, found.high, 0.3)


def of_an_interquartile_mean(seeds: int, studies: int) -> tuple[float, float]:
    """Share of the studies (here: policies) of 10 settings whose interval holds the truth: ours, and rliable's."""
    ratios = lognormal_settings(seeds, studies)
    quantiles = np.array([NormalDist().inv_cdf((k + 0.5) / 20_000) for k in range(20_000)])
    truth = float(trim_mean(np.exp(np.log(MEDIANS)[:, None] + LOG_SD * quantiles), 0.25, axis=None))
    ours = interquartile_mean(ratios, resamples=1000)
    shrink = np.sqrt((seeds - 1) / seeds)
    low, high = (ours.mean + shrink * (end - ours.mean) for end in (ours.low, ours.high))
    return held(ours.low, ours.high, truth), held(low, high, truth)


def of_a_profile(seeds: int, studies: int) -> float:
    """Share of the studies whose interval holds P(ratio <= 1.2), of the settings of `of_an_interquartile_mean`."""
    found = performance_profile(lognormal_settings(seeds, studies), [THRESHOLD], resamples=1000)
    truth = np.mean([NormalDist(np.log(median), LOG_SD).cdf(np.log(THRESHOLD)) for median in MEDIANS])
    return held(found.low[:, 0], found.high[:, 0], float(truth))


def lognormal_settings(seeds: int, studies: int) -> Reals:
    """Shape (settings, studies, seeds)."""
    return np.asarray(MEDIANS[:, None, None] * np.exp(LOG_SD * normals(SETTINGS, studies, seeds)))


def false_claims(policies: int, seeds: int, studies: int, tails: str = "normal") -> tuple[float, float]:
    """Share of the studies with a false claim, where no policy differs from the reference: with Holm, and without."""
    rng = np.random.default_rng([8, policies, seeds])
    shape = (studies, policies + 1, seeds)
    figures = rng.standard_normal(shape) if tails == "normal" else np.exp(rng.standard_normal(shape))
    p_values = paired_p_values(figures[:, 1:], figures[:, :1])
    return float((holm(p_values).min(axis=-1) <= 0.05).mean()), float((p_values.min(axis=-1) <= 0.05).mean())


def held(low: Reals, high: Reals, truth: float) -> float:
    return float(np.mean((low <= truth) & (truth <= high)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=10_000, help="simulated studies of each cell")
    studies = parser.parse_args().studies
    few = studies // 5
    heads = " | ".join(f"{seeds} seeds" for seeds in SEEDS)
    print(f"| 95 % interval of a mean | values | {heads} |\n|---|---|" + "---|" * len(SEEDS))
    for name, interval in INTERVALS.items():
        for design in DESIGNS:
            count = few if "scipy" in name else studies
            cells = (of_a_mean(interval, design, seeds, count) for seeds in SEEDS)
            print(f"| {name} | {design} | " + " | ".join(f"{100 * hit:.1f} ({size:.1f})" for hit, size in cells) + " |")
    print(f"\n| other 95 % intervals | {heads} |\n|---|" + "---|" * len(SEEDS))
    iqm = [of_an_interquartile_mean(seeds, few) for seeds in SEEDS]
    rows = {
        "ratio, Student's t": [of_a_ratio(seeds, studies, "student-t") for seeds in SEEDS],
        "ratio, studentised bootstrap": [of_a_ratio(seeds, few, "bootstrap") for seeds in SEEDS],
        f"interquartile mean of {SETTINGS} settings": [ours for ours, _ in iqm],
        "the same, not widened (rliable)": [plain for _, plain in iqm],
        f"performance profile of {SETTINGS} settings at {THRESHOLD}": [of_a_profile(seeds, few) for seeds in SEEDS],
    }
    for name, hits in rows.items():
        print(f"| {name} | " + " | ".join(f"{100 * hit:.1f}" for hit in hits) + " |")
    print(f"\n| studies with a false claim, of 10 policies | {heads} |\n|---|" + "---|" * len(SEEDS))
    for tails in ("normal", "lognormal, skewness 6.2"):
        shares = [false_claims(10, seeds, studies, tails) for seeds in SEEDS]
        for name, column in (("with Holm's correction", 0), ("without", 1)):
            print(f"| {tails} figures, {name} | " + " | ".join(f"{100 * share[column]:.1f}" for share in shares) + " |")


if __name__ == "__main__":
    main()
