from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, homogeneity_completeness_v_measure
from sklearn.metrics.cluster import pair_confusion_matrix

from hanzaki.evaluation.clusters import MEASURES, judge_clusters
from hanzaki.evaluation.resampling import Resampling

FEW = Resampling(resamples=50)
piles = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=20)


def measures(truth: list[int], found: list[int]) -> dict[str, float]:
    quality = judge_clusters(truth, found, FEW)
    return {name: interval.value for name, interval in quality.measures.items()}


@given(piles)
@settings(deadline=None)
def test_measures_are_scikit_learns(pile: list[tuple[int, int]]):
    truth, found = (list(column) for column in zip(*pile, strict=True))
    ours = measures(truth, found)
    assert ours["adjusted_rand"] == pytest.approx(adjusted_rand_score(truth, found))
    theirs = homogeneity_completeness_v_measure(truth, found)
    assert [ours[name] for name in ("homogeneity", "completeness", "v_measure")] == pytest.approx(theirs, abs=1e-9)
    (_, wrong), (missed, right) = pair_confusion_matrix(truth, found).tolist()
    expected = [right / of if (of := right + other) else np.nan for other in (wrong, missed)]
    assert [ours["pair_precision"], ours["pair_recall"]] == pytest.approx(expected, nan_ok=True)
    assert ours["count_error"] == pytest.approx(len(set(found)) / len(set(truth)) - 1)


@given(piles)
@settings(deadline=None)
def test_bcubed_is_what_going_through_the_items_gives(pile: list[tuple[int, int]]):
    precision, recall = [], []
    for animal, cluster in pile:
        with_it = [one for one, other in pile if other == cluster]
        of_it = [other for one, other in pile if one == animal]
        precision.append(with_it.count(animal) / len(with_it))
        recall.append(of_it.count(cluster) / len(of_it))
    ours = measures(*(list(column) for column in zip(*pile, strict=True)))
    one, other = np.mean(precision), np.mean(recall)
    expected = [one, other, 2 * one * other / (one + other)]
    assert [ours[name] for name in ("bcubed_precision", "bcubed_recall", "bcubed_f1")] == pytest.approx(expected)


def test_a_perfect_pile_is_perfect_in_every_resample():
    quality = judge_clusters(["a", "a", "b", "b", "c"], [1, 1, 2, 2, 0], FEW)
    for name, interval in quality.measures.items():
        assert tuple(interval) == pytest.approx((0.0,) * 3 if name == "count_error" else (1.0,) * 3), name


def test_one_for_all_and_all_for_themselves():
    lumped = measures([0, 0, 1, 1], [0, 0, 0, 0])
    assert (lumped["completeness"], lumped["homogeneity"], lumped["pair_recall"]) == (1, 0, 1)
    assert (lumped["bcubed_precision"], lumped["count_error"]) == (0.5, -0.5)
    alone = measures([0, 0, 1, 1], [0, 1, 2, 3])
    assert (alone["homogeneity"], alone["pair_recall"], alone["count_error"]) == (pytest.approx(1), 0, 1)
    assert np.isnan(alone["pair_precision"])
    assert alone["adjusted_rand"] == pytest.approx(0)


def test_intervals_are_by_individual_and_hold_the_value():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 60, 300)
    found = np.where(rng.random(300) < 0.8, truth, rng.integers(0, 60, 300))
    quality = judge_clusters(truth.tolist(), found.tolist(), Resampling(resamples=300))
    assert (quality.items, quality.individuals, quality.clusters) == (300, 60, len(set(found.tolist())))
    assert tuple(quality.measures) == MEASURES
    for name, (value, low, high) in quality.measures.items():
        assert low < high, name
        assert low <= value <= high, name
    json.dumps(quality.as_json(), allow_nan=False)


def test_without_items_there_is_no_value_and_lengths_must_agree():
    empty = judge_clusters([], [], FEW)
    assert (empty.items, empty.individuals, empty.clusters) == (0, 0, 0)
    assert np.isnan([interval.value for interval in empty.measures.values()]).all()
    with pytest.raises(ValueError, match="1 items, but 2 clusters"):
        judge_clusters([1], [1, 2])
