"""Mistakes in a catalogue: two names of one individual, and one name of two.

Both follow from the pairwise log odds of a catalogue's items by comparing two partitions, one with the change and
one without; probabilities are those of exp(sum of log odds within individuals), as in
:mod:`hanzaki.matching.clustering`. The log odds are to be tempered first:
:func:`hanzaki.matching.tempering.fit_tempering`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logsumexp

from hanzaki.matching.constraints import Closure, Constraint, close
from hanzaki.matching.network import Network, network_of
from hanzaki.matching.odds import PairOdds
from hanzaki.matching.optimum import EXACT, subset_sums

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

_CERTAIN = 1e6  # log odds that stand for a person's word


@dataclass(frozen=True)
class ProbablyOne:
    """Two individuals who are probably one.

    Attributes:
        individuals: their names, in order.
        log_odds: of their being one.
        probability: the same as a probability.
        false_alarms: expected share of false alarms among this and all that are more probable.
    """

    individuals: tuple[Hashable, Hashable]
    log_odds: float
    probability: float
    false_alarms: float = 0.0


@dataclass(frozen=True)
class ProbablyTwo:
    """An individual who is probably two.

    Attributes:
        individual: its name.
        parts: the numbers of its items in the best split; the larger part first.
        log_odds: of that split against none.
        probability: that it is two, split in whatever way.
        best: of that probability, the share of the best split.
        false_alarms: expected share of false alarms among this and all that are more probable.
    """

    individual: Hashable
    parts: tuple[tuple[int, ...], tuple[int, ...]]
    log_odds: float
    probability: float
    best: float
    false_alarms: float = 0.0


Found = TypeVar("Found", ProbablyOne, ProbablyTwo)


def find_one_as_two(
    odds: PairOdds,
    individuals: Sequence[Hashable | None],
    constraints: Sequence[Constraint] = (),
    prior: float = 0.0,
    tolerated: float = 0.5,
) -> tuple[ProbablyOne, ...]:
    """Find pairs of individuals who are probably one, the most probable first.

    Args:
        odds: of n items; pairs of individuals of whom no items were compared are not considered.
        individuals: (n,) the name of each item; None where it has none, and then it is left out.
        constraints: what people decided. Who they said are two are never found; who they said are one always.
        prior: log odds added for each pair: below zero where names were given with care.
        tolerated: the list ends before its expected share of false alarms is larger.

    Raises:
        DecisionError: if people's decisions contradict each other.
        ValueError: if lengths differ or a constraint names an item that does not exist.
    """
    names, member = _members(odds, individuals)
    closure = close(odds.items, constraints)
    odds = odds.weighed(constraints)
    sums = _sums_between(odds, member, len(names))
    for keys, value in zip(_decided(closure, member), (_CERTAIN, -_CERTAIN), strict=True):
        sums |= dict.fromkeys(keys, value)
    found = []
    for (one, other), total in sums.items():
        log_odds = total + (prior if abs(total) < _CERTAIN else 0.0)
        first, second = sorted((names[one], names[other]), key=str)
        found.append(ProbablyOne((first, second), log_odds, float(expit(log_odds))))
    return _most_probable(found, lambda merge: str(merge.individuals), tolerated)


def find_two_as_one(
    odds: PairOdds,
    individuals: Sequence[Hashable | None],
    constraints: Sequence[Constraint] = (),
    prior: float = 0.0,
    tolerated: float = 0.5,
) -> tuple[ProbablyTwo, ...]:
    """Find individuals who are probably two, the most probable first, each with its best split.

    All splits in two are weighed where an individual has up to :data:`~hanzaki.matching.optimum.EXACT` items
    (those that people said to be the same are one). Of more items the best split is searched for, and it and those
    one item away from it or from no split are weighed: then the probability is somewhat too low.

    Args:
        odds: of n items.
        individuals: (n,) the name of each item; None where it has none, and then it is left out.
        constraints: what people decided: items that are the same are never parted, those of two always.
        prior: log odds added for each split: below zero where names were given with care.
        tolerated: the list ends before its expected share of false alarms is larger.

    Raises:
        DecisionError: if people's decisions contradict each other.
        ValueError: if lengths differ or a constraint names an item that does not exist.
    """
    names, member = _members(odds, individuals)
    closure = close(odds.items, constraints)
    network, node = network_of(odds.weighed(constraints), closure)
    order = np.argsort(member, kind="stable")
    bounds = np.searchsorted(member[order], np.arange(len(names) + 1))
    found = []
    for number, name in enumerate(names):
        items = order[bounds[number] : bounds[number + 1]]
        nodes = np.unique(node[items])
        if len(nodes) > 1:
            found.append(_best_split(name, items, node[items], nodes, network, prior))
    return _most_probable(found, lambda split: str(split.individual), tolerated)


def _members(odds: PairOdds, individuals: Sequence[Hashable | None]) -> tuple[list[Hashable], Integers]:
    """The names, and int64 (n,), each item's place among them; -1 without a name."""
    if len(individuals) != odds.items:
        raise ValueError(f"{odds.items} items, but {len(individuals)} individuals")
    number: dict[Hashable | None, int] = {}
    for name in individuals:
        if name is not None:
            number.setdefault(name, len(number))
    names: list[Hashable] = [name for name in number if name is not None]
    return names, np.array([number.get(name, -1) for name in individuals], np.int64)


