"""Policies written as text: every parameter that can be written, canonical texts, one clear error for each mistake."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

import baselines
import classifiers
from baselines import Specification
from baselines.balance_route import BR0, BRH


def test_parameters_are_read_by_the_types_of_the_constructor():
    policy = baselines.from_spec("br-0:worker_choice=lowest-load,subset_window=4,greedy_above=0")
    assert isinstance(policy, BR0)
    assert (policy.worker_choice, policy.subset_window, policy.greedy_above) == ("lowest-load", 4, 0)
    text = "br-h:refill=true,gamma=0.5,beta=none,alpha=2,projection=expected"
    policy = baselines.from_spec(text, predictor=classifiers.Oracle())
    assert isinstance(policy, BRH)
    assert (policy.refill, policy.gamma, policy.beta, policy.alpha) == (True, 0.5, None, 2.0)
    assert policy.projection == "expected"


def test_a_comma_before_a_word_with_an_equals_sign_goes_on_with_the_policy_before_it():
    found = baselines.specifications("jsq, br-0:worker_choice=lowest-load, subset_window=4,br-h:refill=TRUE,br-0")
    assert [str(one) for one in found] == [
        "jsq",
        "br-0:subset_window=4,worker_choice=lowest-load",
        "br-h:refill=true",
        "br-0",
    ]


def test_the_text_is_canonical():
    texts = ("br-h:gamma=0.50,horizon=05", " br-h : horizon=5 , gamma=5e-1")
    assert len({str(Specification.parse(text)) for text in texts}) == 1


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "horizon": st.integers(0, 2**40),
            "gamma": st.floats(0, 1),
            "beta": st.none() | st.floats(0, 1e300),
            "refill": st.booleans(),
            "order": st.sampled_from(["arrival", "prompt-ascending"]),
        },
    )
)
def test_what_is_written_is_read_again(parameters):
    ordered = tuple((name, parameters[name]) for name in inspect.signature(BRH).parameters if name in parameters)
    written = Specification("br-h", ordered)
    assert Specification.parse(str(written)) == written


@pytest.mark.parametrize("name", baselines.names())
def test_every_policy_is_a_specification_of_itself(name):
    assert str(Specification.parse(name)) == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "unknown policy ''"),
        ("br0", "did you mean 'br-0'"),
        ("br-0:", "write name=value"),
        ("br-0:order", "write name=value"),
        ("br-0:subset_windw=4", "did you mean 'subset_window'? Known: greedy_above, subset_window"),
        ("br-0:subset_window=17", "subset_window must be in 1..16, got 17"),
        ("br-0:subset_window=4.0", "subset_window must be a whole number, got '4.0'"),
        ("br-0:subset_window=9223372036854775808", "64 bits"),
        ("br-0:order=arival", "did you mean 'arrival'"),
        ("br-0:order=arrival,order=arrival", "order is given twice"),
        ("jsq:order=arrival", "no parameter 'order'"),
        ("br-h:predictor=oracle", "predictor cannot be written as text"),
        ("br-h:gamma=nan", "gamma must be finite"),
        ("br-h:refill=1", "refill must be true or false, got '1'"),
        ("br-h:beta=all", "beta must be a number or none, got 'all'"),
    ],
)
def test_a_mistake_is_a_clear_error(text, message):
    with pytest.raises(ValueError) as error:
        baselines.from_spec(text, **({"predictor": classifiers.Oracle()} if text.startswith("br-h") else {}))
    assert message in str(error.value)


def test_what_is_missing_is_said():
    with pytest.raises(ValueError, match="br-h needs predictor"):
        baselines.from_spec("br-h:horizon=5")


def test_who_looks_ahead():
    looking = {"br-h", "br-h:horizon=5", "bf-io:horizon=3"}
    for text in (*looking, "bf-io", "bf-io:horizon=0", "br-0", "jsq"):
        assert Specification.parse(text).looks_ahead == (text in looking)
