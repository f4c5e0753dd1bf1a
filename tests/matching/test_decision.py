from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki.matching.choice import NEW, Posterior
from hanzaki.matching.decision import acceptance_threshold, decide, review_order, settled


def posterior(*shares: float) -> Posterior:
    """The last share is somebody new's."""
    return Posterior(np.array(shares[:-1]), shares[-1])


def calibrated(count: int, seed: int) -> tuple[list[Posterior], np.ndarray]:
    """Posteriors over five answers, and truths drawn from them."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(5, 0.05), count)
    truth = np.array([rng.choice(5, p=row) for row in shares])
    return [posterior(*row) for row in shares], np.where(truth == 4, NEW, truth)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.01, 0.05, 0.1]))
def test_calibrated_answers_are_wrong_at_most_as_often_as_is_tolerated(seed: int, rate: float):
    posteriors, truth = calibrated(3000, seed)
    decisions = decide(posteriors, rate)
    answers = np.array([each.answer for each in posteriors])
    for group in (answers != NEW, answers == NEW):
        wrong = (answers != truth)[decisions.accepted & group]
        assert wrong.sum() <= rate * len(wrong) + 5 * math.sqrt(rate * len(wrong) + 1)
    assert decisions.accepted.mean() > 0.2


def test_what_it_costs_is_what_happens():
    posteriors, truth = calibrated(4000, 0)
    decisions = decide(posteriors, 0.05)
    answers = np.array([each.answer for each in posteriors])
    named = decisions.accepted & (answers != NEW)
    assert decisions.false_matches == pytest.approx((answers != truth)[named].sum(), abs=35)
    assert decisions.false_news == pytest.approx((truth != NEW)[decisions.accepted & ~named].sum(), abs=20)
    assert decisions.missed_matches == pytest.approx((truth != NEW)[~named].sum(), rel=0.1)


@given(st.floats(0, 1), st.floats(0, 1))
def test_who_tolerates_more_accepts_more(one: float, other: float):
    posteriors, _ = calibrated(60, 1)
    less, more = (decide(posteriors, rate) for rate in sorted((one, other)))
    assert (less.accepted <= more.accepted).all()
    assert sorted([*more.review, *np.flatnonzero(more.accepted)]) == list(range(60))


def test_somebody_new_is_an_answer_like_any_other():
    decisions = decide([posterior(0.001, 0.999), posterior(0.999, 0.001), posterior(0.5, 0.5)], 0.01)
    assert decisions.accepted.tolist() == [True, True, False]
    assert decisions.review == (2,)


def test_no_rate_accepts_certainty_only_and_a_full_one_everything():
    some = [posterior(1.0, 0.0), posterior(0.9, 0.1), posterior(0.1, 0.9)]
    assert decide(some, 0).accepted.tolist() == [True, False, False]
    assert decide(some, 1).accepted.all()
    assert decide([], 0.1).review == ()
    with pytest.raises(ValueError, match="rate"):
        decide(some, 1.5)


def test_answers_that_tie_are_accepted_together_or_not_at_all():
    assert acceptance_threshold(np.array([1.0, 0.9, 0.9]), 0.06) == 1.0
    assert acceptance_threshold(np.array([1.0, 0.9, 0.9]), 0.07) == 0.9
    assert acceptance_threshold(np.array([0.5]), 0.1) == math.inf


def test_first_is_asked_what_is_least_known():
    some = [posterior(0.98, 0.01, 0.01), posterior(0.4, 0.3, 0.3), posterior(0.6, 0.4, 0.0)]
    assert review_order(some, [0, 1, 2]) == [1, 2, 0]
    assert settled(some[1]) > settled(some[0])
    assert settled(posterior(1.0, 0.0)) == 0


def test_who_was_compared_with_a_part_only_is_not_new_and_makes_no_other_surer():
    pile = [posterior(1.0), posterior(0.1, 0.9), posterior(0.95, 0.05)]  # the first was compared with nobody
    assert decide(pile, 0.06).accepted.tolist() == [True, True, True]
    found = decide(pile, 0.06, np.array([True, False, True]))
    assert found.accepted.tolist() == [False, False, True]
    assert found.new_above == math.inf
    assert 0 in found.review
