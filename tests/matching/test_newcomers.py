from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki.matching.choice import NEW, Fusion, Posterior, Weighed
from hanzaki.matching.decision import decide
from hanzaki.matching.likelihood import ScoreLikelihood
from hanzaki.matching.newcomers import settle, widened
from hanzaki.matching.odds import PairOdds

PRIOR = 0.4
BIAS = 0.3
OFFSET = math.log((1 - PRIOR) / PRIOR) - BIAS


def posterior(*shares: float) -> Posterior:
    """The last share is somebody new's."""
    return Posterior(np.array(shares[:-1]), shares[-1])


def odds(items: int, pairs: dict[tuple[int, int], float], absent: float = -9.0) -> PairOdds:
    first, second = zip(*pairs, strict=True) if pairs else ((), ())
    return PairOdds.listed(items, first, second, list(pairs.values()), absent)


def settled(posteriors, pairs, rate=0.05, absent=-9.0):
    return settle(posteriors, odds(len(posteriors), pairs, absent), rate, 0.5)


@settings(deadline=None)
@given(st.lists(st.floats(-4, 4), max_size=4), st.lists(st.floats(-4, 4), min_size=1, max_size=4))
def test_widening_gives_what_the_fusion_would_have_given_with_all_in_scope(known: list[float], more: list[float]):
    likelihood = ScoreLikelihood.fit(
        np.array([0.0, 1.0, 2.0, 3.0]), np.array([False, False, True, True]), np.ones(4)
    )
    fusion = Fusion({"marks": Weighed(1.0, likelihood)}, BIAS)
    scores = {"marks": np.array(known + more)}
    whole = fusion.posterior(scores, PRIOR)
    part = fusion.posterior({"marks": np.array(known)}, PRIOR)
    wider = widened(part, fusion.ratios(scores)["marks"][len(known) :], OFFSET)
    assert wider.new == pytest.approx(whole.new)
    np.testing.assert_allclose(wider.known, whole.known, atol=1e-12)


def test_two_meetings_with_one_new_animal_become_one_individual():
    found = settled([posterior(0.001, 0.999), posterior(0.002, 0.998), posterior(0.003, 0.997)], {(0, 1): 9.0})
    assert found.decisions.accepted.all()
    assert [found.newcomer(place) for place in range(3)] == [0, 0, 2]


def test_whom_the_catalogue_knows_is_no_newcomer():
    found = settled([posterior(0.999, 0.001), posterior(0.001, 0.999)], {(0, 1): -5.0})
    assert [found.newcomer(place) for place in range(2)] == [None, 1]
    assert found.decisions.accepted.all()


def test_one_who_may_be_the_newcomer_or_another_is_for_a_person_to_decide():
    found = settled([posterior(0.0, 1.0), posterior(0.001, 0.999)], {(0, 1): 0.5})
    assert found.decisions.accepted.tolist() == [True, False]
    assert found.decisions.review == (1,)


def test_an_encounter_without_a_sure_answer_may_be_the_newcomer():
    found = settled([posterior(0.0, 1.0), posterior(0.4, 0.6)], {(0, 1): 9.0})
    assert found.newcomer(1) == 0
    assert found.decisions.accepted.all()


def test_nobody_and_wrong_numbers():
    assert settled([], {}).decisions.review == ()
    with pytest.raises(ValueError, match="2 encounters"):
        settle([posterior(1.0), posterior(1.0)], odds(3, {}), 0.1, 0.5)


piles = st.integers(2, 7).flatmap(
    lambda count: st.tuples(
        st.lists(st.lists(st.floats(0.001, 1), min_size=3, max_size=3), min_size=count, max_size=count),
        st.lists(st.floats(-12, 12), min_size=count * count, max_size=count * count),
        st.sampled_from([0.01, 0.1, 0.5]),
    )
)


@settings(deadline=None)
@given(piles)
def test_what_is_accepted_stands_on_what_is_accepted_and_keeps_to_the_rate(pile):
    rows, values, rate = pile
    count = len(rows)
    posteriors = [posterior(*(np.array(row) ** 8 / (np.array(row) ** 8).sum())) for row in rows]
    found = settle(posteriors, PairOdds.of_matrix(np.reshape(values, (count, count))), rate, 0.5)
    accepted = found.decisions.accepted
    assert sorted([*found.decisions.review, *np.flatnonzero(accepted)]) == list(range(count))
    for place, each in enumerate(found.posteriors):
        assert each.known.sum() + each.new == pytest.approx(1)
        start = found.newcomer(place)
        if accepted[place] and start is not None:
            assert accepted[start]
            assert found.posteriors[start].answer == NEW
    again = decide(found.posteriors, rate)
    assert (accepted <= again.accepted).all()
