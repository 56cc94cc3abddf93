"""Boosted trees as flat arrays: the sums of scikit-learn's histogram gradient boosting, without the walks.

A walk down a tree waits for memory at every node. Instead, all nodes of a tree are asked at once, and each that sends a
request to the right strikes out the leaves on its left; the first leaf that is left is the one where the walk ends
(QuickScorer, Lucchese et al., SIGIR 2015). Asked of one block of requests after the other, it is simple enough for the
compiler to take several requests in one instruction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from brgym._compile import compiled
from brgym.cluster import Integers, Reals
from classifiers.layout import Array, check_parts

MAX_LEAVES = 63
"""Leaves of a tree are the bits of a signed integer of 64."""

_BLOCK = 256


_NODES = {
    "is_leaf": Array(shape=("nodes",), dtype=np.uint8, low=0, high=1),
    "is_categorical": Array(shape=("nodes",), dtype=np.uint8, low=0, high=0),
    "feature_idx": Array(shape=("nodes",), dtype=np.int64, low=0),
    "num_threshold": Array(shape=("nodes",)),
    "value": Array(shape=("nodes",), low=-1e6, high=1e6),
    "left": Array(shape=("nodes",), dtype=np.uint32),
    "right": Array(shape=("nodes",), dtype=np.uint32),
}
"""What the fields of scikit-learn's tree nodes have to be."""


@dataclass(frozen=True)
class Trees:
    """What the fitted trees of scikit-learn's histogram gradient boosting have to be, as far as `Forest` reads them.

    Each is a tree with its root first: a child stands behind its parent, and every other node is the child of one.
    """

    def measure(self, name: str, value: Any, sizes: dict[str, int]) -> None:
        """Checks how many trees there are at each stage, see `Part.measure`."""
        if not isinstance(value, list) or not value or not all(isinstance(s, list) and len(s) == 1 for s in value):
            raise ValueError(f"{name} must be a list of one tree for each stage")

    def check(self, name: str, value: Any, parts: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
        """Checks the nodes, see `Part.check`."""
        for stage, (tree,) in enumerate(value):
            where = f"{name}[{stage}]"
            nodes = tree.nodes
            if not isinstance(nodes, np.ndarray):
                raise ValueError(f"{where}.nodes must be an array, not {type(nodes).__name__}")
            fields = {f"{where}.{field}": nodes[field] for field in _NODES}
            check_parts({f"{where}.{field}": part for field, part in _NODES.items()}, fields, {})
            inner = np.flatnonzero(nodes["is_leaf"] == 0)
            children = np.concatenate([nodes["left"][inner], nodes["right"][inner]])
            if not np.array_equal(np.sort(children), np.arange(1, len(nodes))) or (children <= np.tile(inner, 2)).any():
                raise ValueError(f"{where} is no tree with its root first and each child behind its parent")
            if len(nodes) - len(inner) > MAX_LEAVES:
                raise ValueError(f"{where} must have at most {MAX_LEAVES} leaves, not {len(nodes) - len(inner)}")
            if (nodes["feature_idx"][inner] >= sizes["features"]).any():
                raise ValueError(f"{where} looks at a feature beyond the last of {sizes['features']}")


class Forest(NamedTuple):
    """The trees of one model; nodes and leaves of all trees stand one after the other.

    Attributes:
        first_node: Where each tree's nodes begin, and the end of the last, shape (trees + 1,).
        feature: Column that each node looks at, shape (nodes,).
        threshold: A request goes right where the column is above it, shape (nodes,).
        kept: The leaves that are left if it does, as bits from the left, shape (nodes,).
        first_leaf: Where each tree's leaves begin, shape (trees,).
        leaf: Value of each leaf, from left to right, shape (leaves,).
        base: What the sum starts from.
    """

    first_node: Integers
    feature: Integers
    threshold: Reals
    kept: Integers
    first_leaf: Integers
    leaf: Reals
    base: float

    @classmethod
    def of(cls, model: Any) -> "Forest":
        """Reads the trees of a fitted `HistGradientBoostingClassifier` (of two classes) or `...Regressor`.

        Args:
            model: The model, of at most `MAX_LEAVES` leaves a tree, without categorical features and missing values.
        """
        nodes: list[tuple[int, float, int]] = []
        leaves: list[float] = []
        first_node, first_leaf = [0], []
        for stage in model._predictors:
            first_leaf.append(len(leaves))
            _flatten(stage[0].nodes, 0, first_leaf[-1], nodes, leaves)
            first_node.append(len(nodes))
        feature, threshold, kept = zip(*nodes, strict=True) if nodes else ((), (), ())
        return cls(
            np.array(first_node, np.int64),
            np.array(feature, np.int64),
            np.array(threshold, np.float64),
            np.array(kept, np.int64),
            np.array(first_leaf, np.int64),
            np.array(leaves, np.float64),
            float(np.ravel(model._baseline_prediction)[0]),
        )

    def scores(self, rows: Reals) -> Reals:
        """Base and leaves of each row added up: log odds, a log mean or a quantile, shape (rows,).

        Args:
            rows: Features, shape (rows, features); fastest where the columns are contiguous.
        """
        scores = np.full(len(rows), self.base)
        _add_leaves(*self[:-1], np.ascontiguousarray(rows.T), scores)
        return scores


def _flatten(tree: Any, node: int, first_leaf: int, nodes: list[tuple[int, float, int]], leaves: list[float]) -> None:
    """Appends a subtree: its nodes in any order, its leaves from left to right."""
    record = tree[node]
    if record["is_leaf"]:
        leaves.append(float(record["value"]))
        return
    left = len(leaves) - first_leaf
    _flatten(tree, int(record["left"]), first_leaf, nodes, leaves)
    right = len(leaves) - first_leaf
    struck_out = (1 << right) - (1 << left)
    nodes.append((int(record["feature_idx"]), float(record["num_threshold"]), ~struck_out))
    _flatten(tree, int(record["right"]), first_leaf, nodes, leaves)


@compiled
def _add_leaves(
    first_node: Integers,
    feature: Integers,
    threshold: Reals,
    kept: Integers,
    first_leaf: Integers,
    leaf: Reals,
    columns: Reals,
    scores: Reals,
) -> None:
    left = np.empty(_BLOCK, np.int64)
    for start in range(0, len(scores), _BLOCK):
        size = min(_BLOCK, len(scores) - start)
        for tree in range(len(first_leaf)):
            left[:size] = -1
            for node in range(first_node[tree], first_node[tree + 1]):
                column = columns[feature[node], start : start + size]
                limit, mask = threshold[node], kept[node]  # one load each, or the loop takes one request at a time
                for row in range(size):
                    left[row] &= mask if column[row] > limit else -1
            for row in range(size):
                scores[start + row] += leaf[first_leaf[tree] + _trailing_zeros(left[row])]


@compiled
def _trailing_zeros(bits: int) -> int:
    """Index of the lowest bit that is set: the number of ones below it, counted in parallel."""
    ones = (bits - 1) & ~bits
    ones -= (ones >> 1) & 0x5555555555555555
    ones = (ones & 0x3333333333333333) + ((ones >> 2) & 0x3333333333333333)
    ones = (ones + (ones >> 4)) & 0x0F0F0F0F0F0F0F0F
    return (ones * 0x0101010101010101 >> 56) & 0x7F
