"""A pile of items (encounters or photographs) without names, put together into probable individuals.

The best partition is the one with the highest sum of pairwise log odds within its clusters, subject to what people
decided (correlation clustering: Bansal, Blum & Chawla 2004). How many individuals there are follows from
partitions drawn by their probability: :mod:`hanzaki.matching.partition_sampling`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hanzaki.matching.agglomeration import clusters_of, partition, pulls_of
from hanzaki.matching.constraints import Constraint, close
from hanzaki.matching.network import Network, network_of
from hanzaki.matching.odds import PairOdds

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Clustering:
    """Probable individuals.

    Attributes:
        labels: int64 (n,), the individual of each item, from 0; individuals with most items first.
        objective: the sum of log odds within individuals that this partition reaches.
        member: float64 (n,), how probable it is that the item is of the individual it was put to, if all others
            are where they were put. Items that people said to be the same are sure together.
        firm: float64 (k,), how probable it is that an individual is as it was found, against each of its items
            being of somebody else and against it being the same as another.
    """

    labels: Integers
    objective: float
    member: Floats
    firm: Floats

    @property
    def individuals(self) -> int:
        """How many individuals were found."""
        return len(self.firm)


def cluster(odds: PairOdds, constraints: Sequence[Constraint] = ()) -> Clustering:
    """Put items together into probable individuals.

    Deterministic; and the order of items does not matter, but where equal log odds make several partitions as
    good. What positive log odds connect is solved together: exactly up to a dozen nodes, by greedy joining and
    local search beyond (:mod:`hanzaki.matching.agglomeration`).

    Args:
        odds: of each pair of items that was compared.
        constraints: what people decided; hard ones hold whatever the odds, others weigh as much as they say.

    Raises:
        DecisionError: if people's decisions contradict each other.
        ValueError: if a constraint names an item that does not exist.
    """
    closure = close(odds.items, constraints)
    odds = odds.weighed(constraints)
    network, node = network_of(odds, closure)
    found = partition(network)
    member, firm = _sureness(network, found)
    of_item = np.array(found, np.int64)[node]
    order = _by_size(of_item, len(firm))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    labels = place[of_item]
    return Clustering(labels, odds.within(labels), np.array(member)[node], np.array(firm)[order])


def _by_size(labels: Integers, count: int) -> Integers:
    """Clusters in order: most items first, of equals the one that has the first item."""
    first = np.full(count, len(labels))
    np.minimum.at(first, labels, np.arange(len(labels)))
    return np.lexsort((first, -np.bincount(labels, minlength=count)))


def _sureness(network: Network, labels: list[int]) -> tuple[list[float], list[float]]:
    """How sure each node and each cluster is, from what the objective would lose by one change.

    A node's probability is the conditional of the Gibbs distribution, exp(objective) over all partitions, with all
    other nodes where they are. A cluster's is the share of the partition that was found among those that one
    change makes: one of its nodes elsewhere, or all of it with another cluster.
    """
    clusters = clusters_of(labels)
    size = [sum(network.size[node] for node in nodes) for nodes in clusters]
    member = [1.0] * len(network)
    rivals: list[list[float]] = [[0.0] for _ in clusters]
    for node, label in enumerate(labels):
        pulls = pulls_of(network, labels, size, node)
        here = pulls.pop(label)
        if len(clusters[label]) > 1:
            pulls[-1] = 0.0
        elsewhere = [pull - here for pull in pulls.values()]
        member[node] = math.exp(-_log_sum([0.0, *elsewhere]))
        if len(clusters[label]) == 2 and node == clusters[label][1]:
            elsewhere.pop()  # that both stand alone was counted with the first
        if len(clusters[label]) > 1:
            rivals[label] += elsewhere
    whole = network.contracted(labels)
    for label, near in enumerate(whole.near):
        rivals[label] += [whole.value(label, other) for other in near]
    return member, [math.exp(-_log_sum(rival)) for rival in rivals]


def _log_sum(logs: Sequence[float]) -> float:
    highest = max(logs)
    return highest + math.log(sum(math.exp(log - highest) for log in logs))
