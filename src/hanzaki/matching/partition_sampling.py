"""Partitions drawn by their probability: how many individuals there are, and how sure each is."""

from __future__ import annotations

import math
import random
from bisect import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from hanzaki.matching.agglomeration import numbered, pulls_of
from hanzaki.matching.clustering import Clustering, cluster
from hanzaki.matching.constraints import Constraint, close
from hanzaki.matching.network import Network, network_of
from hanzaki.matching.odds import PairOdds

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_SURE = 700.0  # log odds whose probability is the nearest number to one
_NODES_A_TRY = 4
_SELDOM = 1e-3  # added to a link's chance of being tried


@dataclass(frozen=True)
class Sampling:
    """How partitions are drawn.

    Attributes:
        samples: how many are kept.
        burn_in: how many are drawn before the first is kept.
        seed: of the draw.

    Raises:
        ValueError: if nothing is kept.
    """

    samples: int = 100
    burn_in: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        if self.samples < 1 or self.burn_in < 0:
            raise ValueError(f"at least one partition must be kept, not {self.samples} after {self.burn_in}")


@dataclass(frozen=True, eq=False)
class PartitionPosterior:
    """What partitions drawn by their probability say.

    Attributes:
        counts: int64 (samples,), how many individuals there are in each.
        together: float64 (n,), how probable it is, averaged over the items of its cluster, that an item is with
            each of them; of an item that is alone, that it is.
        standing: float64 (k,), the share of partitions in which a cluster is exactly as it was found.
        same: how probable it is of each pair that was compared that it is of one individual, given all others;
            int64 (m, 2) pairs and float64 (m,).
    """

    counts: Integers
    together: Floats
    standing: Floats
    same: tuple[Integers, Floats]

    def agreed(self, constraints: Sequence[Constraint] = ()) -> Clustering:
        """The partition that agrees best with those drawn: the least pairs expected to be wrong.

        Where evidence is weak, the most probable partition is like none that are probable, and this is the better
        answer (Binder 1978, Bayesian cluster analysis; Lau & Green 2007, Bayesian model-based clustering
        procedures). Its sureness is not to be read: :attr:`together` and :attr:`standing` of a sample that begins
        at it are.

        Args:
            constraints: those that partitions were drawn with.
        """
        pairs, share = self.same
        gain = PairOdds.listed(len(self.together), pairs[:, 0], pairs[:, 1], share - 0.5)
        return cluster(gain, [constraint for constraint in constraints if constraint.hard])

    def individuals(self, level: float = 0.95) -> tuple[float, float, float]:
        """How many individuals there are: the mean, and the ends of a credible interval of that level."""
        tail = (1 - level) / 2
        low, high = np.quantile(self.counts, [tail, 1 - tail]).tolist()
        return float(self.counts.mean()), low, high


def sample_partitions(
    odds: PairOdds,
    labels: npt.NDArray[np.integer],
    constraints: Sequence[Constraint] = (),
    sampling: Sampling | None = None,
) -> PartitionPosterior:
    """Draw partitions by the probability that the pairwise log odds give them: proportional to exp(objective).

    Between two that are kept, each node (an item, or those that people said to be the same) is drawn anew given
    all others (Gibbs sampling), and for every four nodes two clusters are tried as one or one as two (split and
    merge moves, with the sequential allocation of Dahl 2005, Sequentially-allocated merge-split sampler for
    conjugate and nonconjugate Dirichlet process models), without which large clusters would hardly ever change.
    Only partitions in which every node was compared with another of its cluster have a chance.

    The log odds of pairs count as independent. Those of pictures are not, and make too narrow an interval unless
    they are tempered first: :func:`hanzaki.matching.tempering.fit_tempering`.

    Args:
        odds: of each pair of items that was compared.
        labels: (n,) where to begin, and whose clusters are judged; as :func:`hanzaki.matching.clustering.cluster`
            gives them.
        constraints: what people decided.
        sampling: how many are drawn, and from which seed.

    Raises:
        DecisionError: if people's decisions contradict each other.
        ValueError: if the labels are against people's decisions, or not of these items.
    """
    sampling = sampling or Sampling()
    if len(labels) != odds.items:
        raise ValueError(f"{odds.items} items, but {len(labels)} labels")
    odds = odds.weighed(constraints)
    network, node = network_of(odds, close(odds.items, constraints))
    start = _start(network, node, labels)
    tally = _Tally(network, start, node[odds.pairs])
    if len(network):
        chain = _Chain(network, start.tolist(), sampling.seed)
        for number in range(sampling.burn_in + sampling.samples):
            chain.sweep()
            if number >= sampling.burn_in:
                tally.add(np.array(chain.labels, np.int64))
    counts = np.array(tally.counts if len(network) else [0] * sampling.samples, np.int64)
    clusters = np.unique(labels, return_index=True)[1]
    stands = tally.standing[start][node][clusters]
    together, stands, same = (share / sampling.samples for share in (tally.together[node], stands, tally.same))
    return PartitionPosterior(counts, together, stands, (odds.pairs, same))


