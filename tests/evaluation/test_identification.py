from __future__ import annotations

import json

import numpy as np
import pytest

from hanzaki.evaluation.identification import (
    cross_fitted,
    error_by_chance,
    folds_of_individuals,
    judge_identification,
)
from hanzaki.evaluation.resampling import Resampling
from hanzaki.matching.choice import NEW, Case, Fusion, Posterior

FEW = Resampling(resamples=50)


def planted(count: int, shift: float = 3.0) -> list[Case]:
    """Cases of 40 animals, half of them new ones; the right individual scores higher."""
    rng = np.random.default_rng(0)
    cases = []
    for number in range(count):
        truth = int(rng.integers(10)) if number % 2 else NEW
        scores = rng.normal(size=10) + shift * (np.arange(10) == truth)
        cases.append(Case({"look": scores}, truth, f"animal {number % 40}"))
    return cases


def judged(cases: list[Case], posteriors: list[Posterior]):
    return judge_identification(
        posteriors, [case.truth for case in cases], [case.individual for case in cases], resampling=FEW
    )


def test_figures_worked_by_hand():
    posteriors = [
        Posterior(np.array([0.8, 0.1]), 0.1),
        Posterior(np.array([0.2, 0.1]), 0.7),
        Posterior(np.array([0.3, 0.6]), 0.1),
        Posterior(np.array([0.1, 0.1]), 0.8),
    ]
    found = judge_identification(posteriors, [0, 0, NEW, NEW], ["a", "b", "c", "d"], resampling=FEW)
    assert (found.known, found.new, found.individuals) == (2, 2, 4)
    assert found.first.value == 1.0
    assert found.right.value == 0.5
    assert found.auroc.value == 0.625  # one tie of four pairs, and one lost
    assert found.correct[0.01].value == 0.5
    json.dumps(found.as_json(), allow_nan=False)


def test_a_fusion_of_other_animals_is_calibrated():
    cases = planted(1200)
    found = judged(cases, cross_fitted(cases))
    assert found.first.value > 0.8
    assert found.auroc.value > 0.8
    assert found.calibration.measures["ece"].value < 2 * found.error_by_chance
    assert 0.005 < found.error_by_chance < 0.04


def test_the_error_that_chance_alone_makes_shrinks_with_the_cases():
    confidence = np.random.default_rng(0).random(8000)
    few, many = error_by_chance(confidence[:200]), error_by_chance(confidence)
    assert few > 4 * many > 0
    assert error_by_chance(np.ones(10)) == 0


def test_no_animal_is_judged_by_what_was_fitted_to_it():
    cases = planted(80)
    seen: list[set[object]] = []

    def fit(some):
        seen.append({case.individual for case in some})
        return Fusion.fit(some)

    cross_fitted(cases, fit, folds=4)
    everybody = {case.individual for case in cases}
    left_out = [everybody - some for some in seen]
    assert set.union(*left_out) == everybody
    assert sum(map(len, left_out)) == len(everybody)


def test_no_day_is_judged_by_what_was_fitted_to_it():
    cases = planted(160)
    days = [number // 80 for number in range(160)]  # every animal on both
    day_of = {id(case): day for case, day in zip(cases, days, strict=True)}
    seen: list[set[int]] = []

    def fit(some):
        seen.append({day_of[id(case)] for case in some})
        return Fusion.fit(some)

    posteriors = cross_fitted(cases, fit, folds=4, periods=days)
    assert len(posteriors) == 160
    assert seen == [{1}, {0}] * 4


def test_folds_hold_animals_together_and_are_of_about_equal_size():
    individuals = [f"animal {number % 13}" for number in range(100)]
    part = folds_of_individuals(individuals, 5)
    assert all(len({part[row] for row in range(100) if individuals[row] == name}) == 1 for name in individuals)
    sizes = np.bincount([part[individuals.index(name)] for name in set(individuals)])
    assert sizes.tolist() == [3, 3, 3, 2, 2]
    with pytest.raises(ValueError, match="cannot be cut"):
        folds_of_individuals(["a", "b"], 3)


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="truths"):
        judge_identification([], [1], ["a"])
