from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad

from hanzaki.matching.choice import NEW, Case, Fusion, StackedCases, Weighed
from hanzaki.matching.likelihood import ScoreLikelihood

TWO = Fusion(
    {
        "look": Weighed(0.8, ScoreLikelihood(-2.0, 1.0, (0.5, 0.0))),
        "marks": Weighed(1.2, ScoreLikelihood(-1.0, 0.5, (0.0, 1.0))),
    },
    bias=0.3,
)
SCORES = st.lists(st.one_of(st.floats(-5, 12), st.just(np.nan)), min_size=1, max_size=20).map(np.array)


def planted(
    count: int, seed: int = 0, individuals: int = 12, shifts: tuple[float, float] = (2.5, 1.5)
) -> list[Case]:
    """Cases whose scores are standard normal, and higher for the right animal; half of the animals are new."""
    rng = np.random.default_rng(seed)
    cases = []
    for number in range(count):
        truth = int(rng.integers(individuals)) if number % 2 else NEW
        scores = {name: rng.normal(size=individuals) for name in ("look", "marks")}
        if truth != NEW:
            for name, shift in zip(scores, shifts, strict=True):
                scores[name][truth] += shift
        cases.append(Case(scores, truth, f"animal {number % 40}"))
    return cases


@given(SCORES, st.floats(0.01, 0.99))
def test_probabilities_sum_to_one(scores: np.ndarray, prior: float):
    posterior = TWO.posterior({"look": scores, "marks": scores[::-1]}, prior)
    np.testing.assert_allclose(posterior.known.sum() + posterior.new, 1)
    assert min(posterior.new, *posterior.known) >= 0


@given(
    SCORES.filter(lambda scores: not np.isnan(scores[0])), st.floats(0.01, 5), st.sampled_from(["look", "marks"])
)
def test_more_of_any_evidence_never_makes_less_probable(scores: np.ndarray, more: float, name: str):
    both = {"look": scores, "marks": scores}
    better = dict(both, **{name: scores + more * (np.arange(len(scores)) == 0)})
    before, after = TWO.posterior(both), TWO.posterior(better)
    assert after.known[0] >= before.known[0] - 1e-12
    assert after.new <= before.new + 1e-12


@given(SCORES, st.randoms(use_true_random=False))
def test_the_order_of_individuals_does_not_matter(scores: np.ndarray, random):
    order = list(range(len(scores)))
    random.shuffle(order)
    straight, shuffled = TWO.posterior({"look": scores}), TWO.posterior({"look": scores[order]})
    np.testing.assert_allclose(shuffled.known, straight.known[order], atol=1e-12)
    np.testing.assert_allclose(shuffled.new, straight.new, atol=1e-12)


@given(SCORES)
def test_missing_evidence_is_no_evidence(scores: np.ndarray):
    alone = TWO.posterior({"look": scores})
    beside = TWO.posterior({"look": scores, "marks": np.full(len(scores), np.nan)})
    np.testing.assert_allclose(beside.known, alone.known)
    nothing = TWO.posterior({"look": np.full(4, np.nan)}, prior_new=0.2)
    assert nothing.new == pytest.approx(0.2 * np.exp(0.3) / (0.2 * np.exp(0.3) + 0.8))


def test_a_useless_individual_changes_little():
    scores = np.array([4.0, 0.0, -0.5, 0.2] * 10)
    fewer, more = TWO.posterior({"look": scores}), TWO.posterior({"look": np.append(scores, -2.0)})
    np.testing.assert_allclose(more.known[:-1], fewer.known, rtol=0.05)
    assert more.known[-1] < 0.01
    assert more.new == pytest.approx(fewer.new, rel=0.05)


def test_nobody_in_scope_is_somebody_new():
    for scores in ({}, {"look": np.empty(0)}):
        posterior = TWO.posterior(scores)
        assert (posterior.new, posterior.answer, posterior.best, posterior.entropy) == (1.0, NEW, NEW, 0)


def test_evidence_without_a_calibration_is_refused_unless_its_kind_has_one():
    with pytest.raises(ValueError, match="calibrate"):
        TWO.posterior({"other": np.zeros(3)})
    known = TWO.posterior({"other": np.zeros(3)}, kinds={"other": "look"})
    np.testing.assert_allclose(known.known, TWO.posterior({"look": np.zeros(3)}).known)


def test_lengths_and_priors_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="numbers of individuals"):
        TWO.posterior({"look": np.zeros(3), "marks": np.zeros(4)})
    with pytest.raises(ValueError, match="prior"):
        TWO.posterior({"look": np.zeros(3)}, prior_new=1.0)


def test_json_round_trip():
    again = Fusion.from_json(json.loads(json.dumps(TWO.as_json())))
    assert again == TWO
    with pytest.raises(ValueError, match="no fusion"):
        Fusion.from_json({"evidence": {"look": {}}})


@settings(max_examples=10)
@given(st.integers(0, 1000), st.floats(0.05, 0.95))
def test_the_gradient_is_that_of_the_loss(seed: int, prior: float):
    likelihoods = {name: weighed.likelihood for name, weighed in TWO.evidence.items()}
    stacked = StackedCases.of(planted(20, seed), likelihoods, prior)
    centre, point = np.array([1.0, 1.0, 0.0]), np.random.default_rng(seed).normal(size=3)
    error = check_grad(lambda x: stacked.loss(x, centre)[0], lambda x: stacked.loss(x, centre)[1], point)
    assert error < 1e-3


def test_a_fit_is_calibrated_on_others_and_better_than_either_part():
    learnt, judged = planted(1200), planted(1200, seed=1)
    fusion = Fusion.fit(learnt)
    right = {}
    for kept in (("look", "marks"), ("look",), ("marks",)):
        some = [Case({name: case.scores[name] for name in kept}, case.truth, case.individual) for case in judged]
        answers = [fusion.posterior(case.scores) for case in some]
        right[kept] = np.array([answer.answer == case.truth for answer, case in zip(answers, some, strict=True)])
        if len(kept) == 2:
            confidence = np.array([answer.confidence for answer in answers])
            assert abs(confidence.mean() - right[kept].mean()) < 0.04
            sure = confidence > 0.9
            assert abs(confidence[sure].mean() - right[kept][sure].mean()) < 0.04
    both, look, marks = (right[kept].mean() for kept in right)
    assert both > look > marks


def test_evidence_that_says_nothing_gets_no_say():
    fusion = Fusion.fit(planted(800, shifts=(3.0, 0.0)))
    scores = np.array([6.0] + [0.0] * 11)
    spoken = {name: np.ptp(ratio) for name, ratio in fusion.ratios({"look": scores, "marks": scores}).items()}
    assert spoken["marks"] < 0.15 * spoken["look"]


def test_few_cases_stay_near_the_start():
    few = Fusion.fit(planted(4), start=TWO)
    assert abs(few.evidence["look"].weight - 0.8) < 0.8
    look_alone = [Case({"look": case.scores["look"]}, case.truth, "a") for case in planted(8)]
    assert Fusion.fit(look_alone, start=TWO).evidence["marks"] == TWO.evidence["marks"]


def test_known_and_new_are_both_needed():
    with pytest.raises(ValueError, match="give both"):
        Fusion.fit([case for case in planted(20) if case.truth != NEW])
