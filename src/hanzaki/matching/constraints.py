"""What people decided about pairs, the same individual or two: followed to its end, checked for contradiction."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hanzaki.errors import DecisionError

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Constraint:
    """A person's word on two items (encounters or photographs).

    Attributes:
        first: number of one item.
        second: number of the other.
        same: whether they are of one individual; else they are of two.
        name: what people know the decision by, for messages.
        weight: how far the person is believed, in log odds; infinite: without doubt, whatever pictures say.

    Raises:
        ValueError: if the items are one item, or the weight is not above zero.
    """

    first: int
    second: int
    same: bool
    name: str = "a decision"
    weight: float = math.inf

    def __post_init__(self) -> None:
        if self.first == self.second:
            raise ValueError(f"{self.name}: item {self.first} is compared with itself")
        if not self.weight > 0:
            raise ValueError(f"{self.name}: a weight is above zero, not {self.weight}")

    @property
    def hard(self) -> bool:
        """Whether no evidence can outweigh it."""
        return math.isinf(self.weight)


@dataclass(frozen=True, eq=False)
class Closure:
    """What follows from all hard constraints: who is the same as b is the same as all that b is the same as.

    Attributes:
        group: int64 (n,), the group of each item, from 0: items of one group are of one individual.
        apart: int64 (k, 2), pairs of groups that are two individuals, each pair once, the lower number first.
    """

    group: Integers
    apart: Integers


def close(items: int, constraints: Sequence[Constraint]) -> Closure:
    """Follow the hard constraints to their end; those with a finite weight are left out.

    Args:
        items: how many items there are.
        constraints: in any order; the result does not depend on it.

    Raises:
        DecisionError: if two decisions or more contradict each other; it names them.
        ValueError: if an item's number is not in 0..items - 1.
    """
    hard = [constraint for constraint in constraints if constraint.hard]
    for constraint in hard:
        if not 0 <= min(constraint.first, constraint.second) <= max(constraint.first, constraint.second) < items:
            raise ValueError(f"{constraint.name}: there are items 0 to {items - 1} only")
    group = _groups(items, [constraint for constraint in hard if constraint.same])
    apart = set()
    for constraint in hard:
        one, other = sorted((int(group[constraint.first]), int(group[constraint.second])))
        if not constraint.same:
            if one == other:
                raise _contradiction(constraint, hard)
            apart.add((one, other))
    return Closure(group, np.array(sorted(apart), np.int64).reshape(-1, 2))


def _groups(items: int, same: Sequence[Constraint]) -> Integers:
    first = np.array([constraint.first for constraint in same], np.int64)
    second = np.array([constraint.second for constraint in same], np.int64)
    graph = coo_array((np.ones(len(same)), (first, second)), shape=(items, items))
    _, group = connected_components(graph, directed=False)
    return np.asarray(group, np.int64)


def _contradiction(different: Constraint, hard: Sequence[Constraint]) -> DecisionError:
    """The error for items that are two by one decision and one by a chain of others, the shortest there is."""
    links: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for constraint in hard:
        if constraint.same:
            links[constraint.first].append((constraint.second, constraint.name))
            links[constraint.second].append((constraint.first, constraint.name))
    names: dict[int, tuple[str, ...]] = {different.first: ()}
    waiting = deque([different.first])
    while different.second not in names:
        item = waiting.popleft()
        for other, name in links[item]:
            if other not in names:
                names[other] = (*names[item], name)
                waiting.append(other)
    chain = ", ".join(names[different.second])
    return DecisionError(
        f"decisions contradict each other: items {different.first} and {different.second} are one individual by"
        f" {chain}, and two by {different.name}; take one of them back"
    )
