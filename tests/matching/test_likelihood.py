from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import check_grad

from hanzaki.matching.likelihood import BENDS, ScoreLikelihood, basis, logistic_loss

SLOPES = st.floats(0, 5)
LIKELIHOODS = st.builds(ScoreLikelihood, st.floats(-5, 5), SLOPES, st.tuples(*[SLOPES] * len(BENDS)))


def scores_of_two(shift: float, count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Standard normal scores of strangers, and the same moved up for the same animal: the ratio is a line."""
    rng = np.random.default_rng(0)
    same = np.arange(count) % 4 == 0
    return rng.normal(size=count) + shift * same, same


def test_the_ratio_of_two_normal_distributions_is_found():
    scores, same = scores_of_two(2.0, 40_000)
    found = ScoreLikelihood.fit(scores, same, np.ones(len(scores)))
    asked = np.array([0.0, 1.0, 2.0])
    np.testing.assert_allclose(found(asked), 2 * asked - 2, atol=0.15)  # log N(x; 2, 1) / N(x; 0, 1)


def test_how_many_strangers_there_are_does_not_matter():
    scores, same = scores_of_two(1.5)
    fewer = same | (np.arange(len(same)) % 2 == 1)
    whole = ScoreLikelihood.fit(scores, same, np.ones(len(scores)))
    half = ScoreLikelihood.fit(scores[fewer], same[fewer], np.ones(int(fewer.sum())))
    np.testing.assert_allclose(half(np.array([0.0, 1.0])), whole(np.array([0.0, 1.0])), atol=0.2)


@given(LIKELIHOODS, st.lists(st.floats(-20, 20), min_size=2))
def test_a_ratio_never_falls(likelihood: ScoreLikelihood, scores: list[float]):
    assert (np.diff(likelihood(np.sort(scores))) >= -1e-9).all()


def test_no_score_is_no_evidence():
    assert ScoreLikelihood(-3.0, 1.0, (0.0, 0.0))(np.array([np.nan, 1.0])).tolist()[0] == 0


@given(LIKELIHOODS)
def test_json_round_trip(likelihood: ScoreLikelihood):
    assert ScoreLikelihood.from_json(json.loads(json.dumps(likelihood.as_json()))) == likelihood


def test_the_gradient_is_that_of_the_loss():
    scores, same = scores_of_two(1.0, 50)
    weights, features = np.random.default_rng(1).random(50), basis(scores)
    point = np.array([0.3, 0.7, 0.2, 0.1])
    error = check_grad(
        lambda x: logistic_loss(x, features, same, weights, point / 2, point)[0],
        lambda x: logistic_loss(x, features, same, weights, point / 2, point)[1],
        point,
    )
    assert error < 1e-4


def test_few_cases_are_not_believed_far():
    certain = ScoreLikelihood.fit(np.array([5.0, 0.0]), np.array([True, False]), np.ones(2))
    assert 0 < certain(np.array([5.0]))[0] < 5


@pytest.mark.parametrize("same", [[True, True], [False, False]])
def test_one_kind_alone_is_refused(same: list[bool]):
    with pytest.raises(ValueError, match="give both"):
        ScoreLikelihood.fit(np.zeros(2), np.array(same), np.ones(2))


def test_what_is_no_likelihood_is_refused():
    with pytest.raises(ValueError, match="never falls"):
        ScoreLikelihood(0, -1, (0, 0))
    with pytest.raises(ValueError, match="bends"):
        ScoreLikelihood(0, 1, (0,))
    with pytest.raises(ValueError, match="offset, slope and bends"):
        ScoreLikelihood.from_json({"offset": 1})
