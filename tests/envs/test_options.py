"""Each option of an environment is defined once; the docstring's table says of it what the code does."""

import dataclasses
import re
from functools import partial
from typing import Any

import gymnasium
import pytest

import brgym  # noqa: F401  # registers the environments
from brgym.envs import StickyRoutingEnv
from brgym.envs.episode import Episodes
from brgym.envs.episode_rules import Rules

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
