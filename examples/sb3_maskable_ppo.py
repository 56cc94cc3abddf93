"""sb3-contrib's MaskablePPO on the native vector environment.

python examples/sb3_maskable_ppo.py --total-steps 200000
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import gymnasium
import numpy as np
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
    hold: Literal["forced", "when-running"] = "forced"
    """When holding is valid; discounted by the decision, putting the future off would pay by itself."""
    trials: int = 5
    """Episodes that the trained agent and random admission play at the end."""
    seed: int = 0


Choose = Callable[[np.ndarray, np.ndarray], int]
"""An action, given the observation and the mask."""


def options_of(args: Args) -> dict[str, Any]:
    """The environment's arguments."""
    return {
        "cluster": ClusterConfig(workers=args.workers, slots=args.slots, candidates=8),
        "episode_requests": args.episode_requests,
        "episode_start": "random",
        "hold": args.hold,
    }


def try_out(name: str, choose: Choose, args: Args) -> None:
    """Plays the trial episodes, and prints how many requests were served, how often it held, and how well it did."""
    env = gymnasium.make("brgym/StickyRouting-v0", **options_of(args))
    served, holds, decisions, returns, imbalances = 0, 0, 0, 0.0, []
    for trial in range(args.trials):
        observation, info = env.reset(seed=args.seed + trial)
        ended = False
        while not ended:
            action = choose(observation, info["action_mask"])
            observation, reward, terminated, truncated, info = env.step(action)
            ended = terminated or truncated
            holds += action == len(info["action_mask"]) - 1
            decisions += 1
            returns += float(reward)
        served += info["metrics"]["requests"]
        imbalances.append(info["metrics"]["imbalance_mean"])
    print(
        f"{name}: served {served} of {args.trials * args.episode_requests} requests, hold share "
        f"{holds / decisions:.3f}, mean return {returns / args.trials:.1f}, imbalance {np.mean(imbalances):.0f} tokens"
    )


def main(args: Args) -> MaskablePPO:
    """Trains, tries what was learned beside random admission, and returns the model."""
    envs = gymnasium.make_vec(
        "brgym/StickyRouting-v0",
        num_envs=args.num_envs,
        autoreset_mode=AutoresetMode.SAME_STEP,
        **options_of(args),
    )
    venv = VecMonitor(SB3VecEnv(envs))
    model = MaskablePPO(
        "MlpPolicy", venv, n_steps=args.n_steps, batch_size=512, n_epochs=4, seed=args.seed, device="cpu", verbose=1
    )
    model.learn(args.total_steps)
    rng = np.random.default_rng(args.seed)
    try_out("MaskablePPO     ", lambda seen, mask: int(model.predict(seen, action_masks=mask)[0]), args)
    try_out("random admission", lambda seen, mask: int(rng.choice(np.flatnonzero(mask[:-1]))), args)
    return model


if __name__ == "__main__":
    main(tyro.cli(Args))
