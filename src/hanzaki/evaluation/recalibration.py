"""Whether a fusion learnt from a catalogue's own decisions is truer than the one it started from.

Both are judged on the same encounters; the learnt one by cross-validation over individuals, so that no animal is
judged by what was learnt from it. The better one is kept, by the logarithmic score: minus the logarithm of the
probability that was given to what is true, a proper score, which no untrue probability can better on average
(Gneiting & Raftery 2007, Strictly proper scoring rules, prediction, and estimation).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from hanzaki.errors import BadMedium, printable
from hanzaki.evaluation.calibration import Reliability, log_losses, reliability
from hanzaki.evaluation.identification import FOLDS, Identified, cross_fitted, judge_identification
from hanzaki.evaluation.protocols import Progress
from hanzaki.evaluation.resampling import USUAL, Floats, Integers, Interval, Resampling, interval_of_rows
from hanzaki.matching.choice import NEW, Case, Fusion, Posterior
from hanzaki.matching.relearning import LEAST, relearnt

#: How often animals are drawn again where somebody waits for it; the ends of an interval hardly move by more.
QUICK = Resampling(resamples=500)

#: Bins of the reliability diagram; fewer than the calibration error has, since catalogues are small.
BINS = 10

#: The levels of confidence that a sentence speaks of.
LEVELS = (0.0, 0.5, 0.8, 0.9, 0.95, 1.0)


@dataclass(frozen=True)
class Level:
    """Answers that were about equally sure.

    Attributes:
        least: the confidence that they lie above.
        most: the confidence that they reach at most.
        said: their mean confidence.
        answers: how many there are.
        right: how many of them are right.
    """

    least: float
    most: float
    said: float
    answers: int
    right: int


@dataclass(frozen=True, eq=False)
class Answered:
    """What one fusion answered to all cases.

    Attributes:
        judged: how good the answers are.
        confidence: float64 (n,), the probability of each answer.
        right: bool (n,), whether it is the truth.
        losses: float64 (n,), minus the log probability of the truth, in nats.
    """

    judged: Identified
    confidence: Floats
    right: npt.NDArray[np.bool_]
    losses: Floats

    @property
    def reliability(self) -> Reliability:
        """The reliability diagram."""
        return reliability(self.confidence, self.right, BINS)

    @property
    def levels(self) -> tuple[Level, ...]:
        """The answers by how sure they are, from least to most; levels without an answer are left out."""
        found = []
        for least, most in pairwise(LEVELS):
            inside = (self.confidence > least) & (self.confidence <= most)
            if inside.any():
                said, right = float(self.confidence[inside].mean()), int(self.right[inside].sum())
                found.append(Level(least, most, said, int(inside.sum()), right))
        return tuple(found)

    @classmethod
    def of(
        cls, posteriors: Sequence[Posterior], cases: Sequence[Case], resampling: Resampling = USUAL
    ) -> Answered:
        """Posteriors beside the truth.

        Raises:
            ValueError: if there are no cases.
        """
        truths, individuals = [case.truth for case in cases], [case.individual for case in cases]
        of_truth = [
            posterior.new if truth == NEW else float(posterior.known[truth])
            for posterior, truth in zip(posteriors, truths, strict=True)
        ]
        return cls(
            judged=judge_identification(posteriors, truths, individuals, resampling=resampling),
            confidence=np.array([posterior.confidence for posterior in posteriors]),
            right=np.array([posterior.answer for posterior in posteriors]) == np.array(truths),
            losses=log_losses(np.array(of_truth), np.ones(len(of_truth), bool)),
        )


@dataclass(frozen=True, eq=False)
class Recalibration:
    """Which of two fusions to go on with.

    Attributes:
        before: what the starting fusion answered.
        after: what fusions learnt from the other individuals answered.
        gain: by how much the latter gave more log probability to the truth, in nats a case, with its interval.
        fusion: the better one, learnt from all cases if it is learnt.
        asked_new: the share of cases of new animals, which was the prior that both were judged with.
    """

    before: Answered
    after: Answered
    gain: Interval
    fusion: Fusion
    asked_new: float

    @property
    def learnt(self) -> bool:
        """Whether the learnt one is the better one."""
        return self.gain.value > 0

    @property
    def kept(self) -> Answered:
        """What the better one answered."""
        return self.after if self.learnt else self.before

    def as_json(self) -> dict[str, Any]:
        """All but the fusion and the single answers, as numbers that JSON takes."""
        return {
            "learnt": self.learnt,
            "gain": self.gain.as_json(),
            "asked_new": self.asked_new,
            "before": self.before.judged.as_json(),
            "after": self.after.judged.as_json(),
            "levels": [vars(level) for level in self.kept.levels],
        }


@dataclass(frozen=True, eq=False)
class Calibrated:
    """What ``hanzaki calibrate`` did.

    Attributes:
        evidence: names of the kinds of evidence that were weighed.
        decided: encounters that people and tables named.
        individuals: whom those show.
        met_again: individuals that were met twice, on sides that can be compared.
        asked: encounters that were asked again; fewer than ``decided`` if they were drawn by lot or could not be
            compared.
        later: named encounters of the catalogue's later half.
        newcomers: how many of them showed an animal not met before.
        prior_new: probability that the next animal is new, before it is looked at.
        prior_told: whether the user said so; else it comes of the newcomers.
        found: what cross-validation said; None if there is too little to learn from.
        needed: what is still needed, in sentences; empty if nothing.
        skipped: what could not be used, with the reason.
        drift_undone: whether the calibration before heeded how markings change with the years, which this one does
            not yet.
    """

    evidence: tuple[str, ...]
    decided: int
    individuals: int
    met_again: int
    asked: int
    later: int
    newcomers: int
    prior_new: float
    prior_told: bool
    found: Recalibration | None
    needed: tuple[str, ...]
    skipped: tuple[BadMedium, ...] = ()
    drift_undone: bool = False

    def as_json(self) -> dict[str, Any]:
        """All but the single answers, as numbers and words that JSON takes."""
        words = {name: value for name, value in vars(self).items() if name not in ("found", "skipped")}
        return words | {
            "evidence": list(self.evidence),
            "needed": list(self.needed),
            "found": None if self.found is None else self.found.as_json(),
            "skipped": [{"path": printable(bad.path), "reason": bad.reason} for bad in self.skipped],
        }


def still_needed(cases: Sequence[Case]) -> tuple[str, ...]:
    """What else there must be before anything can be learnt, in sentences; empty if nothing."""
    met_again = len({case.individual for case in cases if case.truth != NEW})
    if met_again < LEAST:
        return (
            f"{LEAST} animals must have been met at least twice, from a side that can be compared, and be named "
            f"by a person or a table; here {met_again or 'none'} {'was' if met_again == 1 else 'were'}.",
            f"Name {LEAST - met_again} more that came again, with `hanzaki confirm`; `hanzaki queue` shows where "
            "to begin.",
        )
    if all(case.truth != NEW for case in cases):
        return (
            "At least four animals of a species must be named: with one left out, three others are the least by "
            "which a score can be measured.",
        )
    return ()


def recalibrate(
    cases: Sequence[Case],
    start: Fusion,
    fitted_on: Mapping[str, Any] | None = None,
    resampling: Resampling = USUAL,
    progress: Progress | None = None,
) -> Recalibration:
    """Learn a fusion from cases, and find out whether it is truer than the one that it started from.

    Each is told how many of the cases are new animals, since that is chosen and not found: what is judged is what
    they make of the evidence.

    Args:
        cases: of known animals and of new ones, of as many individuals as there are folds or more.
        start: knows all evidence of the cases by name; what is learnt is held near it.
        fitted_on: words and numbers to keep with what is learnt.
        resampling: how animals are drawn.
        progress: told after each part of the cross-validation.

    Raises:
        ValueError: if there are too few individuals, or no case of a known animal or none of a new one.
    """
    new = float(np.mean([case.truth == NEW for case in cases])) if cases else 0.0
    if not 0 < new < 1:
        raise ValueError("a fusion is judged by cases of known animals and of new ones: give both")
    before = [start.posterior(case.scores, new) for case in cases]
    parts = iter(range(1, FOLDS + 1))

    def fit(some: Sequence[Case]) -> Fusion:
        found = relearnt(some, start)
        if progress is not None:
            progress("learning", next(parts), FOLDS)
        return found

    after = cross_fitted(cases, fit, FOLDS, prior_new=new)
    answered = [Answered.of(posteriors, cases, resampling) for posteriors in (before, after)]
    gains = answered[0].losses - answered[1].losses

    def mean_gain(rows: Integers) -> Floats:
        return np.array([gains[rows].mean()])

    (gain,) = interval_of_rows([case.individual for case in cases], mean_gain, resampling)
    fusion = replace(relearnt(cases, start), fitted_on=dict(fitted_on or {})) if gain.value > 0 else start
    return Recalibration(answered[0], answered[1], gain, fusion, new)
