from __future__ import annotations

import json
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import permutation_test
from sklearn.metrics import cohen_kappa_score, f1_score

from hanzaki.evaluation.comparison import (
    bootstrap_p,
    compare_answers,
    compare_calibrations,
    compare_labels,
    compare_means,
    compare_open_sets,
    mcnemar,
    permutation_p,
)
from hanzaki.evaluation.metrics import bootstrap_interval
from hanzaki.evaluation.resampling import Resampling

FEW = Resampling(resamples=200)


def hits(seed: int = 0, animals: int = 25, better: float = 0.0) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Right or wrong of two models; of an animal's photographs each model gets nearly all or nearly none."""
    rng = np.random.default_rng(seed)
    individuals = np.repeat(np.arange(animals), rng.integers(1, 9, animals))
    ease = np.stack([rng.beta(0.3, 0.3, animals), rng.beta(0.3 + better, 0.3, animals)])
    first, second = rng.random((2, len(individuals))) < ease[:, individuals]
    return first[:, None].astype(float), second[:, None].astype(float), individuals.tolist()


@pytest.mark.parametrize("seed", range(4))
def test_with_few_animals_the_permutation_test_is_exact_and_scipys(seed: int):
    first, second, individuals = hits(seed, animals=7, better=1)
    ours = compare_means(first, second, individuals, ["top1"], FEW)["top1"]
    sums = [np.bincount(individuals, values[:, 0]) for values in (first, second)]
    theirs = permutation_test(
        sums, lambda a, b, axis: (a - b).sum(axis=axis), permutation_type="samples", vectorized=True
    )
    assert ours.p_permutation == pytest.approx(theirs.pvalue)
    assert ours.difference.value == pytest.approx(theirs.statistic / len(individuals))


def test_with_many_animals_it_is_scipys_but_for_chance():
    first, second, individuals = hits(3, animals=40, better=0.15)
    ours = compare_means(first, second, individuals, ["top1"], Resampling(resamples=20_000))["top1"]
    sums = [np.bincount(individuals, values[:, 0]) for values in (first, second)]
    theirs = permutation_test(
        sums, lambda a, b, axis: (a - b).sum(axis=axis), permutation_type="samples", vectorized=True
    )
    assert 0.01 < theirs.pvalue < 0.9
    assert ours.p_permutation == pytest.approx(theirs.pvalue, abs=0.02)


def test_the_interval_of_a_difference_of_means_is_that_of_the_mean_difference():
    first, second, individuals = hits(better=0.5)
    ours = compare_means(first, second, individuals, ["top1"])["top1"]
    np.testing.assert_allclose(ours.difference, bootstrap_interval(first - second, individuals)[0], atol=1e-12)
    assert ours.first - ours.second == pytest.approx(ours.difference.value)


def test_the_fast_and_the_slow_path_agree():
    first, second, individuals = hits(better=0.5)
    fast = compare_means(first, second, individuals, ["top1"], FEW)["top1"]
    slow = compare_answers(first, second, lambda _, answers: answers.mean(axis=0), individuals, ["top1"], FEW)[
        "top1"
    ]
    assert slow.difference == pytest.approx(fast.difference)
    assert (slow.p_bootstrap, slow.p_permutation) == (fast.p_bootstrap, fast.p_permutation)


@given(st.integers(0, 999))
@settings(max_examples=15, deadline=None)
def test_the_other_way_round_it_is_the_same_with_another_sign(seed: int):
    first, second, individuals = hits(seed, animals=9)
    one = compare_means(first, second, individuals, ["top1"], FEW)["top1"]
    other = compare_means(second, first, individuals, ["top1"], FEW)["top1"]
    assert (one.difference.value, one.difference.low) == pytest.approx(
        (-other.difference.value, -other.difference.high)
    )
    assert (one.p_bootstrap, one.p_permutation) == (other.p_bootstrap, other.p_permutation)


def test_models_that_do_not_differ_are_found_to_differ_one_time_in_twenty_by_individual_only():
    by_individual, by_photograph, simulations = 0, 0, 200
    for seed in range(simulations):
        first, second, individuals = hits(seed)
        by_individual += compare_means(first, second, individuals, ["x"], FEW)["x"].p_permutation <= 0.05
        by_photograph += mcnemar(first[:, 0] > 0, second[:, 0] > 0).p <= 0.05
    assert 0.01 <= by_individual / simulations <= 0.09
    assert by_photograph / simulations > 0.15


def test_a_better_model_is_found_to_be_better():
    first, second, individuals = hits(better=5)
    result = compare_means(first, second, individuals, ["top1"])["top1"]
    assert result.difference.high < 0
    assert max(result.p_bootstrap, result.p_permutation) < 0.01


