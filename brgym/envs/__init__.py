"""Gymnasium environments over the cluster: the agent is the router."""

from brgym.envs.agent import PolicyAgent
from brgym.envs.arrival_routing import ArrivalRoutingEnv
from brgym.envs.observer import CompiledObservation
from brgym.envs.routing_env import RoutingEnv
from brgym.envs.saved import EnvState
from brgym.envs.sticky_routing import StickyRoutingEnv
from brgym.envs.vector_env import ArrivalRoutingVectorEnv, RoutingVectorEnv, StickyRoutingVectorEnv

__all__ = [
    "ArrivalRoutingEnv",
    "ArrivalRoutingVectorEnv",
    "CompiledObservation",
    "EnvState",
    "PolicyAgent",
    "RoutingEnv",
    "RoutingVectorEnv",
    "StickyRoutingEnv",
    "StickyRoutingVectorEnv",
]