def _sums_between(odds: PairOdds, member: Integers, count: int) -> dict[tuple[int, int], float]:
    """The log odds between each two individuals of whom items were compared, summed over all pairs of items."""
    ends = np.sort(member[odds.pairs], axis=1)
    between = (ends[:, 0] != ends[:, 1]) & (ends[:, 0] >= 0)
    keys, inverse = np.unique(ends[between] @ np.array([count, 1]), return_inverse=True)
    one, other = np.divmod(keys, max(count, 1))
    sizes = np.bincount(member[member >= 0], minlength=count)
    listed = np.bincount(inverse, odds.log_odds[between] - odds.absent, len(keys))
    totals = listed + odds.absent * sizes[one] * sizes[other]
    return dict(zip(zip(one.tolist(), other.tolist(), strict=True), totals.tolist(), strict=True))


def _decided(closure: Closure, member: Integers) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """Pairs of individuals of whom people said that some of their items are the same; and that some are two.

    Where they said both, of different items, it is the names that are wrong, and the second counts.
    """
    of_group: dict[int, set[int]] = {}
    for group, individual in zip(closure.group.tolist(), member.tolist(), strict=True):
        if individual >= 0:
            of_group.setdefault(group, set()).add(individual)
    same = {(one, other) for held in of_group.values() for one in held for other in held if one < other}
    apart = {
        (min(one, other), max(one, other))
        for first, second in closure.apart.tolist()
        for one in of_group.get(first, ())
        for other in of_group.get(second, ())
        if one != other
    }
    return same, apart


def _best_split(
    name: Hashable, items: Integers, node: Integers, nodes: Integers, network: Network, prior: float
) -> ProbablyTwo:
    values = np.maximum(network.part(nodes.tolist()).values(), -_CERTAIN)
    sides, gains = _splits(values)
    gains = gains + prior
    order = np.lexsort((np.arange(len(gains)), -gains))
    side = sides[order[0]]
    total = float(logsumexp(gains))
    of_item = side[np.searchsorted(nodes, node)]
    parts = sorted(
        (tuple(sorted(items[of_item == there].tolist())) for there in (False, True)),
        key=lambda part: (-len(part), part),
    )
    best = float(gains[order[0]])
    return ProbablyTwo(name, (parts[0], parts[1]), best, float(expit(total)), float(np.exp(best - total)))


def _splits(values: Floats) -> tuple[Truths, Floats]:
    """Splits of k nodes in two: bool (s, k), the nodes on the second side; and the log odds of each, (s,)."""
    count = len(values)
    if count > EXACT:
        sides = _likely_sides(values)
        return sides, -_cuts(values, sides)
    inside, every = subset_sums(values), (1 << count) - 1
    masks = np.arange(1, 1 << (count - 1))  # the last node is always on the first side
    sides = (masks[:, None] >> np.arange(count) & 1).astype(bool)
    return sides, inside[masks] + inside[every ^ masks] - inside[every]


def _likely_sides(values: Floats) -> Truths:
    """The best split that moves of single nodes find, and those one node away from it or from no split."""
    count = len(values)
    first, second = np.unravel_index(values.argmin(), values.shape)
    single = np.eye(count, dtype=bool)
    starts = [values[second] > values[first], single[(-_cuts(values, single)).argmax()]]
    starts[0][[first, second]] = False, True
    reached = [_descend(values, start) for start in starts]
    best = min(reached, key=lambda side: float(_cuts(values, side[None])[0]))
    sides = np.concatenate([best[None], best[None] ^ single, single])
    sides = sides[sides.any(axis=1) & ~sides.all(axis=1)]
    return np.unique(sides ^ sides[:, :1], axis=0)  # a split and its mirror image are one


def _descend(values: Floats, side: Truths) -> Truths:
    """Move the node to the other side that lessens the cut most, until none does."""
    side = side.copy()
    while True:
        sign = np.where(side, 1.0, -1.0)
        less = -sign * (values @ sign)  # a node's log odds to the other side, less those to its own
        for there in (False, True):
            if (side == there).sum() == 1:
                less[side == there] = -np.inf
        node = int(less.argmax())
        if not less[node] > 1e-9:
            return side
        side[node] ^= True


def _cuts(values: Floats, sides: Truths) -> Floats:
    """The log odds across each of (s, k) splits: (s,)."""
    return np.asarray(np.einsum("sk,sk->s", sides @ values, (~sides).astype(np.float64)))


def _most_probable(found: Sequence[Found], name: Callable[[Found], str], tolerated: float) -> tuple[Found, ...]:
    """In order of probability, to where the expected share of false alarms passes what is tolerated.

    That share is the mean of 1 - probability (the Bayesian false discovery rate: Newton et al. 2004, Detecting
    differential gene expression with a semiparametric hierarchical mixture method, section 4).
    """
    if not 0 <= tolerated <= 1:
        raise ValueError(f"a tolerated share of false alarms is from 0 to 1, not {tolerated}")
    ordered = sorted(found, key=lambda one: (-one.probability, -one.log_odds, name(one)))
    kept, wrong = [], 0.0
    for number, one in enumerate(ordered, start=1):
        wrong += 1 - one.probability
        if wrong > tolerated * number:
            break
        kept.append(replace(one, false_alarms=wrong / number))
    return tuple(kept)
