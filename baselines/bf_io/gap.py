"""How far a router's decisions at single boundaries are from the best: any pool policy beside BF-IO's programme."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from baselines.bf_io.policy import kv_tokens, spare_tokens
from baselines.bf_io.programme import DEFAULT_NODE_LIMIT, optimal_assignment, predicted_imbalance
from baselines.bf_io.projection import check_horizon, projected_loads
from brgym._checks import check_integer
from brgym.cluster import ClusterConfig, Integers, PoolPolicy, Reals, RouterView, is_clairvoyant, simulate
from brgym.workload import Workload
from classifiers import Predictor


@dataclass(frozen=True, kw_only=True)
class OptimalityGap:
    """A policy's decisions at sampled boundaries beside the best ones; all arrays of shape (boundaries,).

    Attributes:
        boundary: Number of the boundary, from 1.
        admitted: Requests that the policy admitted there.
        policy: Predicted imbalance after the policy's admissions, in tokens, summed over h = 0..H.
        optimum: The same after the best admissions of as many requests out of those that the policy saw, in tokens.
        proven: Whether `optimum` is the least there is; at least one is. Where not, the solver ended at its limit,
            and the policy may have done better: mostly where hundreds of slots are free, as at the start of a backlog.
    """

    boundary: Integers
    admitted: Integers
    policy: Reals
    optimum: Reals
    proven: npt.NDArray[np.bool_]

    @property
    def mean_tokens(self) -> float:
        """Mean of policy - optimum over the proven boundaries, in tokens (of all horizon + 1 steps together)."""
        return float((self.policy - self.optimum)[self.proven].mean())

    @property
    def ratio(self) -> float:
        """Mean predicted imbalance of the policy over that of the optimum, at the proven boundaries.

        1 where both are 0, infinite where only the optimum is.
        """
        policy, optimum = float(self.policy[self.proven].sum()), float(self.optimum[self.proven].sum())
        if optimum == 0.0:
            return 1.0 if policy == 0.0 else math.inf
        return policy / optimum

    @property
    def optimal_share(self) -> float:
        """Share of the proven boundaries at which the policy is as good as the optimum."""
        return float((self.policy == self.optimum)[self.proven].mean())


def optimality_gap(
    cluster: ClusterConfig,
    workload: Workload,
    policy: PoolPolicy,
    *,
    seed: int = 0,
    every: int = 100,
    horizon: int = 0,
    predictor: Predictor | None = None,
    node_limit: int = DEFAULT_NODE_LIMIT,
) -> OptimalityGap:
    """Runs a policy and compares what it does at some boundaries with the optimum there.

    The optimum admits as many requests as the policy did, chosen from all that the policy saw at this boundary: the
    window and what refilled it. A policy sees a refill only after it has admitted something and so cannot always reach
    that optimum: what it could have done better is at most the gap.

    Args:
        cluster: The cluster.
        workload: The requests.
        policy: The router, binding from the pool.
        seed: Decides all randomness of the policy.
        every: Every `every`-th boundary at which the policy is asked is sampled, the first one included.
        horizon: H, the steps over which the imbalance is predicted; 0 compares the imbalance of the coming step.
        predictor: Needed where `horizon` is above 0.
        node_limit: Branch-and-bound nodes for each boundary.

    Raises:
        TypeError: If the policy does not bind from the pool.
        ValueError: If a parameter is outside its range, `predictor` is missing, no sampled boundary is solved within
            `node_limit`, or as `simulate`.
    """
    every = check_integer("every", every, minimum=1)
    horizon = check_horizon(horizon, predictor)
    if not isinstance(policy, PoolPolicy):
        raise TypeError(f"policy must bind from the pool, got {policy!r}")
    sampler = _Sampler(policy, every, horizon, predictor)
    simulate(cluster, workload, sampler, seed)
    samples = [sample for sample in sampler.samples if sample.admitted]
    best = [
        optimal_assignment(
            sample.projection,
            np.array(list(sample.seen.values())),
            sample.free_slots,
            spare_tokens=sample.spare_tokens,
            kv_tokens=np.array(list(sample.kv_tokens.values())),
            up=sample.up,
            count=len(sample.admitted),
            node_limit=node_limit,
        )
        for sample in samples
    ]
    if not any(assignment.proven for assignment in best):
        raise ValueError(f"none of {len(best)} sampled boundaries is solved within node_limit {node_limit}")
    return OptimalityGap(
        boundary=np.array([sample.boundary for sample in samples], dtype=np.int64),
        admitted=np.array([len(sample.admitted) for sample in samples], dtype=np.int64),
        policy=np.array([sample.imbalance() for sample in samples], dtype=np.float64),
        optimum=np.array([assignment.imbalance for assignment in best], dtype=np.float64),
        proven=np.array([assignment.proven for assignment in best], dtype=np.bool_),
    )


class _Sample:
    """One boundary as it was when the policy was first asked, and what the policy saw and did there."""

    def __init__(self, view: RouterView, projection: Reals) -> None:
        self.boundary = view.boundary
        self.projection = projection.copy()
        self.free_slots = view.free_slots
        self.spare_tokens = spare_tokens(view)
        self.up = view.up.copy()
        self.seen: dict[int, int] = {}  # request -> context
        self.kv_tokens: dict[int, int] = {}  # request -> what it takes with its reserve
        self.admitted: dict[int, int] = {}  # request -> worker

    def record(self, view: RouterView, pairs: Integers) -> None:
        """Adds one question and its answer."""
        requests = view.candidates["request"].tolist()
        self.seen |= zip(requests, view.candidate_context_tokens.tolist(), strict=True)
        self.kv_tokens |= zip(requests, kv_tokens(view).tolist(), strict=True)
        self.admitted |= {requests[candidate]: worker for candidate, worker in pairs.tolist()}

    def imbalance(self) -> float:
        """Predicted imbalance after what the policy admitted, in tokens."""
        worker = np.array([self.admitted.get(request, -1) for request in self.seen])
        return predicted_imbalance(self.projection, np.array(list(self.seen.values())), worker, self.up)


class _Sampler:
    """Lets another policy decide and keeps a record of every `every`-th boundary."""

    binding: ClassVar[Literal["pool"]] = "pool"

    def __init__(self, policy: PoolPolicy, every: int, horizon: int, predictor: Predictor | None) -> None:
        self.policy = policy
        self.every = every
        self.horizon = horizon
        self.predictor = predictor
        self.clairvoyant = is_clairvoyant(policy) or is_clairvoyant(predictor)
        self.samples: list[_Sample] = []

    def reset(self, cluster: ClusterConfig, seed: int) -> None:
        """Forgets everything before a new run."""
        self.policy.reset(cluster, seed)
        self.samples = []
        self._boundaries = 0
        self._latest = 0

    def admit(self, view: RouterView) -> Integers:
        """The other policy's answer."""
        if view.boundary != self._latest:
            self._latest = view.boundary
            if self._boundaries % self.every == 0:
                self.samples.append(_Sample(view, projected_loads(view, self.horizon, self.predictor)))
            self._boundaries += 1
        pairs = np.asarray(self.policy.admit(view), dtype=np.int64).reshape(-1, 2)
        if self.samples and self.samples[-1].boundary == view.boundary:
            self.samples[-1].record(view, pairs)
        return pairs