def test_a_model_does_not_differ_from_itself():
    first, _, individuals = hits()
    result = compare_means(first, first, individuals, ["top1"], FEW)["top1"]
    assert result.difference == (0, 0, 0)
    assert (result.p_bootstrap, result.p_permutation) == (1, 1)


def test_labels_are_compared_by_all_their_measures():
    rng = np.random.default_rng(6)
    individuals = np.repeat(np.arange(20), 6)
    truth = np.where(individuals < 8, "native", "hybrid")
    first, second = (np.where(rng.random(120) < share, truth, "native") for share in (0.9, 0.5))
    columns = truth.tolist(), first.tolist(), second.tolist(), ("native", "hybrid"), individuals.tolist()
    result = compare_labels(*columns, FEW)
    assert list(result) == ["accuracy", "kappa", "macro_f1", "weighted_f1"]
    assert result["kappa"].first == pytest.approx(cohen_kappa_score(truth, first))
    assert result["macro_f1"].second == pytest.approx(f1_score(truth, second, average="macro"))
    assert all(comparison.difference.low > 0 for comparison in result.values())
    assert all(comparison.p_permutation < 0.02 for comparison in result.values())
    json.dumps([comparison.as_json() for comparison in result.values()], allow_nan=False)


def _open_set(seed: int, size: int = 150) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[int]]:
    rng = np.random.default_rng(seed)
    individuals = np.arange(size) % 30
    known = individuals < 20
    right = known & (rng.random(size) < 0.8)
    return known, right, rng.normal(right * 1.0, 1), individuals.tolist()


def test_open_sets_are_compared_whatever_the_scale_of_the_scores():
    known, right, scores, individuals = _open_set(0)
    better = scores + 3 * right
    one = compare_open_sets(known, (scores, right), (better, right), individuals, (0.1,), FEW)
    other = compare_open_sets(known, (scores, right), (np.exp(better) * 100, right), individuals, (0.1,), FEW)
    assert one == other
    assert list(one) == ["auroc", "first", "dir@0.1"]
    assert one["auroc"].difference.high < 0
    assert one["auroc"].p_permutation < 0.02
    assert one["first"].difference == (0, 0, 0)


def test_calibrations_are_compared():
    rng = np.random.default_rng(2)
    probability = rng.uniform(0.02, 0.98, 200)
    truth, individuals = rng.random(200) < probability, (np.arange(200) % 40).tolist()
    result = compare_calibrations(truth, probability, probability**4, individuals, 10, FEW)
    assert list(result) == ["ece", "ece_mass", "brier", "log_loss"]
    assert all(comparison.difference.high < 0 for comparison in result.values())
    assert all(comparison.p_permutation < 0.02 for comparison in result.values())


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30))
@settings(deadline=None)
def test_mcnemar_is_the_sum_over_the_binomial(pairs: list[tuple[bool, bool]]):
    first, second = np.array(pairs, bool).reshape(-1, 2).T
    result = mcnemar(first, second)
    n = result.only_first + result.only_second
    tail = sum(comb(n, k) for k in range(min(result.only_first, result.only_second) + 1)) / 2**n
    assert n == sum(a != b for a, b in pairs)
    assert result.p == pytest.approx(min(1, 2 * tail))


def test_p_counts_what_is_as_far_out_and_is_never_nothing():
    assert bootstrap_p(np.full(99, 0.3)) == 0.02
    assert bootstrap_p(np.array([-1.0, 1.0, np.nan])) == 1
    assert np.isnan(bootstrap_p(np.array([np.nan])))
    assert permutation_p(2.0, np.array([1.0, -2.0, 0.0]), exact=False) == 0.5
    assert permutation_p(2.0, np.array([2.0, -2.0, 0.0, 0.0]), exact=True) == 0.5
    assert np.isnan(permutation_p(np.nan, np.zeros(3), exact=True))


def test_without_queries_there_is_no_difference():
    result = compare_means(np.empty((0, 1)), np.empty((0, 1)), [], ["top1"], FEW)["top1"]
    assert result.individuals == 0
    assert np.isnan([*result.difference, result.p_bootstrap, result.p_permutation]).all()
    assert result.as_json()["p_permutation"] is None


def test_two_models_are_compared_on_the_same_queries():
    with pytest.raises(ValueError, match=r"same queries.*\(2, 1\) and \(3, 1\)"):
        compare_means(np.zeros((2, 1)), np.zeros((3, 1)), [1, 2], ["top1"])
    with pytest.raises(ValueError, match="2 answers of one classifier, 1 of the other"):
        mcnemar(np.ones(2, bool), np.ones(1, bool))
