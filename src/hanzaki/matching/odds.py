"""How probable it is that two items (encounters or photographs) are of one individual: sparse log odds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from hanzaki.matching.constraints import Constraint

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PairOdds:
    """Log odds that two items are of one individual, for the pairs that were compared.

    Make one by :meth:`listed` or :meth:`of_matrix`, which bring any list into this form.

    Attributes:
        items: how many items there are, n.
        pairs: int64 (m, 2), the compared pairs, each once, the lower number first, in order.
        log_odds: float64 (m,), natural logarithm of p / (1 - p); finite.
        absent: the log odds of every pair that is not listed, at most zero. Zero: it says nothing. Where each item
            was compared with all and only the likeliest were kept, what is not listed was found unlike, and the
            lowest log odds kept are a better figure.
    """

    items: int
    pairs: Integers
    log_odds: Floats
    absent: float = 0.0

    @classmethod
    def listed(
        cls,
        items: int,
        first: npt.ArrayLike,
        second: npt.ArrayLike,
        log_odds: npt.ArrayLike,
        absent: float = 0.0,
    ) -> Self:
        """Take a list of pairs, in any order; a pair that is listed twice (i, j and j, i) counts with its mean.

        Args:
            items: how many items there are.
            first: (m,) numbers of items.
            second: (m,) numbers of items.
            log_odds: (m,) of each pair; NaN where the pair was not compared after all.
            absent: log odds of the pairs that are not listed.

        Raises:
            ValueError: if lengths differ, an item is not in 0..items - 1 or is compared with itself, log odds are
                infinite, or ``absent`` is above zero.
        """
        one, other = np.asarray(first, np.int64), np.asarray(second, np.int64)
        values = np.asarray(log_odds, np.float64)
        if not one.shape == other.shape == values.shape == (len(values),):
            raise ValueError(f"pairs of different lengths: {len(one)}, {len(other)}, {len(values)}")
        there = ~np.isnan(values)
        one, other, values = one[there], other[there], values[there]
        if len(values) and not 0 <= min(one.min(), other.min()) <= max(one.max(), other.max()) < items:
            raise ValueError(f"there are items 0 to {items - 1} only")
        if (one == other).any():
            raise ValueError("an item is compared with itself")
        if not np.isfinite(values).all():
            raise ValueError("log odds are finite; what is certain is a constraint")
        if not absent <= 0:
            raise ValueError(f"pairs that were not compared have log odds of at most zero, not {absent}")
        keys, inverse, count = np.unique(
            np.minimum(one, other) * max(items, 1) + np.maximum(one, other),
            return_inverse=True,
            return_counts=True,
        )
        pairs = np.stack(np.divmod(keys, max(items, 1)), axis=1)
        return cls(items, pairs, np.bincount(inverse, values, len(keys)) / count, float(absent))

    @classmethod
    def of_matrix(cls, matrix: Floats, absent: float = 0.0) -> Self:
        """Take a matrix (n, n), NaN where not compared; both halves count alike, and the diagonal does not.

        Raises:
            ValueError: as :meth:`listed`.
        """
        first, second = np.nonzero(~np.isnan(matrix) & ~np.eye(len(matrix), dtype=bool))
        return cls.listed(len(matrix), first, second, matrix[first, second], absent)

    def matrix(self) -> Floats:
        """All pairs as a symmetric matrix, float64 (n, n), zero on the diagonal; for few items."""
        full = np.full((self.items, self.items), self.absent)
        first, second = self.pairs.T
        full[first, second] = full[second, first] = self.log_odds
        np.fill_diagonal(full, 0.0)
        return full

    def weighed(self, constraints: Sequence[Constraint]) -> PairOdds:
        """With the constraints that have a finite weight added as evidence; the hard ones are left out."""
        soft = [constraint for constraint in constraints if not constraint.hard]
        if not soft:
            return self
        keys = {(first, second): number for number, (first, second) in enumerate(self.pairs.tolist())}
        values = dict(zip(keys, self.log_odds.tolist(), strict=True))
        for constraint in soft:
            key = min(constraint.first, constraint.second), max(constraint.first, constraint.second)
            weight = constraint.weight if constraint.same else -constraint.weight
            values[key] = values.get(key, self.absent) + weight
        first, second = np.array(list(values), np.int64).T
        return PairOdds.listed(self.items, first, second, list(values.values()), self.absent)

    def tempered(self, trust: float, shift: float = 0.0) -> PairOdds:
        """All log odds times ``trust`` plus ``shift``; what is not listed may speak against, but never for."""
        absent = min(0.0, trust * self.absent + shift)
        return PairOdds(self.items, self.pairs, trust * self.log_odds + shift, absent)

    def within(self, labels: npt.NDArray[np.integer]) -> float:
        """The sum of the log odds of all pairs that have one label: the objective of correlation clustering.

        Bansal, Blum & Chawla 2004, Correlation clustering; with log odds as weights the sum is, but for a
        constant, the log probability of the partition, were pairs independent.
        """
        same = labels[self.pairs[:, 0]] == labels[self.pairs[:, 1]]
        _, sizes = np.unique(labels, return_counts=True)
        pairs = float((sizes * (sizes - 1)).sum() / 2)
        return float((self.log_odds[same] - self.absent).sum() + self.absent * pairs)
