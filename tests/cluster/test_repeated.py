"""The spread of what is there several times: `Distribution.of_repeated` beside the same written out."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from brgym.cluster import Distribution

VALUES = st.one_of(st.sampled_from([0.0, 0.1, 0.2, 5.0, 5e-324, 1e300]), st.floats(0.0, 1e6))


@given(st.lists(st.tuples(VALUES, st.integers(0, 4)), min_size=1, max_size=60))
def test_percentiles_are_those_of_the_values_written_out(pairs):
    written_out = sorted(value for value, count in pairs for _ in range(count))
    values, counts = (np.array(column) for column in zip(*pairs, strict=True))

    spread = Distribution.of_repeated(values, counts)

    if not written_out:
        assert np.isnan(spread.max)
        return
    for share, percentile in ((0.5, spread.p50), (0.9, spread.p90), (0.95, spread.p95), (0.99, spread.p99)):
        reached = next(place for place in range(len(written_out)) if place + 1 >= share * len(written_out))
        assert percentile == written_out[reached]
    assert spread.max == written_out[-1]


def test_the_same_value_everywhere():
    spread = Distribution.of_repeated(np.full(3, 0.25), np.array([1, 0, 7]))
    assert (spread.mean, spread.p50, spread.p99, spread.max) == (0.25, 0.25, 0.25, 0.25)
