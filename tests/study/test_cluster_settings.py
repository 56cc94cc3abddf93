"""The cluster's configuration as text: every field there is, those that may come, and one clear error a mistake."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pytest

from brgym import ClusterConfig, StepTime, preset
from brgym.cluster import Power, StepTimeRow
from brgym.study import cluster_settings, with_settings

CLUSTER = preset("bf-io")


def test_every_field_is_there_and_says_what_it_is():
    settings = {setting.name: setting for setting in cluster_settings()}
    assert list(settings) == [field.name for field in dataclasses.fields(ClusterConfig)]
    assert all(setting.about for setting in settings.values())
    for kind, name in ((StepTimeRow, "step_time"), (Power, "power")):
        assert all(part.name in settings[name].about for part in dataclasses.fields(kind))


def test_fields_are_set_one_by_one():
    changed = with_settings(CLUSTER, {"kv_capacity": "5000", "recompute_s_per_token": "1e-5", "candidates": "none"})
    expected = dataclasses.replace(CLUSTER, kv_capacity=5000, recompute_s_per_token=1e-5, candidates=None)
    assert changed == expected
    assert with_settings(CLUSTER, {}) == CLUSTER


def test_parts_change_what_the_cluster_has():
    row = CLUSTER.step_time.rows[0]
    changed = with_settings(CLUSTER, {"step_time": ["base_s=0.5"], "power": "exponent=1"})
    assert changed.step_time == StepTime([dataclasses.replace(row, base_s=0.5)])
    assert changed.power == Power(exponent=1.0)
    two = with_settings(CLUSTER, {"step_time": ["base_s=0.5", "per_active_s=1e-3"], "power": "none"})
    assert two.step_time == StepTime([StepTimeRow(base_s=0.5), StepTimeRow(per_active_s=1e-3)])
    assert two.power is None
    assert with_settings(two, {"power": "power"}).power == Power()


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"kv_capacity": "1"}, "kv_capacity must be at least 2, got 1"),
        ({"kv_capacity": "many"}, "kv_capacity must be a whole number or none, got 'many'"),
        ({"recompute_s_per_token": "nan"}, "recompute_s_per_token must be finite"),
        ({"power": "idle=1"}, "power: unknown parameter 'idle'; did you mean 'idle_w'?"),
        ({"power": "idle_w=500"}, "power: peak_w must be"),
        ({"power": ""}, "power: unknown kind ''"),
        ({"step_time": "none"}, "step_time: step_time needs at least one row"),
        ({"step_time": ["base_s=0,per_token_s=0"]}, "must take some time"),
        ({"powr": "none"}, "did you mean 'power'?"),
    ],
)
def test_a_mistake_names_the_field(texts, message):
    with pytest.raises(ValueError) as error:
        with_settings(CLUSTER, texts)
    assert message in str(error.value)


@dataclass(frozen=True)
class SlowTier:
    servers: int
    buffer_tokens: int | None = None


@dataclass(frozen=True)
class InChunks:
    """Prefill in chunks.

    Attributes:
        interval: Steps between two chunks,
            at least 1.
    """

    interval: int = 1


@dataclass(frozen=True)
class Later:
    """A configuration as it may become.

    Attributes:
        victim: Who goes first.
    """

    victim: Literal["newest", "least-generated"] = "newest"
    prefill: SlowTier | InChunks | None = None
    events: Sequence[SlowTier] = ()
    hook: Callable[[], None] | None = field(default=None)


def test_new_fields_appear_by_themselves_where_they_can_be_written():
    settings = {setting.name: setting for setting in cluster_settings(Later)}
    assert list(settings) == ["victim", "prefill", "events"]
    assert settings["victim"].form == "newest|least-generated"
    assert "Steps between two chunks, at least 1." in settings["prefill"].about
    texts = {"victim": "least-generated", "prefill": "in-chunks:interval=2", "events": ["servers=1", "servers=2"]}
    set_all = with_settings(Later(), texts)
    assert set_all == Later("least-generated", InChunks(2), (SlowTier(1), SlowTier(2)))
    assert with_settings(set_all, {"prefill": "interval=3", "events": "none"}).prefill == InChunks(3)
    assert with_settings(set_all, {"prefill": "slow-tier:servers=3"}).prefill == SlowTier(3)
    assert with_settings(set_all, {"prefill": "none"}).prefill is None


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"prefill": "interval=2"}, "say which first: slow-tier:NAME=VALUE or in-chunks:NAME=VALUE"),
        ({"prefill": "slow-tier"}, "prefill: slow-tier needs servers"),
        ({"events": ["buffer_tokens=3"]}, "events: slow-tier needs servers"),
        ({"victim": "oldest"}, "unknown victim 'oldest'"),
        ({"hook": "none"}, "unknown cluster setting 'hook'"),
    ],
)
def test_mistakes_in_new_fields_too(texts, message):
    with pytest.raises(ValueError) as error:
        with_settings(Later(), texts)
    assert message in str(error.value)


def test_none_is_offered_only_where_it_is_a_value():
    forms = {setting.name: setting.form for setting in cluster_settings()}
    assert forms["power"].endswith("|none")
    assert not forms["step_time"].endswith("|none")  # a cluster without a step time is none
