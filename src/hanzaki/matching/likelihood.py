r"""What a score is worth: the log likelihood ratio that it comes from the same animal and not from another.

The ratio is a smooth function of the pooled score that never falls: a straight line with bends,

.. math:: \ell(v) = c + a\, v + \sum_k b_k \, s(v - t_k), \qquad a, b_k \ge 0

where s is the softplus. It is fitted by logistic regression with as much weight on pairs of the same animal as on
pairs of different ones, since the log odds of even odds are the log likelihood ratio (Brümmer & du Preez 2006,
Application-independent evaluation of speaker detection, section 4; with one line and no bends it is theirs).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

#: Where the line may bend, in standard deviations of the cohort.
BENDS = (1.0, 2.5)

_SHARPNESS = 2.0  # of a bend: it is done within about one standard deviation
#: Penalty of squared coefficients, in queries; of squared changes, where there is something to begin with.
PENALTY, HELD = 1.0, 10.0


@dataclass(frozen=True)
class ScoreLikelihood:
    """The log likelihood ratio, same animal against another, of a pooled score.

    Attributes:
        offset: c, of a score of 0.
        slope: a, 0 or more.
        bends: b, 0 or more, by how much the line grows steeper at each of :data:`BENDS`.

    Raises:
        ValueError: if a slope is below 0, or there is not one for each bend.
    """

    offset: float
    slope: float
    bends: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.bends) != len(BENDS):
            raise ValueError(f"a likelihood has {len(BENDS)} bends, not {len(self.bends)}")
        if not min(self.slope, *self.bends) >= 0:
            raise ValueError("a likelihood never falls: slope and bends are 0 or more")

    def __call__(self, scores: Floats) -> Floats:
        """Log likelihood ratios in nats of scores of any shape; 0 where a score is NaN: nothing was compared."""
        ratios: Floats = basis(np.nan_to_num(scores)) @ self.coefficients
        return np.where(np.isnan(scores), 0.0, ratios)

    @property
    def coefficients(self) -> Floats:
        """Offset, slope and bends, as they stand for the columns of :func:`basis`."""
        return np.array([self.offset, self.slope, *self.bends])

    def as_json(self) -> dict[str, Any]:
        """As numbers that JSON takes."""
        return {"offset": self.offset, "slope": self.slope, "bends": list(self.bends)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The inverse of :meth:`as_json`.

        Raises:
            ValueError: if these are no such numbers.
        """
        try:
            offset, slope = float(values["offset"]), float(values["slope"])
            return cls(offset, slope, tuple(float(bend) for bend in values["bends"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"a likelihood has offset, slope and bends: {error}") from error

    @classmethod
    def fit(cls, scores: Floats, same: Truths, weights: Floats, start: ScoreLikelihood | None = None) -> Self:
        """The likeliest function for scores whose truth is known.

        Args:
            scores: (n,) pooled scores; NaN counts for nothing.
            same: bool (n,), whether each is of the same animal.
            weights: (n,), 0 or more; those of the same animal and of others are each brought to half of the sum of
                those of the same, so that the penalty is in queries.
            start: what coefficients are held near, the more so the fewer queries there are; None = a flat line.

        Raises:
            ValueError: if none is of the same animal, or none of another.
        """
        there = ~np.isnan(scores)
        scores, same, weights = scores[there], same[there], weights[there].astype(np.float64)
        if not weights[same].sum() > 0 or not weights[~same].sum() > 0:
            raise ValueError("a likelihood is fitted to scores of the same animal and of others: give both")
        total = weights[same].sum()
        weights = np.where(same, weights / 2, weights * total / (2 * weights[~same].sum()))
        features = basis(scores)

        centre, penalty = np.zeros(features.shape[1]), np.full(features.shape[1], PENALTY)
        penalty[0] = 0  # nothing holds the offset, unless there is a start
        if start is not None:
            centre, penalty = start.coefficients, np.full(features.shape[1], HELD)

        def loss(coefficients: Floats) -> tuple[float, Floats]:
            return logistic_loss(coefficients, features, same, weights, centre, penalty)

        begin = np.r_[-1.0, 1.0, np.zeros(len(BENDS))] if start is None else centre
        bounds = [(None, None)] + [(0, None)] * (len(BENDS) + 1)
        found = minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=bounds)
        offset, slope, *bends = found.x.tolist()
        return cls(offset, slope, tuple(bends))


def basis(scores: Floats) -> Floats:
    """1, the score, and a softplus at each of :data:`BENDS`: (..., 2 + len(BENDS)), none of which falls."""
    bent = [np.logaddexp(0, _SHARPNESS * (scores - bend)) / _SHARPNESS for bend in BENDS]
    return np.stack([np.ones_like(scores), scores, *bent], axis=-1)


def logistic_loss(
    coefficients: Floats, features: Floats, same: Truths, weights: Floats, centre: Floats, penalty: Floats
) -> tuple[float, Floats]:
    """Penalised weighted minus log likelihood of a logistic regression, and its gradient.

    Args:
        coefficients: (k,).
        features: (n, k).
        same: bool (n,).
        weights: (n,).
        centre: (k,) what the coefficients are held near.
        penalty: (k,) how firmly.
    """
    logits = features @ coefficients
    losses = np.logaddexp(0, np.where(same, -logits, logits))
    away = coefficients - centre
    gradient = features.T @ (weights * (expit(logits) - same)) + penalty * away
    return float(weights @ losses + penalty @ away**2 / 2), gradient
