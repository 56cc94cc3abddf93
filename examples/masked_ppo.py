"""Masked PPO in one file, in CleanRL's style, on the native vector environment.

python examples/masked_ppo.py --total-steps 500000
"""

import time
from dataclasses import dataclass
from typing import NamedTuple

import gymnasium
import numpy as np
import torch
import tyro
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import nn
from torch.distributions import Categorical

from brgym import ClusterConfig


@dataclass
class Args:
    """What can be set from the command line."""

    total_steps: int = 500_000
    num_envs: int = 64
    num_steps: int = 64
    """Steps of each environment between two updates."""
    learning_rate: float = 3e-4
    gamma: float = 0.99
    gae_lambda: float = 0.95
    epochs: int = 4
    minibatches: int = 8
    clip: float = 0.2
    entropy: float = 0.01
    value: float = 0.5
    max_grad_norm: float = 0.5
    workers: int = 4
    slots: int = 8
    episode_requests: int = 200
    seed: int = 0
    device: str = "cuda" if torch.cuda.is_available() else "cpu"


class Agent(nn.Module):
    """An actor, whose invalid actions have no probability, and a critic."""

    def __init__(self, columns: int, actions: int) -> None:
        super().__init__()
        self.actor = self._network(columns, actions)
        self.critic = self._network(columns, 1)

    @staticmethod
    def _network(columns: int, outputs: int) -> nn.Sequential:
        return nn.Sequential(nn.Linear(columns, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, outputs))

    def policy(self, observation: torch.Tensor, mask: torch.Tensor) -> Categorical:
        """The distribution over the valid actions."""
        return Categorical(logits=self.actor(observation).masked_fill(~mask, -1e8))


class Rollout(NamedTuple):
    """What the environments and the agent did between two updates; shapes begin with (steps, environments)."""

    observations: torch.Tensor
    masks: torch.Tensor
    actions: torch.Tensor
    logprobs: torch.Tensor
    values: torch.Tensor
    rewards: torch.Tensor
    ended: torch.Tensor

    @classmethod
    def empty(cls, args: Args, columns: int, actions: int) -> "Rollout":
        """Room for one."""
        shape = (args.num_steps, args.num_envs)
        figures = [torch.zeros(shape, device=args.device) for _ in range(4)]
        return cls(
            torch.zeros((*shape, columns), device=args.device),
            torch.zeros((*shape, actions), dtype=torch.bool, device=args.device),
            torch.zeros(shape, dtype=torch.long, device=args.device),
            *figures,
        )


Moment = tuple[np.ndarray, np.ndarray]
"""Observations and masks."""


def collect(envs: VectorEnv, agent: Agent, now: Moment, rollout: Rollout, gamma: float) -> tuple[Moment, list[float]]:
    """Fills a rollout; returns the moment after it, and the mean imbalance of each episode that ended."""
    observation, mask = now
    imbalances: list[float] = []
    for step in range(len(rollout.rewards)):
        rollout.observations[step] = torch.as_tensor(observation)
        rollout.masks[step] = torch.as_tensor(mask)
        with torch.no_grad():
            policy = agent.policy(rollout.observations[step], rollout.masks[step])
            rollout.actions[step] = policy.sample()
            rollout.logprobs[step] = policy.log_prob(rollout.actions[step])
            rollout.values[step] = agent.critic(rollout.observations[step]).flatten()
        observation, reward, terminated, truncated, info = envs.step(rollout.actions[step].cpu().numpy())
        mask = info["action_mask"]
        if truncated.any():  # what would have come after a limit is worth what the critic thinks it is
            last = torch.as_tensor(np.stack(info["final_obs"][truncated]), device=rollout.values.device)
            with torch.no_grad():
                reward[truncated] += gamma * agent.critic(last).flatten().cpu().numpy()
        rollout.rewards[step] = torch.as_tensor(reward)
        rollout.ended[step] = torch.as_tensor(terminated | truncated)
        final = info.get("final_info", {})
        if "metrics" in final:
            imbalances += final["metrics"]["imbalance_mean"][final["_metrics"]].tolist()
    return (observation, mask), imbalances


