r"""Who is it, or is it somebody new? All kinds of evidence together, as one calibrated distribution.

A conditional logit (McFadden 1974, Conditional logit analysis of qualitative choice behavior) with an outside
option. With m individuals in scope and the prior :math:`\pi` that an animal is new,

.. math::

    P(i) \propto \frac{1 - \pi}{m} \exp \sum_e w_e \ell_e(i), \qquad P(new) \propto \pi e^{b}

where :math:`\ell_e(i)` is the log likelihood ratio that evidence e gives individual i (see
:mod:`hanzaki.matching.likelihood`). Were the kinds of evidence independent and their ratios exact, this would be
Bayes' rule with all weights 1 and b = 0; the weights, 0 or more, and b are fitted to what was decided. What could
not be compared has the ratio 1: it speaks neither for nor against anybody. (Whom a shortlist passed over has a
score: see :func:`hanzaki.matching.pooling.pool`.)
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from hanzaki.matching.likelihood import HELD, PENALTY, ScoreLikelihood

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]

#: Prior probability that an animal is new, if nothing else is known.
PRIOR_NEW = 0.5

#: The place of "somebody new" among truths.
NEW = -1


@dataclass(frozen=True, eq=False)
class Posterior:
    """How probable each answer is.

    Attributes:
        known: float64 (m,), of each individual in scope, in their order.
        new: that it is none of them; all sum to one.
    """

    known: Floats
    new: float

    @property
    def best(self) -> int:
        """The place of the likeliest individual, the first where some tie; :data:`NEW` if there is none at all."""
        return int(self.known.argmax()) if len(self.known) else NEW

    @property
    def answer(self) -> int:
        """The likeliest answer: an individual's place, or :data:`NEW`."""
        return NEW if not len(self.known) or self.new >= self.known.max() else self.best

    @property
    def confidence(self) -> float:
        """The probability of that answer."""
        return max(self.new, float(self.known.max(initial=0)))

    @property
    def entropy(self) -> float:
        """How much is not known, in bits."""
        probabilities = np.append(self.known, self.new)
        probabilities = probabilities[probabilities > 0]
        return float(-(probabilities * np.log2(probabilities)).sum())


@dataclass(frozen=True, eq=False)
class Case:
    """An encounter whose truth is known, to fit and to judge with.

    Attributes:
        scores: by kind of evidence, (m,) the pooled score of each individual in scope; NaN = not compared.
        truth: the place of the right individual, or :data:`NEW`.
        individual: whom it shows; folds and intervals go by it.
    """

    scores: Mapping[str, Floats]
    truth: int
    individual: Hashable

    @property
    def count(self) -> int:
        """How many individuals are in scope."""
        return next((len(scores) for scores in self.scores.values()), 0)


@dataclass(frozen=True)
class Weighed:
    """One kind of evidence in the fusion: its likelihood ratio and how much that counts.

    Raises:
        ValueError: if the weight is below 0.
    """

    weight: float
    likelihood: ScoreLikelihood

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise ValueError(f"the weight of evidence is 0 or more, not {self.weight}")

    def __call__(self, scores: Floats) -> Floats:
        """The weighed log likelihood ratios of pooled scores, (m,) nats."""
        return self.weight * self.likelihood(scores)


