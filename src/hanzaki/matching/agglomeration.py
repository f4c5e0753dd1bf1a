"""Partitions of many nodes by greedy joining and local search."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence

from hanzaki.matching.network import Network
from hanzaki.matching.optimum import EXACT, best_partition

_LEAST = 1e-9  # a gain that is less is rounding


def partition(network: Network) -> list[int]:
    """The partition with the highest sum of log odds within clusters, as far as it can be found.

    What positive log odds connect is solved together: exactly up to :data:`EXACT` nodes, by :func:`search` beyond.

    Returns:
        The cluster of each node, from 0.
    """
    labels, used = [0] * len(network), 0
    for nodes in network.components():
        found = _solve(network.part(nodes)) if len(nodes) > 1 else [0]
        for node, label in zip(nodes, found, strict=True):
            labels[node] = used + label
        used += max(found) + 1
    return labels


def search(network: Network) -> list[int]:
    """Join greedily, then move single nodes, join clusters and split clusters until none of them helps.

    Joining: the two clusters that gain most, again and again (GAEC: Keuper et al. 2015, Efficient decomposition of
    image and mesh graphs by lifted multicuts). Local moves after Elsner & Schudy 2009, Bounding and comparing
    methods for correlation clustering beyond ILP.

    Returns:
        The cluster of each node, from 0.
    """
    labels, settled = join(network), set[tuple[int, ...]]()
    while True:
        move(network, labels)
        joined = join(network.contracted(labels))
        labels = [joined[label] for label in labels]
        if not _split(network, labels, settled):
            return labels


def join(network: Network) -> list[int]:
    """Join the two clusters that gain most, beginning with single nodes, until no two gain.

    Returns:
        The cluster of each node, from 0.
    """
    near, size = [dict(links) for links in network.near], list(network.size)
    parent, absent = list(range(len(size))), network.absent
    heap = [
        (-gain, one, other)
        for one, links in enumerate(near)
        for other in links
        if one < other and (gain := network.value(one, other)) > _LEAST
    ]
    heapq.heapify(heap)
    while heap:
        _, one, other = heapq.heappop(heap)
        if parent[one] != one or parent[other] != other:
            continue
        new = len(size)
        links = near[one]
        for node, weight in near[other].items():
            links[node] = links.get(node, 0.0) + weight
        del links[one], links[other]
        parent[one] = parent[other] = new
        parent.append(new)
        size.append(size[one] + size[other])
        near.append(links)
        near[other] = {}
        for node, weight in links.items():
            back = near[node]
            back.pop(one, None)
            back.pop(other, None)
            back[new] = weight
            gain = weight + absent * size[new] * size[node]
            if gain > _LEAST:
                heapq.heappush(heap, (-gain, node, new))
    for node in range(len(parent) - 1, -1, -1):  # a cluster's number is above those of its parts
        parent[node] = parent[parent[node]]
    return numbered(parent[: len(network)])


def move(network: Network, labels: list[int]) -> None:
    """Move each node to where it gains most, be it a cluster of its own, until none gains; changes labels."""
    size = [0] * (len(labels) + 1)
    for node, label in enumerate(labels):
        size[label] += network.size[node]
    free = [label for label in range(len(labels), -1, -1) if not size[label]]
    waiting, queued = deque(range(len(labels))), [True] * len(labels)
    while waiting:
        node = waiting.popleft()
        queued[node] = False
        home = labels[node]
        pulls = pulls_of(network, labels, size, node)
        here = pulls.pop(home)
        best, pull = max(pulls.items(), key=lambda item: (item[1], -item[0]), default=(home, here))
        if pull < 0:
            best, pull = free[-1], 0.0
        if pull <= here + _LEAST:
            continue
        if not size[best]:
            free.pop()
        labels[node] = best
        size[best] += network.size[node]
        size[home] -= network.size[node]
        if not size[home]:
            free.append(home)
        for other in network.near[node]:
            if not queued[other]:
                queued[other] = True
                waiting.append(other)
    labels[:] = numbered(labels)


def pulls_of(network: Network, labels: Sequence[int], size: Sequence[int], node: int) -> dict[int, float]:
    """The log odds between a node and each cluster that it is linked to, and its own without it.

    Args:
        network: of the nodes.
        labels: the cluster of each node.
        size: how many items each cluster holds.
        node: whose pulls.
    """
    home = labels[node]
    pulls = {home: 0.0}
    for other, weight in network.near[node].items():
        label = labels[other]
        pulls[label] = pulls.get(label, 0.0) + weight
    if network.absent:
        each = network.absent * network.size[node]
        for label in pulls:
            pulls[label] += each * size[label]
        pulls[home] -= each * network.size[node]
    return pulls


def numbered(labels: Sequence[int]) -> list[int]:
    """Labels numbered anew from 0, in the order of their first nodes."""
    number: dict[int, int] = {}
    return [number.setdefault(label, len(number)) for label in labels]


def clusters_of(labels: Sequence[int]) -> list[list[int]]:
    """The nodes of each cluster; labels are 0..k - 1."""
    clusters: list[list[int]] = [[] for _ in range(max(labels, default=-1) + 1)]
    for node, label in enumerate(labels):
        clusters[label].append(node)
    return clusters


def _split(network: Network, labels: list[int], settled: set[tuple[int, ...]]) -> bool:
    """Partition each cluster anew, and keep what is better; changes labels, and says whether any was."""
    clusters, changed = clusters_of(labels), False
    used = len(clusters)
    for nodes in clusters:
        if len(nodes) in (1, 2, len(network)) or tuple(nodes) in settled:  # moves and joins have seen to those
            continue
        settled.add(tuple(nodes))
        part = network.part(nodes)
        found = _exactly(part) or _greedily(part)
        if part.within(found) <= part.within([0] * len(nodes)) + _LEAST:
            continue
        changed = True
        for node, label in zip(nodes, found, strict=True):
            if label:
                labels[node] = used + label - 1
        used += max(found)
    return changed


def _solve(network: Network) -> list[int]:
    return _exactly(network) or search(network)


def _exactly(network: Network) -> list[int] | None:
    """The best partition, of few nodes or where nothing speaks against any pair; else None."""
    count = len(network)
    if count <= EXACT:
        values = network.values()
        return [0] * count if (values >= 0).all() else best_partition(values)
    full = not network.absent or all(len(links) == count - 1 for links in network.near)
    if full and all(network.value(node, other) >= 0 for node in range(count) for other in network.near[node]):
        return [0] * count
    return None


def _greedily(network: Network) -> list[int]:
    labels = join(network)
    move(network, labels)
    joined = join(network.contracted(labels))
    return [joined[label] for label in labels]
