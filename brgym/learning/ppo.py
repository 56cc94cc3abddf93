"""Proximal policy optimisation with masked actions (Schulman et al., 2017; Huang and Ontañón, 2022)."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from baselines.learned.network import RouterNetwork
from brgym._checks import keep_reals
from brgym.envs import StickyRoutingVectorEnv

_MAX_LEARNING_RATE = 1e3


@dataclass(frozen=True, kw_only=True)
class PPOSettings:
    """How PPO learns (our choices, of the usual order of magnitude).

    Attributes:
        steps: Decisions of each environment between two updates.
        epochs: Passes over them.
        minibatch: Decisions of a gradient step.
        learning_rate: Of Adam, at the beginning; it falls to 0 in a straight line.
        gamma: Discount of a decision.
        trace: Lambda of the generalised advantage estimate.
        clip: How far the probability of an action may move, as a ratio less 1.
        entropy: Weight of the entropy.
        value: Weight of the value's squared error.
        largest_gradient: Norm at which gradients are cut.

    Raises:
        TypeError: If `learning_rate` is not a real number.
        ValueError: If it is not above 0 and at most 1,000.
    """

    steps: int = 128
    epochs: int = 3
    minibatch: int = 2048
    learning_rate: float = 1e-3
    gamma: float = 0.98
    trace: float = 0.95
    clip: float = 0.2
    entropy: float = 0.001
    value: float = 0.5
    largest_gradient: float = 0.5

    def __post_init__(self) -> None:
        keep_reals(self, "learning_rate", minimum=0.0, maximum=_MAX_LEARNING_RATE, exclusive=True)


class Batch(NamedTuple):
    """Decisions, one a row.

    Attributes:
        rows: Features, shape (decisions, columns).
        masks: Allowed pairs, shape (decisions, pairs).
        actions: Pairs taken, shape (decisions,).
        log_probs: Their log probability when they were taken, shape (decisions,).
        advantages: Shape (decisions,).
        returns: Shape (decisions,).
    """

    rows: torch.Tensor
    masks: torch.Tensor
    actions: torch.Tensor
    log_probs: torch.Tensor
    advantages: torch.Tensor
    returns: torch.Tensor


class Moments(NamedTuple):
    """What was seen and done in each environment at one step, or, stacked, at several.

    Attributes:
        rows: Features, shape (environments, columns).
        masks: Allowed pairs, shape (environments, pairs).
        actions: Pairs taken, shape (environments,).
        log_probs: Their log probability.
        values: Value of the moment.
        rewards: What the action earned.
        beyond: Value of the last moment of an episode that it cut short; 0 elsewhere.
        ended: Whether the episode ended with it.
    """

    rows: torch.Tensor
    masks: torch.Tensor
    actions: torch.Tensor
    log_probs: torch.Tensor
    values: torch.Tensor
    rewards: torch.Tensor
    beyond: torch.Tensor
    ended: torch.Tensor


class PPO:
    """Improves a network in environments.

    Args:
        network: The network; trained in place.
        envs: Environments that show the learned router's features and begin anew in the same step.
        settings: How to learn.
        seed: Decides all randomness.
        device: Where the network lives.
    """

    def __init__(
        self,
        network: RouterNetwork,
        envs: StickyRoutingVectorEnv,
        settings: PPOSettings,
        *,
        seed: int,
        device: torch.device,
    ) -> None:
        self.network, self.envs, self.settings, self.device = network, envs, settings, device
        self.optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, eps=1e-5)
        self._generator = torch.Generator(device=device).manual_seed(seed)
        self._workers = envs.task.cluster.workers
        observation, info = envs.reset(seed=seed)
        self._seen = self._tensors(observation, info)

    def update(self, rate: float) -> dict[str, float]:
        """Plays and learns once.

        Args:
            rate: Share of the learning rate that is left.

        Returns:
            Figures: mean reward, entropy, value loss, share of clipped ratios.
        """
        batch, figures = self._play()
        for group in self.optimizer.param_groups:
            group["lr"] = rate * self.settings.learning_rate
        return figures | self._learn(batch)

    def _play(self) -> tuple[Batch, dict[str, float]]:
        moments = [self._act() for _ in range(self.settings.steps)]
        played = Moments(*(torch.stack(part) for part in zip(*moments, strict=True)))
        with torch.no_grad():
            last_value = self.network(*self._seen, self._workers).value
        advantages = advantages_of(
            played.values,
            played.rewards + self.settings.gamma * played.beyond,
            played.ended,
            last_value,
            gamma=self.settings.gamma,
            trace=self.settings.trace,
        )
        decided = (played.rows, played.masks, played.actions, played.log_probs)
        flat = [part.flatten(0, 1) for part in (*decided, advantages, advantages + played.values)]
        return Batch(*flat), {"reward": float(played.rewards.mean())}

    def _act(self) -> Moments:
        """Draws an action in each environment and carries it out."""
        rows, masks = self._seen
        with torch.no_grad():
            scores = self.network(rows, masks, self._workers)
            log_probs = functional.log_softmax(scores.pairs, dim=1)
            noise = torch.rand(log_probs.shape, generator=self._generator, device=self.device)
            actions = (log_probs - torch.log(-torch.log(noise))).argmax(dim=1)
        observation, rewards, terminated, truncated, info = self.envs.step(actions.cpu().numpy())
        self._seen = self._tensors(observation, info)
        return Moments(
            rows=rows,
            masks=masks,
            actions=actions,
            log_probs=log_probs.gather(1, actions[:, None])[:, 0],
            values=scores.value,
            rewards=torch.as_tensor(rewards, dtype=torch.float32, device=self.device),
            beyond=self._final_values(truncated, info),
            ended=torch.as_tensor(terminated | truncated, device=self.device),
        )

    def _final_values(self, truncated: Any, info: dict[str, Any]) -> torch.Tensor:
        """Value of the last moment of each episode that was cut short; 0 elsewhere."""
        values = torch.zeros(self.envs.num_envs, device=self.device)
        cut = np.flatnonzero(truncated)
        if len(cut):
            rows = torch.as_tensor(np.stack(info["final_obs"][cut]), device=self.device)
            masks = torch.as_tensor(info["final_info"]["action_mask"][cut][:, :-1] > 0, device=self.device)
            with torch.no_grad():
                values[torch.as_tensor(cut, device=self.device)] = self.network(rows, masks, self._workers).value
        return values

    def _learn(self, batch: Batch) -> dict[str, float]:
        sums = torch.zeros(3)
        count = 0
        for _ in range(self.settings.epochs):
            order = torch.randperm(len(batch.actions), generator=self._generator, device=self.device)
            for chosen in torch.split(order, self.settings.minibatch):
                loss, figures = self._loss(Batch(*(part[chosen] for part in batch)))
                self.optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.largest_gradient)
                self.optimizer.step()
                sums += figures
                count += 1
        entropy, value_loss, clipped = (sums / count).tolist()
        return {"entropy": entropy, "value_loss": value_loss, "clipped": clipped}

    def _loss(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        settings = self.settings
        scores = self.network(batch.rows, batch.masks, self._workers)
        log_probs = functional.log_softmax(scores.pairs, dim=1)
        ratio = (log_probs.gather(1, batch.actions[:, None])[:, 0] - batch.log_probs).exp()
        advantages = (batch.advantages - batch.advantages.mean()) / (batch.advantages.std() + 1e-8)
        gain = torch.minimum(ratio * advantages, ratio.clamp(1 - settings.clip, 1 + settings.clip) * advantages).mean()
        entropy = -(log_probs.exp() * log_probs.masked_fill(~batch.masks, 0.0)).sum(dim=1).mean()
        value_loss = functional.mse_loss(scores.value, batch.returns)
        loss = -gain + settings.value * value_loss - settings.entropy * entropy
        clipped = ((ratio - 1).abs() > settings.clip).float().mean()
        return loss, torch.stack([entropy, value_loss, clipped]).detach().cpu()

    def _tensors(self, observation: Any, info: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        """Features and allowed pairs; holding is not among them: a router that can admit does."""
        rows = torch.as_tensor(observation, device=self.device)
        return rows, torch.as_tensor(info["action_mask"][:, :-1] > 0, device=self.device)


def advantages_of(
    values: torch.Tensor,
    rewards: torch.Tensor,
    ended: torch.Tensor,
    last_value: torch.Tensor,
    *,
    gamma: float,
    trace: float,
) -> torch.Tensor:
    """Generalised advantage estimates (Schulman et al., 2016), shape (steps, environments).

    Args:
        values: Value of each moment, shape (steps, environments).
        rewards: What its action earned, likewise; of an episode that was cut short, the value of its last moment too.
        ended: Whether the episode ended with it, likewise.
        last_value: Value of the moment after the last, shape (environments,).
        gamma: Discount of a decision.
        trace: Lambda: how far errors further on count.
    """
    advantages = torch.zeros_like(values)
    following, running = last_value, torch.zeros_like(last_value)
    for step in range(len(values) - 1, -1, -1):
        going = (~ended[step]).to(values.dtype)
        error = rewards[step] + gamma * following * going - values[step]
        running = error + gamma * trace * going * running
        advantages[step] = running
        following = values[step]
    return advantages
