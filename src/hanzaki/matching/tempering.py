"""How far sums of pairwise log odds can be trusted, learnt from individuals whose items are known.

Log odds are calibrated pair by pair, but the pairs of a cluster share photographs, and each brings the rarity of
pairs of one individual along anew. Sums over a cluster's pairs are therefore too sure. Two numbers put that right:
a factor, and an amount a pair.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from hanzaki.matching.constraints import close
from hanzaki.matching.network import network_of
from hanzaki.matching.odds import PairOdds

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_SPREAD = 1.0  # of what is believed of both numbers before anything is seen
_SPLITS = 31  # of one individual: all of up to six items, a sample of more


@dataclass(frozen=True)
class Tempering:
    """What to do to pairwise log odds before they are summed over clusters.

    Attributes:
        trust: the factor; one if pairs are independent, less if they repeat each other.
        shift: what is added to each pair.
        individuals: of how many individuals this was learnt.
    """

    trust: float
    shift: float
    individuals: int

    def apply(self, odds: PairOdds) -> PairOdds:
        """The log odds, fit to be summed."""
        return odds.tempered(self.trust, self.shift)


def fit_tempering(odds: PairOdds, individuals: Sequence[Hashable]) -> Tempering:
    r"""Learn how far sums of log odds can be trusted, from what clusters are and are not.

    Two groups A and B of items, of one individual each, are of the same one with log odds

    .. math:: \sum_{i \in A, j \in B} (a \ell_{ij} + b)

    and the factor a and the shift b are those of a logistic regression on all splits of an individual in two,
    which are the same, and on all pairs of individuals of whom items were compared, which are not. These are the
    partitions that one split or merge leads to from the true one, each against it: a composite likelihood (Lindsay
    1988, Composite likelihood methods) of the distribution exp(objective) over partitions. Both numbers are drawn
    to a = 1 and b = 0 where there are few individuals. A pseudo-likelihood by single items would not do: it never
    asks whether whole individuals attract each other, and with weak evidence all become one.

    Args:
        odds: of n items.
        individuals: whom each item is of.

    Raises:
        ValueError: if lengths differ.
    """
    if len(individuals) != odds.items:
        raise ValueError(f"{odds.items} items, but {len(individuals)} individuals")
    number = {individual: place for place, individual in enumerate(dict.fromkeys(individuals))}
    member = np.array([number[individual] for individual in individuals], np.int64)
    same, different = _halves(odds, member, len(number)), _strangers(odds, member, len(number))
    features = np.concatenate([same, -different])  # so that all are to have positive log odds

    def loss(parameters: Floats) -> tuple[float, Floats]:
        log_odds = features @ parameters
        away = parameters - [1.0, 0.0]
        value = np.logaddexp(0, -log_odds).sum() + (away @ away) / (2 * _SPREAD**2)
        return float(value), away / _SPREAD**2 - features.T @ expit(-log_odds)

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0.0, None), (None, None)])
    return Tempering(float(found.x[0]), float(found.x[1]), len(number))


def _strangers(odds: PairOdds, member: Integers, count: int) -> Floats:
    """Of each two individuals who were compared, the sum of log odds and the number of pairs: (r, 2)."""
    ends = np.sort(member[odds.pairs], axis=1)
    between = ends[:, 0] != ends[:, 1]
    keys, inverse = np.unique(ends[between] @ np.array([count, 1]), return_inverse=True)
    sizes = np.bincount(member, minlength=count)
    pairs = (sizes[keys // max(count, 1)] * sizes[keys % max(count, 1)]).astype(np.float64)
    listed = np.bincount(inverse, odds.log_odds[between] - odds.absent, len(keys))
    return np.stack([listed + odds.absent * pairs, pairs], axis=1)


def _halves(odds: PairOdds, member: Integers, count: int) -> Floats:
    """Of each split of an individual in two, the sum of log odds and the number of pairs across: (r, 2)."""
    network, node = network_of(odds, close(odds.items, []))
    nodes = node[np.argsort(member, kind="stable")]
    rng, examples = np.random.default_rng(0), [np.zeros((0, 2))]
    for own in np.split(nodes, np.cumsum(np.bincount(member, minlength=count))[:-1]):
        if len(own) > 1:
            values, side = network.part(np.sort(own).tolist()).values(), _sides(len(own), rng)
            across = np.einsum("sk,sk->s", side @ values, 1 - side)
            examples.append(np.stack([across, side.sum(axis=1) * (1 - side).sum(axis=1)], axis=1))
    return np.concatenate(examples)


def _sides(count: int, rng: np.random.Generator) -> Floats:
    """Splits of some items in two, 1 for one side and 0 for the other: (s, count), none twice."""
    if 2 ** (count - 1) - 1 <= _SPLITS:
        masks = np.arange(1, 1 << (count - 1))
        return (masks[:, None] >> np.arange(count) & 1).astype(np.float64)
    side = np.zeros((_SPLITS, count))
    side[:, 1:] = rng.random((_SPLITS, count - 1)) < 0.5
    side[side.sum(axis=1) == 0, 1] = 1
    return np.unique(side, axis=0)
