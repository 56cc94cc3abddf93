"""sb3-contrib's MaskablePPO on the native vector environment.

python examples/sb3_maskable_ppo.py --total-steps 200000
"""

from dataclasses import dataclass

import gymnasium
import tyro
from gymnasium.vector import AutoresetMode
from sb3_contrib import MaskablePPO
from stable_baselines3.common.vec_env import VecMonitor

from brgym import ClusterConfig
from brgym.envs.wrappers import SB3VecEnv


@dataclass
class Args:
    """What can be set from the command line."""

    total_steps: int = 200_000
    num_envs: int = 32
    n_steps: int = 64
    """Steps of each environment between two updates."""
    workers: int = 4
    slots: int = 8
    episode_requests: int = 200
    seed: int = 0


def main(args: Args) -> MaskablePPO:
    """Trains, and returns the model."""
    envs = gymnasium.make_vec(
        "brgym/StickyRouting-v0",
        num_envs=args.num_envs,
        cluster=ClusterConfig(workers=args.workers, slots=args.slots, candidates=8),
        episode_requests=args.episode_requests,
        episode_start="random",
        autoreset_mode=AutoresetMode.SAME_STEP,
    )
    venv = VecMonitor(SB3VecEnv(envs))
    model = MaskablePPO(
        "MlpPolicy", venv, n_steps=args.n_steps, batch_size=512, n_epochs=4, seed=args.seed, device="cpu", verbose=1
    )
    return model.learn(args.total_steps)


if __name__ == "__main__":
    main(tyro.cli(Args))
