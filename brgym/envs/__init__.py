"""Gymnasium environments over the cluster: the agent is the router."""

from brgym.envs.agent import PolicyAgent
from brgym.envs.arrival_routing import ArrivalRoutingEnv
from brgym.envs.routing_env import RoutingEnv
from brgym.envs.saved import EnvState
from brgym.envs.sticky_routing import StickyRoutingEnv

__all__ = ["ArrivalRoutingEnv", "EnvState", "PolicyAgent", "RoutingEnv", "StickyRoutingEnv"]
