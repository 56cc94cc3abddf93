"""Masked PPO in one file, in CleanRL's style, on the native vector environment.

python examples/masked_ppo.py --total-steps 500000
"""

import time
from dataclasses import dataclass

import gymnasium
import numpy as np
import torch
import tyro
from gymnasium.vector import AutoresetMode
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


def main(args: Args) -> list[float]:
    """Trains; returns the mean imbalance of the episodes that ended before each update, in tokens, where some did."""
    torch.manual_seed(args.seed)
    device = torch.device(args.device)
    envs = gymnasium.make_vec(
        "brgym/StickyRouting-v0",
        num_envs=args.num_envs,
        cluster=ClusterConfig(workers=args.workers, slots=args.slots, candidates=8),
        episode_requests=args.episode_requests,
        episode_start="random",
        autoreset_mode=AutoresetMode.SAME_STEP,
    )
    columns, actions = envs.single_observation_space.shape[0], int(envs.single_action_space.n)
    agent = Agent(columns, actions).to(device)
    optimizer = torch.optim.Adam(agent.parameters(), lr=args.learning_rate, eps=1e-5)

    shape = (args.num_steps, args.num_envs)
    observations = torch.zeros((*shape, columns), device=device)
    masks = torch.zeros((*shape, actions), dtype=torch.bool, device=device)
    chosen = torch.zeros(shape, dtype=torch.long, device=device)
    logprobs, rewards, dones, values = (torch.zeros(shape, device=device) for _ in range(4))

    observation, info = envs.reset(seed=args.seed)
    imbalances: list[float] = []
    began_s = time.perf_counter()
    for update in range(1, args.total_steps // (args.num_steps * args.num_envs) + 1):
        ended_imbalance: list[float] = []
        for step in range(args.num_steps):
            observations[step] = torch.as_tensor(observation, device=device)
            masks[step] = torch.as_tensor(info["action_mask"], device=device).bool()
            with torch.no_grad():
                policy = agent.policy(observations[step], masks[step])
                chosen[step] = policy.sample()
                logprobs[step] = policy.log_prob(chosen[step])
                values[step] = agent.critic(observations[step]).flatten()
            observation, reward, terminated, truncated, info = envs.step(chosen[step].cpu().numpy())
            rewards[step] = torch.as_tensor(reward, dtype=torch.float32, device=device)
            dones[step] = torch.as_tensor(terminated | truncated, device=device)
            if truncated.any():  # what would have come after a limit is worth what the critic thinks it is
                last = torch.as_tensor(np.stack(info["final_obs"][truncated]), device=device)
                with torch.no_grad():
                    rewards[step, torch.as_tensor(truncated)] += args.gamma * agent.critic(last).flatten()
            final = info.get("final_info", {})
            if "metrics" in final:
                ended_imbalance += final["metrics"]["imbalance_mean"][final["_metrics"]].tolist()

        with torch.no_grad():
            following = agent.critic(torch.as_tensor(observation, device=device)).flatten()
        advantages, running = torch.zeros_like(rewards), torch.zeros(args.num_envs, device=device)
        for step in reversed(range(args.num_steps)):
            goes_on = 1.0 - dones[step]
            delta = rewards[step] + args.gamma * following * goes_on - values[step]
            running = delta + args.gamma * args.gae_lambda * goes_on * running
            advantages[step], following = running, values[step]

        batch = [part.flatten(0, 1) for part in (observations, masks, chosen, logprobs, advantages, values)]
        for _ in range(args.epochs):
            for rows in torch.randperm(len(batch[0]), device=device).chunk(args.minibatches):
                seen, mask, action, old_logprob, advantage, old_value = (part[rows] for part in batch)
                policy = agent.policy(seen, mask)
                ratio = (policy.log_prob(action) - old_logprob).exp()
                scaled = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
                clipped = ratio.clamp(1 - args.clip, 1 + args.clip)
                policy_loss = -torch.min(scaled * ratio, scaled * clipped).mean()
                value_loss = 0.5 * (agent.critic(seen).flatten() - advantage - old_value).square().mean()
                loss = policy_loss + args.value * value_loss - args.entropy * policy.entropy().mean()
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(agent.parameters(), args.max_grad_norm)
                optimizer.step()

        if ended_imbalance:
            imbalances.append(float(np.mean(ended_imbalance)))
            steps = update * args.num_steps * args.num_envs
            speed = steps / (time.perf_counter() - began_s)
            print(f"{steps:8d} steps   {speed:6.0f} steps/s   imbalance {imbalances[-1]:8.0f} tokens")
    envs.close()
    return imbalances


if __name__ == "__main__":
    main(tyro.cli(Args))
