"""Items and their pairwise log odds as a network: what certainly belongs together is one node.

The order of nodes follows from the log odds, so that no result depends on the order in which items came.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hanzaki.matching.constraints import Closure
from hanzaki.matching.odds import PairOdds

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_FORBIDDEN = -1e3  # what a forbidden pair counts in the nodes' order
_ROUNDS = 3


@dataclass(frozen=True, eq=False)
class Network:
    """Nodes, each of one item or several, and what speaks for two of them being one individual.

    Attributes:
        size: how many items each node holds.
        near: of each node, its linked nodes with the sum of (log odds - ``absent``) of the listed pairs between
            the two; -inf where the two must not be together.
        absent: log odds of a pair of items that is not listed; at most zero.
    """

    size: list[int]
    near: list[dict[int, float]]
    absent: float

    def __len__(self) -> int:
        return len(self.size)

    def value(self, one: int, other: int) -> float:
        """The log odds between two nodes, summed over their pairs of items."""
        return self.near[one].get(other, 0.0) + self.absent * self.size[one] * self.size[other]

    def values(self) -> Floats:
        """The same of all pairs of nodes: float64 (k, k), zero on the diagonal."""
        size = np.array(self.size, np.float64)
        full = self.absent * np.outer(size, size)
        for node, near in enumerate(self.near):
            full[node, list(near)] += list(near.values())
        np.fill_diagonal(full, 0.0)
        return full

    def within(self, labels: Sequence[int]) -> float:
        """The log odds of all pairs of nodes that have one label, summed."""
        total, square, count = 0.0, 0, dict.fromkeys(labels, 0)
        for node, near in enumerate(self.near):
            label, size = labels[node], self.size[node]
            total += sum(weight for other, weight in near.items() if other < node and labels[other] == label)
            square += count[label] * size
            count[label] += size
        return total + self.absent * square

    def part(self, nodes: Sequence[int]) -> Network:
        """The network of some nodes, numbered anew in the order given."""
        number = {node: place for place, node in enumerate(nodes)}
        near = [
            {number[other]: weight for other, weight in self.near[node].items() if other in number}
            for node in nodes
        ]
        return Network([self.size[node] for node in nodes], near, self.absent)

    def contracted(self, labels: Sequence[int]) -> Network:
        """The network whose nodes are the clusters of this one's; labels are 0..k - 1."""
        count = max(labels, default=-1) + 1
        size, near = [0] * count, [dict[int, float]() for _ in range(count)]
        for node, label in enumerate(labels):
            size[label] += self.size[node]
            into = near[label]
            for other, weight in self.near[node].items():
                if labels[other] != label:
                    into[labels[other]] = into.get(labels[other], 0.0) + weight
        return Network(size, near, self.absent)

    def components(self) -> list[list[int]]:
        """Nodes that positive log odds connect; no best partition needs a cluster that reaches beyond."""
        rows, columns = [], []
        for node, near in enumerate(self.near):
            linked = [other for other in near if other < node and self.value(node, other) > 0]
            rows += [node] * len(linked)
            columns += linked
        graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(self), len(self)))
        count, member = connected_components(graph, directed=False)
        components: list[list[int]] = [[] for _ in range(count)]
        for node, component in enumerate(member.tolist()):
            components[component].append(node)
        return components


def network_of(odds: PairOdds, closure: Closure) -> tuple[Network, Integers]:
    """Make the network of items and hard constraints.

    Args:
        odds: of n items.
        closure: of the same items.

    Returns:
        The network, and int64 (n,), the node of each item.
    """
    count = int(closure.group.max(initial=-1)) + 1
    size = np.bincount(closure.group, minlength=count)
    pairs, weights = _links(odds, closure, count)
    order = _order(size, pairs, weights)
    place = np.empty(count, np.int64)
    place[order] = np.arange(count)
    near: list[dict[int, float]] = [{} for _ in range(count)]
    first, second = np.sort(place[pairs], axis=1).T
    in_turn = np.lexsort((second, first))
    for one, other, weight in zip(
        first[in_turn].tolist(), second[in_turn].tolist(), weights[in_turn].tolist(), strict=True
    ):
        near[one][other] = near[other][one] = weight
    return Network(size[order].tolist(), near, odds.absent), place[closure.group]


def _links(odds: PairOdds, closure: Closure, count: int) -> tuple[Integers, Floats]:
    """The linked pairs of groups, int64 (k, 2), and what each link weighs."""
    ends = np.sort(closure.group[odds.pairs], axis=1)
    between = ends[:, 0] != ends[:, 1]
    listed = ends[between] @ np.array([count, 1], np.int64)
    values = odds.log_odds[between] - odds.absent
    in_turn = np.lexsort((values, listed))  # sums of one pair add up in one order, whatever order the items have
    keys, inverse = np.unique(listed[in_turn], return_inverse=True)
    weights = np.bincount(inverse, values[in_turn], len(keys))
    apart = closure.apart @ np.array([count, 1], np.int64)
    every = np.union1d(keys, apart)
    full = np.zeros(len(every))
    full[np.searchsorted(every, keys)] = weights
    full[np.searchsorted(every, apart)] = -math.inf
    return np.stack(np.divmod(every, max(count, 1)), axis=1), full


def _order(size: Integers, pairs: Integers, weights: Floats) -> Integers:
    """An order of nodes by their size, their links, their neighbours' links and so on; equals stay as they came.

    The refinement of colours by Weisfeiler & Leman 1968, a few rounds of it, with sums in place of multisets.
    """
    rows, columns = np.concatenate([pairs, pairs[:, ::-1]]).T
    weights = np.tile(np.maximum(weights, _FORBIDDEN), 2)
    rank = np.unique(size, return_inverse=True)[1]
    for _ in range(_ROUNDS):
        terms = weights * (1 + rank[columns] / max(len(size), 1))
        in_turn = np.lexsort((terms, rows))  # so that sums do not depend on the order of items
        sums = np.bincount(rows[in_turn], terms[in_turn], len(size))
        rank = np.unique(np.stack([rank, sums], axis=1), axis=0, return_inverse=True)[1].reshape(-1)
    return np.argsort(rank, kind="stable").astype(np.int64)
