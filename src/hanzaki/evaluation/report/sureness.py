"""How sure is an answer: from the margin of its score to the probability that it is right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hanzaki.evaluation.answers import Answers
from hanzaki.evaluation.calibration import Calibration, judge_calibration
from hanzaki.extra import learning

Floats = npt.NDArray[np.float64]

#: Fewer right or fewer wrong answers than this teach nobody what a margin is worth.
LEAST = 10
FOLDS = 5
BINS = 10


@dataclass(frozen=True, eq=False)
class Sureness:
    """The probabilities that answers are right, and whether they mean what they say.

    Attributes:
        probability: (q,) of each query; NaN where only one individual was in the contest.
        calibration: of these against what was right.
    """

    probability: Floats
    calibration: Calibration


def sureness(answers: Answers) -> Sureness | None:
    """Learn what a margin is worth, by cross-validation: no animal's probability is learnt from its own answers.

    A logistic curve of the margin by which the best individual beats the second (Platt 1999, Probabilistic outputs
    for support vector machines), fitted on four fifths of the individuals for the last fifth, in turn.

    Returns:
        None if too few answers are right, or too few wrong, to learn from.
    """
    with learning():
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GroupKFold

    known = np.flatnonzero(~np.isnan(answers.margin))
    margin, right = answers.margin[known, None], answers.right[known]
    names = answers.individuals
    individuals = [repr(names[row]) for row in known]
    folds = min(FOLDS, len(set(individuals)))
    if min(np.count_nonzero(right), np.count_nonzero(~right)) < LEAST or folds < 2 or not margin.std():
        return None
    found = np.empty(len(known))
    for fit, held in GroupKFold(folds, shuffle=True, random_state=0).split(margin, right, individuals):
        if len(np.unique(right[fit])) < 2:
            return None  # all right, or all wrong, answers are of the animals held out
        scale = margin[fit].std() or 1.0  # cosines and votes lie on scales of their own
        learnt = LogisticRegression().fit(margin[fit] / scale, right[fit])
        found[held] = learnt.predict_proba(margin[held] / scale)[:, 1]
    probability = np.full(len(answers), np.nan)
    probability[known] = found
    return Sureness(probability, judge_calibration(found, right, [names[row] for row in known], BINS))