def _start(network: Network, node: Integers, labels: npt.NDArray[np.integer]) -> Integers:
    """The cluster of each node, from 0, from the labels of items."""
    of_node = np.zeros(len(network), np.int64)
    of_node[node] = labels
    if (of_node[node] != labels).any():
        raise ValueError("the labels part what people said to be the same")
    if any(
        math.isinf(weight) and of_node[one] == of_node[other]
        for one, near in enumerate(network.near)
        for other, weight in near.items()
    ):
        raise ValueError("the labels put together what people said to be two individuals")
    return np.array(numbered(of_node.tolist()), np.int64)


class _Tally:
    """Counts, over partitions, what became of the nodes and clusters of the first."""

    def __init__(self, network: Network, start: Integers, pairs: Integers) -> None:
        self._pairs, self.same = pairs, np.zeros(len(pairs))
        self._start, self._size = start, np.array(network.size, np.float64)
        self._whole = np.bincount(start, self._size)
        self.counts: list[int] = []
        self.together = np.zeros(len(start))
        self.standing = np.zeros(len(self._whole))

    def add(self, labels: Integers) -> None:
        """Count one partition; labels are 0..n."""
        sizes = np.bincount(labels, self._size)
        self.counts.append(int((sizes > 0).sum()))
        self.same += labels[self._pairs[:, 0]] == labels[self._pairs[:, 1]]
        _, first, cell = np.unique(
            self._start * (len(labels) + 1) + labels, return_index=True, return_inverse=True
        )
        shared = np.bincount(cell, self._size)  # items of one old cluster in one new one
        stands = (shared == self._whole[self._start[first]]) & (shared == sizes[labels[first]])
        self.standing[self._start[first][stands]] += 1
        fellows = self._whole[self._start] - self._size
        alone = sizes[labels] == self._size
        self.together += np.where(fellows > 0, (shared[cell] - self._size) / np.maximum(fellows, 1), alone)


