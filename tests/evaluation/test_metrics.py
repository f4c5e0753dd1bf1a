from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap
from sklearn.metrics import average_precision_score, top_k_accuracy_score
from torchmetrics.retrieval import RetrievalHitRate, RetrievalMAP

from hanzaki.evaluation.metrics import bootstrap_interval, ranking_metrics

KS = (1, 2, 5)
small = st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=6)


@given(small)
@settings(max_examples=150, deadline=None)
def test_ties_are_the_mean_over_all_orders(items: list[tuple[int, bool]]):
    scores = np.array([score for score, _ in items], float)
    relevant = np.array([true for _, true in items])
    assume(relevant.any())
    values = []
    for order in permutations(range(len(items))):
        ranked = relevant[sorted(order, key=lambda item: -scores[item])]
        precision = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
        hits = [ranked[:k].any() for k in KS]
        values.append([*hits, precision[ranked].mean()])
    np.testing.assert_allclose(ranking_metrics(scores, relevant, KS), np.mean(values, axis=0), atol=1e-12)


@given(st.integers(2, 60), st.integers(0, 999))
@settings(deadline=None)
def test_without_ties_average_precision_is_scikit_learns(count: int, seed: int):
    rng = np.random.default_rng(seed)
    scores, relevant = rng.permutation(count).astype(float), rng.random(count) < 0.3
    assume(relevant.any())
    expected = average_precision_score(relevant, scores)
    assert ranking_metrics(scores, relevant, (1,))[-1] == pytest.approx(expected)


def test_over_many_queries_they_are_torchmetrics():
    rng = np.random.default_rng(5)
    scores = 1.0 + np.stack([rng.permutation(30) for _ in range(40)])  # torchmetrics takes 0 for no match
    relevant = rng.random(scores.shape) < 0.1
    relevant[:, 0] = True
    ours = np.mean([ranking_metrics(*query, KS) for query in zip(scores, relevant, strict=True)], axis=0)
    numbers = torch.arange(40).repeat_interleave(30)
    given = torch.tensor(scores.ravel()), torch.tensor(relevant.ravel())
    hits = [float(RetrievalHitRate(top_k=k)(*given, indexes=numbers)) for k in KS]
    expected = [*hits, float(RetrievalMAP()(*given, indexes=numbers))]
    np.testing.assert_allclose(ours, expected, atol=1e-6)


@pytest.mark.parametrize("k", [1, 3])
def test_closed_set_top_k_of_a_classifier_is_scikit_learns(k: int):
    rng = np.random.default_rng(k)
    scores, truth = rng.random((50, 6)), rng.integers(0, 6, 50)
    ours = [ranking_metrics(row, np.arange(6) == label, (k,))[0] for row, label in zip(scores, truth, strict=True)]
    assert np.mean(ours) == pytest.approx(top_k_accuracy_score(truth, scores, k=k, labels=range(6)))


def test_what_is_not_in_the_contest_counts_for_nothing():
    scores = np.array([-np.inf, 0.9, 0.5, -np.inf])
    relevant = np.array([True, False, True, False])
    np.testing.assert_allclose(ranking_metrics(scores, relevant, (1, 2)), [0, 1, 0.5])


def test_a_query_without_a_true_match_in_the_contest_is_an_error():
    with pytest.raises(ValueError, match="no true match"):
        ranking_metrics(np.array([-np.inf, 1.0]), np.array([True, False]), (1,))


def test_the_interval_resamples_whole_individuals():
    # one animal with many equal photographs, nine with one each: by photograph it would be far too narrow
    values = np.array([[1.0]] * 90 + [[0.0]] * 9)
    groups = ["burst"] * 90 + list("abcdefghi")
    value, low, high = bootstrap_interval(values, groups)[0]
    assert value == pytest.approx(90 / 99)
    assert low == 0  # resamples without that animal exist: 0.9^10 = 35% of them
    assert high > 0.95


def test_with_one_query_an_individual_the_interval_is_scipys():
    values = np.random.default_rng(3).random((80, 1))
    ours = bootstrap_interval(values, list(range(80)), resamples=8000)[0]
    scipys = bootstrap((values[:, 0],), np.mean, method="percentile", n_resamples=8000, rng=1).confidence_interval
    assert ours[1:] == pytest.approx([scipys.low, scipys.high], abs=0.01)


def test_the_interval_is_the_same_every_time():
    values = np.random.default_rng(0).random((20, 2))
    groups = [number % 6 for number in range(20)]
    np.testing.assert_array_equal(bootstrap_interval(values, groups), bootstrap_interval(values, groups))


def test_no_queries_have_no_value():
    assert np.isnan(bootstrap_interval(np.empty((0, 2)), [])).all()
