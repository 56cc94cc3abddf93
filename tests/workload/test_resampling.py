"""Rounds of a trace, and other draws of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brgym.workload import Gamma, Workload, generate, load_workload, repeated, resampled
from brgym.workload.lengths import TruncatedNormalPair


def conversations(workload: Workload) -> list[tuple[object, ...]]:
    """Every conversation as what is in it: lengths, hashes, delays and who follows whom."""
    after = np.full(len(workload), -1) if workload.after is None else workload.after
    first: dict[int, int] = {}
    found: dict[int, list[tuple[object, ...]]] = {}
    for row in range(len(workload)):
        begin = row if after[row] < 0 else first[int(after[row])]
        first[row] = begin
        members = found.setdefault(begin, [])
        rows = [other for other in range(row) if first[other] == begin]
        said = (
            workload.prompt_tokens[row],
            workload.output_tokens[row],
            None if workload.prompt_hash is None else workload.prompt_hash[row],
            None if workload.max_tokens is None else workload.max_tokens[row],
            None if workload.patience_s is None else workload.patience_s[row],
            workload.arrival_s[row] if after[row] >= 0 else 0.0,
            rows.index(after[row]) if after[row] >= 0 else -1,
        )
        members.append(said)
    return [tuple(members) for members in found.values()]


@st.composite
def workloads(draw) -> Workload:
    count = draw(st.integers(1, 12))
    numbers = st.lists(st.integers(1, 50), min_size=count, max_size=count)
    after = [draw(st.integers(-1, row - 1)) for row in range(count)] if draw(st.booleans()) else None
    gaps = draw(st.lists(st.sampled_from([0.0, 0.5, 3.0]), min_size=count, max_size=count))
    outputs = draw(numbers)
    return Workload(
        np.cumsum(gaps),
        draw(numbers),
        outputs,
        draw(numbers) if draw(st.booleans()) else None,
        max_tokens=[output + 3 for output in outputs] if draw(st.booleans()) else None,
        after=after,
        patience_s=draw(numbers) if draw(st.booleans()) else None,
    )


@given(workload=workloads(), seed=st.integers(0, 5), data=st.data())
def test_whole_conversations_in_blocks(workload, seed, data):
    theirs = conversations(workload)
    block = data.draw(st.integers(1, len(theirs)))
    drawn = resampled(workload, seed=seed, block_requests=block)
    ours = conversations(drawn)
    assert len(ours) == len(theirs)
    for first in range(0, len(ours), block):  # each block is a run of the trace's, round the end
        runs = [[theirs[(start + k) % len(theirs)] for k in range(block)] for start in range(len(theirs))]
        assert ours[first : first + block] in [run[: len(ours) - first] for run in runs]
    assert drawn == resampled(workload, seed=seed, block_requests=block)


@given(workload=workloads(), times=st.integers(1, 4))
def test_rounds(workload, times):
    again = repeated(workload, times)
    assert conversations(again) == conversations(workload) * times
    assert len(again) == times * len(workload)
    if times == 1:
        begins = slice(None) if workload.after is None else workload.after < 0
        np.testing.assert_array_equal(
            again.arrival_s[again.after < 0 if again.after is not None else begins], workload.arrival_s[begins]
        )


def test_a_round_begins_a_mean_gap_after_the_last():
    workload = Workload([1.0, 2.0, 5.0], [1, 2, 3], [4, 5, 6])
    assert repeated(workload, 3).arrival_s.tolist() == [1.0, 2.0, 5.0, 7.0, 8.0, 11.0, 13.0, 14.0, 17.0]


def test_lengths_and_rate_are_kept_on_average():
    workload = load_workload("azure-2023-code-like", count=3000, seed=4)
    draws = [resampled(workload, seed=seed) for seed in range(60)]
    outputs = np.array([draw.output_tokens.mean() for draw in draws])
    spans = np.array([draw.arrival_s[-1] for draw in draws])
    for values, truth in ((outputs, workload.output_tokens.mean()), (spans, workload.arrival_s[-1])):
        assert abs(values.mean() - truth) < 4.0 * values.std() / np.sqrt(len(draws))


def test_what_is_alike_nearby_stays_so():
    lengths = TruncatedNormalPair(prompt_mean=100, prompt_sd=10, output_mean=50, output_sd=5, correlation=0.0)
    even = generate(lengths, Gamma(rate_per_s=1.0, cv=1.0), count=4000, seed=0)
    waves = np.sort(even.output_tokens.reshape(100, 40), axis=1).ravel()  # rises of forty requests
    workload = Workload(even.arrival_s, even.prompt_tokens, waves)

    def alike(outputs):
        return np.corrcoef(outputs[:-1], outputs[1:])[0, 1]

    assert alike(resampled(workload, seed=1).output_tokens) > 0.8 * alike(waves)
    assert abs(alike(resampled(workload, seed=1, block_requests=1).output_tokens)) < 0.1


def test_ranges_are_named():
    workload = load_workload("proprietary-like", count=10)
    with pytest.raises(ValueError, match="times must be at least 1, got 0"):
        repeated(workload, 0)
    with pytest.raises(ValueError, match=r"block_requests must be in 1\.\.10, got 11"):
        resampled(workload, seed=0, block_requests=11)
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        resampled(workload, seed=-1)