def advantages_of(rollout: Rollout, following: torch.Tensor, args: Args) -> torch.Tensor:
    """Generalised advantage estimation; `following` are the values of the moment after the rollout."""
    advantages, running = torch.zeros_like(rollout.rewards), torch.zeros_like(following)
    for step in reversed(range(len(advantages))):
        goes_on = 1.0 - rollout.ended[step]
        delta = rollout.rewards[step] + args.gamma * following * goes_on - rollout.values[step]
        running = delta + args.gamma * args.gae_lambda * goes_on * running
        advantages[step], following = running, rollout.values[step]
    return advantages


def improve(
    agent: Agent, optimizer: torch.optim.Optimizer, rollout: Rollout, advantages: torch.Tensor, args: Args
) -> None:
    """Some epochs of clipped policy and value updates."""
    batch = [part.flatten(0, 1) for part in (*rollout[:5], advantages)]
    for _ in range(args.epochs):
        for rows in torch.randperm(len(batch[0]), device=args.device).chunk(args.minibatches):
            observation, mask, action, old_logprob, old_value, advantage = (part[rows] for part in batch)
            policy = agent.policy(observation, mask)
            ratio = (policy.log_prob(action) - old_logprob).exp()
            scaled = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
            clipped = ratio.clamp(1 - args.clip, 1 + args.clip)
            policy_loss = -torch.min(scaled * ratio, scaled * clipped).mean()
            value_loss = 0.5 * (agent.critic(observation).flatten() - advantage - old_value).square().mean()
            loss = policy_loss + args.value * value_loss - args.entropy * policy.entropy().mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), args.max_grad_norm)
            optimizer.step()


def main(args: Args) -> list[float]:
    """Trains; returns the mean imbalance of the episodes that ended before each update, in tokens, where some did."""
    torch.manual_seed(args.seed)
    envs = gymnasium.make_vec(
        "brgym/StickyRouting-v0",
        num_envs=args.num_envs,
        cluster=ClusterConfig(workers=args.workers, slots=args.slots, candidates=8),
        episode_requests=args.episode_requests,
        episode_start="random",
        hold="forced",  # discounted by the decision, putting the future off would pay by itself
        autoreset_mode=AutoresetMode.SAME_STEP,
    )
    seen, acted = envs.single_observation_space, envs.single_action_space
    assert isinstance(seen, Box)
    assert isinstance(acted, Discrete)
    columns, actions = seen.shape[0], int(acted.n)
    agent = Agent(columns, actions).to(args.device)
    optimizer = torch.optim.Adam(agent.parameters(), lr=args.learning_rate, eps=1e-5)
    rollout = Rollout.empty(args, columns, actions)
    observation, info = envs.reset(seed=args.seed)
    now = observation, info["action_mask"]
    imbalances: list[float] = []
    began_s = time.perf_counter()
    for update in range(1, args.total_steps // rollout.rewards.numel() + 1):
        now, ended = collect(envs, agent, now, rollout, args.gamma)
        with torch.no_grad():
            following = agent.critic(torch.as_tensor(now[0], device=args.device)).flatten()
        improve(agent, optimizer, rollout, advantages_of(rollout, following, args), args)
        steps = update * rollout.rewards.numel()
        speed = steps / (time.perf_counter() - began_s)
        print(f"{steps:8d} steps   {speed:6.0f} steps/s   reward {rollout.rewards.mean():7.3f}", end="")
        if ended:
            imbalances.append(float(np.mean(ended)))
            print(f"   imbalance {imbalances[-1]:8.0f} tokens", end="")
        print()
    envs.close()
    return imbalances


if __name__ == "__main__":
    main(tyro.cli(Args))
