"""The rule that says "unknown": what it refuses, and how its error is measured."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import scipy.special
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import roc_auc_score

from hanzaki.evaluation.resampling import Resampling
from hanzaki.evaluation.unknown import SCORES, UnknownRule, judge_refusals, sureness

FEW = Resampling(resamples=50)
LOGITS = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 30), st.integers(2, 6)), elements=st.floats(-30, 30, width=32)
)
TEMPERATURES = st.floats(0.1, 10)
RULES = st.sampled_from(SCORES)


@given(LOGITS, TEMPERATURES)
def test_scores_are_those_of_their_papers(logits, temperature):
    probability = np.sort(scipy.special.softmax(logits / temperature, axis=1), axis=1)
    odds = sureness(logits, "probability", temperature)
    np.testing.assert_allclose(scipy.special.expit(odds), probability[:, -1], rtol=1e-9)
    energy = temperature * torch.logsumexp(torch.from_numpy(logits) / temperature, dim=1).numpy()
    np.testing.assert_allclose(sureness(logits, "energy", temperature), energy, atol=1e-9)
    margin = np.log(probability[:, -1]) - np.log(np.maximum(probability[:, -2], 1e-300))
    np.testing.assert_allclose(sureness(logits, "margin", temperature), margin, rtol=1e-5, atol=1e-9)


@given(LOGITS, TEMPERATURES, st.randoms())
def test_neither_the_order_of_the_labels_nor_of_the_pictures_matters(logits, temperature, dice):
    rows, columns = list(range(len(logits))), list(range(logits.shape[1]))
    dice.shuffle(rows)
    dice.shuffle(columns)
    for score in SCORES:
        mixed = sureness(logits[np.ix_(rows, columns)], score, temperature)
        np.testing.assert_allclose(mixed, sureness(logits, score, temperature)[rows], atol=1e-9)


def test_very_sure_answers_do_not_run_together():
    """A softmax of 64 bits calls both 1; the rule still knows which of them is surer."""
    logits = np.array([[50.0, 0, 0], [60.0, 0, 0]])
    assert (scipy.special.softmax(logits, axis=1).max(axis=1) == 1).all()
    low, high = sureness(logits, "probability")
    assert low < high


@given(LOGITS, RULES, st.floats(0, 1), TEMPERATURES)
def test_no_more_known_animals_are_refused_than_was_said_and_not_one_less_than_ties_allow(
    logits, score, refused, temperature
):
    rule = UnknownRule.fit(logits, score, refused, temperature)
    allowed = int(np.floor(refused * len(logits) + 1e-9))
    assert rule.unknown(logits).sum() <= allowed
    higher = UnknownRule(score, np.nextafter(rule.threshold, np.inf), temperature)
    if allowed < len(logits):
        assert higher.unknown(logits).sum() > allowed


@given(LOGITS, RULES)
def test_who_allows_more_refusals_refuses_no_less(logits, score):
    refusals = [UnknownRule.fit(logits, score, share).unknown(logits) for share in (0, 0.1, 0.5, 1)]
    assert not refusals[0].any()
    assert refusals[-1].all()
    for fewer, more in pairwise(refusals):
        assert (more | ~fewer).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), RULES)
def test_errors_are_shares_and_auroc_is_that_of_scikit_learn(seed, score):
    dice = np.random.default_rng(seed)
    logits = np.round(dice.normal(size=(40, 3)), 1)
    known = np.arange(40) < 25
    rule = UnknownRule.fit(dice.normal(size=(20, 3)), score, 0.2)
    whom = dice.integers(0, 9, 40).tolist()
    judged = rule.judge(logits, known, whom, FEW)
    refused = rule.unknown(logits)
    assert (judged.known, judged.strangers, judged.individuals) == (25, 15, len(set(whom)))
    assert judged.taken.value == pytest.approx((~refused[~known]).mean())
    assert judged.refused.value == pytest.approx(refused[known].mean())
    assert judged.auroc.value == pytest.approx(roc_auc_score(known, rule.sureness(logits)))
    assert judged.taken.low <= judged.taken.value <= judged.taken.high


def test_intervals_draw_animals_not_pictures():
    """Ten pictures of each of two strangers, all of one taken for known: drawing pictures would be far surer."""
    refused = np.repeat([True, False, False, False], 10)
    known = np.repeat([False, False, True, True], 10)
    judged = judge_refusals(np.arange(40.0), refused, known, np.repeat(["a", "b", "c", "d"], 10).tolist())
    assert judged.taken == (0.5, 0, 1)
    assert judged.refused == (0, 0, 0)


def test_without_strangers_there_is_no_error_on_them():
    judged = UnknownRule("margin", 0.0).judge(np.eye(3), np.ones(3, bool), ["a", "b", "c"], FEW)
    assert judged.as_json()["taken"] == [None, None, None]
    assert judged.as_json()["refused"] == [0, 0, 0]


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (lambda: UnknownRule.fit(np.empty((0, 3))), "on no pictures"),
        (lambda: UnknownRule.fit(np.eye(3), refused=1.5), "a fraction from 0 to 1"),
        (lambda: sureness(np.ones((3, 1)), "energy"), "shape"),
        (lambda: sureness(np.full((1, 2), np.nan), "energy"), "finite"),
        (lambda: sureness(np.eye(2), "energy", 0.0), "above zero, not 0"),
        (
            lambda: judge_refusals(np.ones(2), np.ones(2, bool), np.ones(3, bool), ["a", "b"]),
            "lengths: 2, 2, 3, 2",
        ),
        (lambda: judge_refusals(np.array([np.nan]), np.ones(1, bool), np.ones(1, bool), ["a"]), "NaN"),
    ],
)
def test_what_cannot_be_judged_is_refused(attempt, said):
    with pytest.raises(ValueError, match=said):
        attempt()
