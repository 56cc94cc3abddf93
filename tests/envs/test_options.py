"""Each option of an environment is defined once; the docstring's table says of it what the code does."""

import dataclasses
import re
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest

import brgym
from brgym.envs import StickyRoutingEnv
from brgym.envs.episode import Episodes
from brgym.envs.episode_rules import Rules
from brgym.workload import OfferedLoad
from tests.envs.scenarios import some_requests

_ROW = re.compile(r"^ *\| `(?P<name>\w+)` \| (?P<default>[^|]*) \|", re.MULTILINE)


def _table() -> dict[str, str]:
    text = (StickyRoutingEnv.__doc__ or "").split("## Arguments")[1]
    return {row["name"]: row["default"].strip() for row in _ROW.finditer(text)}


def test_the_docstring_lists_every_option_with_its_default() -> None:
    table = _table()
    options = {field.name: field.default for kind in (Rules, Episodes) for field in dataclasses.fields(kind)}
    required = {name for name, default in options.items() if default is dataclasses.MISSING}
    assert required == {"cluster", "workload", "binding"}
    for name, default in options.items():
        if name in required or default is None:  # None stands for what the table explains in words
            assert name in table or name == "binding"
        else:
            assert table[name].strip('`"') == str(default)


@pytest.mark.parametrize("env_id", ["brgym/StickyRouting-v0", "brgym/ArrivalRouting-v0"])
@pytest.mark.parametrize("make", [gymnasium.make, partial(gymnasium.make_vec, num_envs=2)])
def test_an_option_that_is_none_is_refused_by_name(env_id: str, make: Any) -> None:
    with pytest.raises(TypeError, match="argument 'episode_request'; did you mean 'episode_requests'"):
        make(env_id, episode_request=5)


@pytest.mark.parametrize("env_id", ["brgym/StickyRouting-v0", "brgym/ArrivalRouting-v0"])
@pytest.mark.parametrize("make", [gymnasium.make, partial(gymnasium.make_vec, num_envs=2)])
def test_several_workloads_are_refused(env_id: str, make: Any) -> None:
    with pytest.raises(TypeError, match=r"workload must be one Workload, .* got list"):
        make(env_id, workload=[some_requests()])


@pytest.mark.parametrize("env_id", ["brgym/StickyRouting-v0", "brgym/ArrivalRouting-v0"])
def test_options_of_reset_that_mean_nothing_are_refused_and_nothing_happens(env_id: str) -> None:
    env: Any = gymnasium.make(env_id, workload=some_requests())
    env.reset(seed=0, options={})
    before = env.unwrapped.get_state()
    with pytest.raises(ValueError, match="unknown option 'episode_requests' of reset: it takes none here"):
        env.reset(seed=1, options={"episode_requests": 5})
    assert env.unwrapped.get_state() == before
    envs = gymnasium.make_vec(env_id, num_envs=2, workload=some_requests())
    with pytest.raises(ValueError, match="unknown option of reset 'reset_masks'; did you mean 'reset_mask'"):
        envs.reset(options={"reset_masks": np.ones(2, np.bool_)})


@pytest.mark.parametrize("make", [gymnasium.make, partial(gymnasium.make_vec, num_envs=2)])
def test_arrival_routing_says_why_it_has_no_candidates(make: Any) -> None:
    with pytest.raises(TypeError, match="candidates is no argument here: the only candidate is the request"):
        make("brgym/ArrivalRouting-v0", workload=some_requests(), candidates=4)


@pytest.mark.parametrize("env_id", ["brgym/StickyRouting-v0", "brgym/ArrivalRouting-v0"])
def test_requests_come_at_a_load_of_the_cluster(env_id: str) -> None:
    cluster, requests = brgym.ClusterConfig(workers=2, slots=4), some_requests()
    for make in (gymnasium.make, partial(gymnasium.make_vec, num_envs=2)):
        env: Any = make(env_id, cluster=cluster, workload=requests, load=0.8, arrivals="gamma:cv=2")
        served = env.unwrapped.task.episodes.workload
        assert served == OfferedLoad(0.8, arrivals="gamma:cv=2").applied(requests, cluster, seed=0)
    with pytest.raises(ValueError, match="load must be"):
        gymnasium.make(env_id, cluster=cluster, workload=requests, load=-1.0)