@dataclass(frozen=True)
class Fusion:
    """All kinds of evidence, weighed.

    Attributes:
        evidence: by name, as ``marks``, or kind, as ``embedding``.
        bias: b, by how much more "somebody new" is likely than the evidence alone says, in nats.
        fitted_on: what it was fitted on, in words and numbers, for whoever must judge whether to trust it.
    """

    evidence: Mapping[str, Weighed]
    bias: float = 0.0
    fitted_on: Mapping[str, Any] = field(default_factory=dict)

    def ratios(self, scores: Mapping[str, Floats], kinds: Mapping[str, str] | None = None) -> dict[str, Floats]:
        """What each kind of evidence says of each individual: weighed log likelihood ratios, (m,) nats.

        Args:
            scores: by name of the evidence, (m,) pooled scores, NaN = not compared.
            kinds: of each name, what it counts as if the fusion does not know it by name.

        Raises:
            ValueError: if the fusion knows an evidence neither by name nor by kind, or lengths differ.
        """
        if len({len(pooled) for pooled in scores.values()}) > 1:
            raise ValueError("kinds of evidence are about different numbers of individuals")
        return {name: self._weighed(name, kinds or {})(pooled) for name, pooled in scores.items()}

    def posterior(
        self,
        scores: Mapping[str, Floats],
        prior_new: float = PRIOR_NEW,
        kinds: Mapping[str, str] | None = None,
    ) -> Posterior:
        """How probable each individual is, and somebody new.

        Args:
            scores: by name of the evidence, (m,) pooled scores, NaN = not compared; empty if nobody is in scope.
            prior_new: probability that an animal is new, before it is looked at; between 0 and 1.
            kinds: see :meth:`ratios`.

        Raises:
            ValueError: as :meth:`ratios`, or if the prior is not between 0 and 1.
        """
        check_prior(prior_new)
        ratios = list(self.ratios(scores, kinds).values())
        total: Floats = np.sum(ratios, axis=0) if ratios else np.empty(0)
        if not len(total):
            return Posterior(total, 1.0)
        utilities = np.append(total + np.log((1 - prior_new) / len(total)), np.log(prior_new) + self.bias)
        shares = np.exp(utilities - utilities.max())
        shares /= shares.sum()
        return Posterior(shares[:-1], float(shares[-1]))

    def _weighed(self, name: str, kinds: Mapping[str, str]) -> Weighed:
        found = self.evidence.get(name) or self.evidence.get(kinds.get(name, name))
        if found is None:
            raise ValueError(f"nothing is known of what scores of {name!r} are worth: calibrate with it first")
        return found

    def as_json(self) -> dict[str, Any]:
        """As numbers and words that JSON takes."""
        evidence = {
            name: {"weight": weighed.weight, "likelihood": weighed.likelihood.as_json()}
            for name, weighed in self.evidence.items()
        }
        return {"bias": self.bias, "evidence": evidence, "fitted_on": dict(self.fitted_on)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`as_json`.

        Raises:
            ValueError: if this is no fusion.
        """
        try:
            evidence = {
                str(name): Weighed(float(each["weight"]), ScoreLikelihood.from_json(each["likelihood"]))
                for name, each in values["evidence"].items()
            }
            return cls(evidence, float(values["bias"]), dict(values.get("fitted_on", {})))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"this is no fusion of evidence: {error!r}") from error

    @classmethod
    def fit(
        cls,
        cases: Sequence[Case],
        prior_new: float = PRIOR_NEW,
        start: Fusion | None = None,
        fitted_on: Mapping[str, Any] | None = None,
    ) -> Self:
        """The likeliest fusion for encounters whose truth is known.

        First each evidence's likelihood ratio, by itself; then the weights and the bias together. All are held
        near those of ``start``, the more so the fewer cases there are.

        Args:
            cases: each encounter once with its individual in scope and once with it left out (truth new).
            prior_new: the share of weight that new animals are given.
            start: what all is held near, and evidence that no case has is taken from; None = nothing known.
            fitted_on: words and numbers to keep.

        Raises:
            ValueError: if there is no case of a known animal or none of a new one.
        """
        check_prior(prior_new)
        begun = {} if start is None else dict(start.evidence)
        names = sorted({name for case in cases for name in case.scores})
        begun_likelihoods = {name: weighed.likelihood for name, weighed in begun.items()}
        likelihoods = {name: fitted_likelihood(cases, name, begun_likelihoods.get(name)) for name in names}
        centre = np.array([begun[name].weight if name in begun else 1.0 for name in names])
        centre = np.append(centre, 0.0 if start is None else start.bias)
        stacked = StackedCases.of(cases, likelihoods, prior_new)
        bounds = [(0, None)] * len(names) + [(None, None)]
        penalty = PENALTY if start is None else HELD
        found = minimize(stacked.loss, centre, args=(centre, penalty), jac=True, method="L-BFGS-B", bounds=bounds)
        *weights, bias = found.x.tolist()
        fitted = {name: Weighed(weight, likelihoods[name]) for name, weight in zip(names, weights, strict=True)}
        return cls(begun | fitted, bias, fitted_on or {})


@dataclass(frozen=True, eq=False)
class StackedCases:
    """Cases as arrays, for the fit.

    Attributes:
        ratios: (r, e) log likelihood ratios of all cases' individuals, one case after the other.
        starts: (c,) where each case begins.
        owners: (r,) which case each row is of.
        truth: (c,) the row of the right individual; -1 = new.
        weights: (c,) of each case; all known ones have together (1 - prior) of the sum, the new ones the prior.
        offsets: (c,) log prior of one individual of each case.
        log_new: log prior of somebody new.
    """

    ratios: Floats
    starts: Codes
    owners: Codes
    truth: Codes
    weights: Floats
    offsets: Floats
    log_new: float

    @classmethod
    def of(
        cls, cases: Sequence[Case], likelihoods: Mapping[str, ScoreLikelihood], prior_new: float
    ) -> StackedCases:
        """The cases that have anybody in scope.

        Raises:
            ValueError: if there is none of a known animal or none of a new one.
        """
        cases = [case for case in cases if case.count]
        counts = np.array([case.count for case in cases], np.intp)
        starts = np.cumsum(counts) - counts
        places = np.array([case.truth for case in cases], np.intp)
        new = places == NEW
        if new.all() or not new.any():
            raise ValueError("a fusion is fitted to cases of known animals and of new ones: give both")
        weights = np.where(new, prior_new / new.sum(), (1 - prior_new) / (~new).sum()) * len(cases)
        ratios = [
            np.concatenate([likelihood(_scores_of(case, name)) for case in cases])
            for name, likelihood in likelihoods.items()
        ]
        return cls(
            ratios=np.stack(ratios, axis=1),
            starts=starts,
            owners=np.repeat(np.arange(len(cases)), counts),
            truth=np.where(new, NEW, starts + places),
            weights=weights,
            offsets=np.log((1 - prior_new) / counts),
            log_new=float(np.log(prior_new)),
        )

    def loss(self, parameters: Floats, centre: Floats, penalty: float = PENALTY) -> tuple[float, Floats]:
        """Penalised weighted minus log likelihood, and its gradient.

        Args:
            parameters: (e + 1,) the weights, then the bias.
            centre: (e + 1,) what the penalty holds them near.
            penalty: how firmly.
        """
        utilities = self.ratios @ parameters[:-1] + self.offsets[self.owners]
        outside = self.log_new + parameters[-1]
        highest = np.maximum(np.maximum.reduceat(utilities, self.starts), outside)
        sums = np.add.reduceat(np.exp(utilities - highest[self.owners]), self.starts) + np.exp(outside - highest)
        norms = highest + np.log(sums)
        shares = np.exp(utilities - norms[self.owners])
        new = self.truth == NEW
        chosen = np.where(new, outside, utilities[self.truth])
        expected = (self.weights[self.owners] * shares) @ self.ratios
        observed = self.weights[~new] @ self.ratios[self.truth[~new]]
        away = parameters - centre
        gradient = np.append(expected - observed, self.weights @ np.exp(outside - norms) - self.weights[new].sum())
        value = float(self.weights @ (norms - chosen) + penalty * (away @ away) / 2)
        return value, gradient + penalty * away


def fitted_likelihood(cases: Sequence[Case], name: str, start: ScoreLikelihood | None = None) -> ScoreLikelihood:
    """The likelihood ratio of one kind of evidence; each case's strangers weigh together as much as one animal."""
    scores, same, weights = [], [], []
    for case in cases:
        pooled = _scores_of(case, name)
        right = np.arange(len(pooled)) == case.truth
        scores.append(pooled)
        same.append(right)
        weights.append(np.where(right, 1.0, 1.0 / max(1, int(np.count_nonzero(~right)))))
    return ScoreLikelihood.fit(np.concatenate(scores), np.concatenate(same), np.concatenate(weights), start)


def check_prior(prior_new: float) -> None:
    """Refuse what is no prior.

    Raises:
        ValueError: if it is not between 0 and 1.
    """
    if not 0 < prior_new < 1:
        raise ValueError(f"the prior that an animal is new lies between 0 and 1, not {prior_new}")


def _scores_of(case: Case, name: str) -> Floats:
    return case.scores.get(name, np.full(case.count, np.nan))
