"""RLlib's PPO with RLlib's own action-masking module; RLlib is no dependency of brgym, see docs/environments.md.

python examples/rllib_ppo.py --iterations 20
"""

from dataclasses import dataclass
from typing import Any

import gymnasium
import tyro

from brgym import ClusterConfig
from brgym.envs.wrappers import MaskInObservation


@dataclass
class Args:
    """What can be set from the command line."""

    iterations: int = 20
    batch: int = 2048
    """Steps an iteration."""
    workers: int = 4
    slots: int = 8
    episode_requests: int = 200
    seed: int = 0


def make_env(options: dict[str, Any]) -> gymnasium.Env[Any, Any]:
    """What RLlib calls: a Dict of `action_mask` and `observations`, the names that its module looks for."""
    env = gymnasium.make("brgym/StickyRouting-v0", **options)
    return MaskInObservation(env, observation_key="observations", mask_key="action_mask")


def main(args: Args) -> list[float]:
    """Trains; returns the mean return of each iteration."""
    from ray.rllib.algorithms.ppo import PPOConfig
    from ray.rllib.core.rl_module.rl_module import RLModuleSpec
    from ray.rllib.examples.rl_modules.classes.action_masking_rlm import ActionMaskingTorchRLModule
    from ray.tune.registry import register_env

    register_env("brgym", make_env)
    options = {
        "cluster": ClusterConfig(workers=args.workers, slots=args.slots, candidates=8),
        "episode_requests": args.episode_requests,
        "episode_start": "random",
        "hold": "forced",  # discounted by the decision, putting the future off would pay by itself
    }
    config = (
        PPOConfig()
        .environment("brgym", env_config=options)
        .env_runners(num_env_runners=0)
        .rl_module(rl_module_spec=RLModuleSpec(module_class=ActionMaskingTorchRLModule))
        .training(train_batch_size_per_learner=args.batch, minibatch_size=256, num_epochs=4)
        .debugging(seed=args.seed)
    )
    algorithm = config.build_algo()
    returns = []
    for _ in range(args.iterations):
        result = algorithm.train()
        returns.append(result["env_runners"]["episode_return_mean"])
        print(f"mean return: {returns[-1]:.1f}")
    algorithm.stop()
    return returns


if __name__ == "__main__":
    main(tyro.cli(Args))
