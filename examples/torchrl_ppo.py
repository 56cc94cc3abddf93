"""Masked PPO with torchrl.

python examples/torchrl_ppo.py --total-steps 50000
"""

from dataclasses import dataclass

import gymnasium
import torch
import tyro
from tensordict.nn import TensorDictModule
from torch import nn
from torchrl.collectors import Collector
from torchrl.envs import ActionMask, Compose, DTypeCastTransform, GymWrapper, InitTracker, RewardSum, TransformedEnv
from torchrl.modules import MaskedCategorical, ProbabilisticActor, ValueOperator
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE

from brgym import ClusterConfig
from brgym.envs.wrappers import MaskInObservation


@dataclass
class Args:
    """What can be set from the command line."""

    total_steps: int = 50_000
    frames: int = 1024
    """Steps between two updates."""
    epochs: int = 4
    batch: int = 256
    learning_rate: float = 3e-4
    workers: int = 4
    slots: int = 8
    episode_requests: int = 200
    seed: int = 0


def make_env(args: Args) -> TransformedEnv:
    """The environment, with the mask where torchrl looks for it."""
    env = gymnasium.make(
        "brgym/StickyRouting-v0",
        cluster=ClusterConfig(workers=args.workers, slots=args.slots, candidates=8),
        episode_requests=args.episode_requests,
        episode_start="random",
        hold="forced",  # discounted by the decision, putting the future off would pay by itself
    )
    wrapped = GymWrapper(MaskInObservation(env), categorical_action_encoding=True)
    boolean = DTypeCastTransform(torch.int8, torch.bool, in_keys=["action_mask"])
    env = TransformedEnv(wrapped, Compose(boolean, ActionMask(), InitTracker(), RewardSum()))
    env.set_seed(args.seed)
    return env


def network(columns: int, outputs: int) -> nn.Sequential:
    """Two hidden layers."""
    return nn.Sequential(nn.Linear(columns, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, outputs))


def main(args: Args) -> list[float]:
    """Trains; returns the mean return of the episodes that ended before each update, where some did."""
    torch.manual_seed(args.seed)
    env = make_env(args)
    columns, actions = env.observation_spec["observation"].shape[-1], env.action_spec.n
    actor = ProbabilisticActor(
        TensorDictModule(network(columns, actions), in_keys=["observation"], out_keys=["logits"]),
        in_keys={"logits": "logits", "mask": "action_mask"},
        distribution_class=MaskedCategorical,
        return_log_prob=True,
    )
    critic = ValueOperator(network(columns, 1), in_keys=["observation"])
    advantage = GAE(gamma=0.99, lmbda=0.95, value_network=critic, average_gae=True)
    loss = ClipPPOLoss(actor, critic, entropy_coeff=0.01)
    optimizer = torch.optim.Adam(loss.parameters(), lr=args.learning_rate)
    returns = []
    for data in Collector(env, actor, frames_per_batch=args.frames, total_frames=args.total_steps):
        with torch.no_grad():
            advantage(data)
        for _ in range(args.epochs):
            for rows in torch.randperm(len(data)).split(args.batch):
                losses = loss(data[rows])
                total = losses["loss_objective"] + losses["loss_critic"] + losses["loss_entropy"]
                optimizer.zero_grad()
                total.backward()
                nn.utils.clip_grad_norm_(loss.parameters(), 0.5)
                optimizer.step()
        ended = data["next", "episode_reward"][data["next", "done"]]
        if len(ended):
            returns.append(ended.mean().item())
            print(f"mean return of {len(ended)} episodes: {returns[-1]:.1f}")
    return returns


if __name__ == "__main__":
    main(tyro.cli(Args))