class _Chain:
    """A Markov chain of partitions."""

    def __init__(self, network: Network, labels: list[int], seed: int) -> None:
        self.labels = labels
        self._network = network
        self._random = random.Random(seed)
        self._members: list[set[int]] = [set() for _ in range(len(labels) + 1)]
        self._size = [0] * (len(labels) + 1)
        for node, label in enumerate(labels):
            self._members[label].add(node)
            self._size[label] += network.size[node]
        self._free = [label for label, members in enumerate(self._members) if not members]
        self._links = [
            (one, other)
            for one, near in enumerate(network.near)
            for other, weight in near.items()
            if one < other and not math.isinf(weight)
        ]
        likely = (_expit(network.value(*link)) + _SELDOM for link in self._links)
        self._chance = list(accumulate(likely))

    def sweep(self) -> None:
        """Draw each node's cluster anew, then try splits and merges."""
        for node in range(len(self.labels)):
            self._redraw(node)
        if self._links:
            for _ in range(0, len(self.labels), _NODES_A_TRY):
                self._split_or_merge()

    def _redraw(self, node: int) -> None:
        home, near = self.labels[node], self._network.near[node]
        if not near:
            return
        pulls = pulls_of(self._network, self.labels, self._size, node)
        if len(self._members[home]) > 1:
            pulls[self._free[-1]] = 0.0
        highest = max(pulls.values())
        chances = list(accumulate(math.exp(pull - highest) for pull in pulls.values()))
        drawn = list(pulls)[bisect(chances, self._random.random() * chances[-1], hi=len(chances) - 1)]
        if drawn != home and self._may_leave(node):
            self._put([node], drawn)

    def _may_leave(self, node: int) -> bool:
        """Whether all others of a node's cluster are still linked without it."""
        home, near = self.labels[node], self._network.near
        if len(self._members[home]) <= 2:
            return True
        return all(
            any(other != node and self.labels[other] == home for other in near[fellow])
            for fellow in near[node]
            if self.labels[fellow] == home
        )

    def _put(self, nodes: Iterable[int], label: int) -> None:
        """Move nodes to a cluster, which may be a free one."""
        if not self._members[label]:
            self._free.remove(label)
        for node in nodes:
            home, size = self.labels[node], self._network.size[node]
            self._members[home].remove(node)
            self._members[label].add(node)
            self._size[home] -= size
            self._size[label] += size
            self.labels[node] = label
            if not self._members[home]:
                self._free.append(home)

    def _split_or_merge(self) -> None:
        one, other = self._links[
            bisect(self._chance, self._random.random() * self._chance[-1], hi=len(self._links) - 1)
        ]
        threshold = math.log(1.0 - self._random.random())
        if self.labels[one] == self.labels[other]:
            parts, chance = self._allocate(one, other, self._members[self.labels[one]], None)
            if threshold < -self._between(*parts) - chance and all(map(self._linked, parts)):
                self._put(parts[1], self._free[-1])
            return
        parts = self._members[self.labels[one]], self._members[self.labels[other]]
        between = self._between(*parts)
        if threshold >= between:  # the chance of the way back makes a merge only less probable
            return
        _, chance = self._allocate(one, other, parts[0] | parts[1], parts)
        if threshold < between + chance:
            self._put(list(parts[1]), self.labels[one])

    def _allocate(
        self, one: int, other: int, nodes: set[int], given: tuple[set[int], set[int]] | None
    ) -> tuple[tuple[set[int], set[int]], float]:
        """Split a cluster around two of its nodes, each other node drawn in turn; or follow a split that is given.

        Returns:
            The two parts, and the logarithm of the chance of drawing them.
        """
        parts, size = ({one}, {other}), [self._network.size[one], self._network.size[other]]
        rest = sorted(nodes - {one, other})
        self._random.shuffle(rest)
        total = 0.0
        for node in rest:
            near = self._network.near[node]
            each = self._network.absent * self._network.size[node]
            pull, push = (each * size[side] + _linking(near, parts[side]) for side in (0, 1))
            first = _expit(pull - push)
            side = int(self._random.random() >= first) if given is None else int(node in given[1])
            chance = 1 - first if side else first
            total += math.log(chance) if chance > 0 else -math.inf
            parts[side].add(node)
            size[side] += self._network.size[node]
        return parts, total

    def _between(self, one: set[int], other: set[int]) -> float:
        """The log odds of all pairs of items with one in each of two clusters."""
        few, many = (one, other) if len(one) < len(other) else (other, one)
        listed = sum(_linking(self._network.near[node], many) for node in few)
        size = self._network.size
        return listed + self._network.absent * sum(size[node] for node in one) * sum(size[node] for node in other)

    def _linked(self, nodes: set[int]) -> bool:
        """Whether each of a cluster's nodes was compared with another of it."""
        near = self._network.near
        return len(nodes) == 1 or all(any(fellow in nodes for fellow in near[node]) for node in nodes)


def _linking(near: dict[int, float], nodes: set[int]) -> float:
    """What a node's links to some nodes weigh together."""
    if len(nodes) < len(near):
        return sum(near[node] for node in nodes if node in near)
    return sum(weight for node, weight in near.items() if node in nodes)


def _expit(log_odds: float) -> float:
    if log_odds < -_SURE:
        return 0.0
    return 1 / (1 + math.exp(-log_odds))
