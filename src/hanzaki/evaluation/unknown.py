"""The rule that says "unknown" of an animal that a classifier never learnt.

A classifier gives every picture one of its labels, a stranger's too. The rule looks at how sure the network is and
refuses what lies under a threshold, which is set on pictures of known animals alone: strangers cannot be had
beforehand, and a threshold that was set on some would fit these.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from hanzaki.evaluation.openset import auroc, threshold_at
from hanzaki.evaluation.resampling import (
    USUAL,
    Floats,
    Integers,
    Interval,
    Resampling,
    interval_of_rows,
    number_individuals,
    quotient,
)

Truths = npt.NDArray[np.bool_]

#: What of the network's answer tells how sure it is; see :func:`sureness`.
Score = Literal["probability", "energy", "margin"]
SCORES: tuple[Score, ...] = get_args(Score)

#: The share of known animals' pictures that a rule may refuse, if nothing else is said.
REFUSED = 0.05

_LABELS = 2  # at least, or there is nobody to be told from


def sureness(logits: Floats, score: Score, temperature: float = 1.0) -> Floats:
    r"""How sure a network is of its answers, high = sure.

    With z the logits over the temperature, z\ :sub:`1` the highest of them:

    - ``probability``: the highest softmax probability (Hendrycks & Gimpel 2017, A baseline for detecting
      misclassified and out-of-distribution examples), as its log odds :math:`\log p / (1 - p) = z_1 - \log
      \sum_{i > 1} e^{z_i}`, which order alike and do not run together near one.
    - ``energy``: minus the free energy, :math:`T \log \sum_i e^{z_i}` (Liu et al. 2020, Energy-based
      out-of-distribution detection, equation 4). It alone sees how large the logits are altogether.
    - ``margin``: how far the highest lies above the second, z\ :sub:`1` - z\ :sub:`2`. Of two labels it is the
      probability's log odds.

    Args:
        logits: (n, c), of at least two labels.
        score: which.
        temperature: of the softmax, above zero.

    Returns:
        float64 (n,).

    Raises:
        ValueError: if the logits are none, or the temperature is not above zero.
    """
    if logits.ndim != 2 or logits.shape[1] < _LABELS or not np.isfinite(logits).all():
        raise ValueError(f"logits are finite numbers of shape (n, c) with c of {_LABELS} or more")
    if not temperature > 0 or math.isinf(temperature):
        raise ValueError(f"a temperature is a number above zero, not {temperature}")
    scaled = logits.astype(np.float64) / temperature
    if score == "energy":
        return np.asarray(temperature * logsumexp(scaled, axis=1), np.float64)
    ordered = np.sort(scaled, axis=1)
    rest = ordered[:, -2] if score == "margin" else logsumexp(ordered[:, :-1], axis=1)
    return np.asarray(ordered[:, -1] - rest, np.float64)


@dataclass(frozen=True)
class UnknownRule:
    """Says "unknown" where a network is less sure than it is of nearly all whom it learnt.

    Attributes:
        score: what tells how sure it is.
        threshold: under which a picture is refused.
        temperature: of the softmax.
    """

    score: Score
    threshold: float
    temperature: float = 1.0

    @classmethod
    def fit(
        cls, logits: Floats, score: Score = "energy", refused: float = REFUSED, temperature: float = 1.0
    ) -> Self:
        """Set the threshold so that no more than a given share of known animals' pictures is refused.

        Args:
            logits: (n, c) of pictures of known animals that the network did not learn from.
            score: what tells how sure it is.
            refused: that share, a fraction.
            temperature: of the softmax, as the model's config has it.

        Raises:
            ValueError: if there are no pictures, or the share is not in 0..1.
        """
        if not len(logits):
            raise ValueError("a threshold cannot be set on no pictures")
        threshold = -threshold_at(-sureness(logits, score, temperature), refused)
        return cls(score, threshold, temperature)

    def sureness(self, logits: Floats) -> Floats:
        """How sure the network is of (n, c) logits, by this rule's score: float64 (n,)."""
        return sureness(logits, self.score, self.temperature)

    def unknown(self, logits: Floats) -> Truths:
        """Which of (n, c) logits are refused: bool (n,)."""
        return np.asarray(self.sureness(logits) < self.threshold)

    def judge(
        self,
        logits: Floats,
        known: Truths,
        individuals: Sequence[Hashable],
        resampling: Resampling = USUAL,
    ) -> Refusals:
        """Measure the rule on pictures that it was not set on; see :func:`judge_refusals`."""
        return judge_refusals(self.sureness(logits), self.unknown(logits), known, individuals, resampling)


@dataclass(frozen=True)
class Refusals:
    """How well strangers are told from the known by a rule.

    Attributes:
        known: pictures of animals that the network learnt.
        strangers: pictures of others.
        individuals: how many individuals they are of.
        taken: share of strangers' pictures taken for somebody known.
        refused: share of known animals' pictures called unknown.
        auroc: the chance that the network is surer of a known picture than of a stranger's, at any threshold.
    """

    known: int
    strangers: int
    individuals: int
    taken: Interval
    refused: Interval
    auroc: Interval

    def as_json(self) -> dict[str, Any]:
        """All of it, as numbers that JSON takes."""
        return {
            "known": self.known,
            "strangers": self.strangers,
            "individuals": self.individuals,
            "taken": self.taken.as_json(),
            "refused": self.refused.as_json(),
            "auroc": self.auroc.as_json(),
        }


def judge_refusals(
    scores: Floats,
    refused: Truths,
    known: Truths,
    individuals: Sequence[Hashable],
    resampling: Resampling = USUAL,
) -> Refusals:
    """Measure decisions, with intervals by individual.

    Decisions of several rules, each leaving another individual out, can be judged together; their scores only if
    they lie on one scale, as :func:`hanzaki.evaluation.openset.ranks` gives them.

    Args:
        scores: (n,) how sure the network was, high = sure.
        refused: bool (n,), whether it was called unknown.
        known: bool (n,), whether it is of an animal that the network learnt.
        individuals: whom each picture is of.
        resampling: how animals are drawn.

    Raises:
        ValueError: if lengths differ, or a score is not a number.
    """
    member, count = number_individuals(individuals)
    if len({len(scores), len(refused), len(known), len(member)}) > 1:
        lengths = ", ".join(str(len(column)) for column in (scores, refused, known, member))
        raise ValueError(f"columns of different lengths: {lengths}")
    if np.isnan(scores).any():
        raise ValueError("a score is NaN")

    def statistic(rows: Integers) -> Floats:
        no, there = refused[rows], known[rows]
        shares = quotient([(~no & ~there).sum(), (no & there).sum()], [(~there).sum(), there.sum()])
        return np.array([*shares, auroc(scores[rows], there)])

    taken, wrongly, area = interval_of_rows(individuals, statistic, resampling)
    return Refusals(int(known.sum()), int((~known).sum()), count, taken, wrongly, area)
