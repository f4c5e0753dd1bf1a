from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve
from torchmetrics.functional.classification import binary_auroc

from hanzaki.evaluation.openset import (
    auroc,
    identification_rate,
    judge_open_set,
    open_set_curve,
    open_set_measures,
    ranks,
    threshold_at,
)
from hanzaki.evaluation.resampling import Resampling

FEW = Resampling(resamples=100)
queries = st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["right", "wrong", "unknown"])), min_size=1)


def columns(rows: list[tuple[int, str]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    scores, kinds = np.array([score for score, _ in rows], float), np.array([kind for _, kind in rows])
    return scores, kinds != "unknown", kinds == "right"


def simulated(seed: int = 0, size: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[int]]:
    rng = np.random.default_rng(seed)
    individuals = rng.integers(0, 30, size)
    known = individuals < 20
    right = known & (rng.random(size) < 0.8)
    return rng.normal(2.0 * right, 1), known, right, individuals.tolist()


@given(queries)
@settings(deadline=None)
def test_auroc_is_the_share_of_pairs_in_order(rows: list[tuple[int, str]]):
    scores, known, _ = columns(rows)
    pairs = [(a > b) + 0.5 * (a == b) for a, b in product(scores[known], scores[~known])]
    if pairs:
        assert auroc(scores, known) == pytest.approx(np.mean(pairs))
    else:
        assert np.isnan(auroc(scores, known))


def test_auroc_and_roc_curve_are_scikit_learns_and_torchmetrics():
    scores, known, right, _ = simulated()
    scores = scores.round(1)  # ties
    assert auroc(scores, known) == pytest.approx(roc_auc_score(known, scores))
    theirs = float(binary_auroc(torch.tensor(scores).sigmoid(), torch.tensor(known).int()))
    assert auroc(scores, known) == pytest.approx(theirs, abs=1e-6)
    curve = open_set_curve(scores, known, right)
    passed, detected, _ = roc_curve(known, scores, drop_intermediate=False)
    np.testing.assert_allclose(curve.passed, passed)
    np.testing.assert_allclose(curve.detected, detected)


@given(queries, st.sampled_from([0, 0.01, 0.1, 0.25, 0.5, 1]))
@settings(deadline=None)
def test_identification_is_the_best_of_all_thresholds_that_let_few_enough_pass(
    rows: list[tuple[int, str]], rate: float
):
    scores, known, right = columns(rows)
    ours = identification_rate(scores, known, right, threshold_at(scores[~known], rate))
    if known.all() or not known.any():
        assert np.isnan(ours)
        return
    allowed = [level for level in (*scores, -np.inf) if np.mean(scores[~known] > level) <= rate]
    best = max(np.sum(right & (scores > level)) / known.sum() for level in allowed)
    assert ours == pytest.approx(best)


@given(queries)
@settings(max_examples=50, deadline=None)
def test_the_curve_is_what_each_threshold_gives(rows: list[tuple[int, str]]):
    scores, known, right = columns(rows)
    curve = open_set_curve(scores, known, right)
    assert (np.diff(curve.thresholds) < 0).all()
    for threshold, passed, detected, identified in zip(*vars(curve).values(), strict=True):
        above = scores > threshold
        if known.any():
            assert detected == pytest.approx(above[known].mean())
            assert identified == pytest.approx(above[right].sum() / known.sum())
        if not known.all():
            assert passed == pytest.approx(above[~known].mean())


def test_so_many_unknown_queries_may_pass_and_no_more():
    unknown = np.arange(100.0)
    assert threshold_at(unknown, 0.29) == 70  # 29 above; 0.29 * 100 is a hair less than 29
    assert threshold_at(unknown, 0.005) == 99  # fewer than one may pass: the highest of them
    assert threshold_at(unknown, 1) == -np.inf
    assert threshold_at(np.array([3.0, 3.0, 1.0]), 1 / 3) == 3  # who ties with the threshold does not pass


def test_of_new_strangers_one_in_m_and_one_more_passes_the_highest_of_m():
    rng = np.random.default_rng(8)
    scores = rng.random((20_000, 10))
    passed = [threshold_at(row[:9], 0.01) < row[9] for row in scores]
    assert np.mean(passed) == pytest.approx(1 / 10, abs=0.01)


def test_the_result_says_what_was_measured():
    scores, known, right, individuals = simulated()
    result = judge_open_set(scores, known, right, individuals, (0.05, 0.2), FEW)
    assert result.known + result.unknown == 200
    assert result.individuals == 30
    assert result.first.value == right.sum() / known.sum()
    one, other = result.points
    assert one.passed <= 0.05
    assert one.threshold > other.threshold
    assert one.identified.value < other.identified.value <= result.first.value
    for interval in (result.auroc, result.first, one.identified, other.identified):
        assert interval.low < interval.value < interval.high
    assert json.loads(json.dumps(result.as_json(), allow_nan=False))["points"][0]["rate"] == 0.05
    again = judge_open_set(scores, known, right, individuals, (0.05, 0.2), FEW)
    assert again.points == result.points


def test_a_query_without_a_candidate_never_passes():
    scores, known = np.array([-np.inf, 1.0, 0.5]), np.array([True, True, False])
    right = np.array([False, True, False])
    np.testing.assert_allclose(open_set_measures(scores, known, right, (1,)), [0.5, 0.5, 0.5])
    assert open_set_curve(scores, known, right).detected[-1] == 0.5


@pytest.mark.parametrize("known", [True, False])
def test_without_strangers_or_without_the_known_there_is_no_auroc(known: bool):
    result = judge_open_set(np.array([0.1, 0.9]), np.array([known] * 2), np.array([known] * 2), ["a", "b"])
    assert np.isnan(result.auroc).all()
    assert np.isnan([point.identified.value for point in result.points]).all()
    assert np.isnan(result.first.value) != known
    json.dumps(result.as_json(), allow_nan=False)


def test_without_queries_there_is_no_value():
    result = judge_open_set(np.empty(0), np.empty(0, bool), np.empty(0, bool), [])
    assert np.isnan([*result.auroc, *result.first]).all()


@given(queries)
@settings(max_examples=30, deadline=None)
def test_ranks_change_nothing(rows: list[tuple[int, str]]):
    scores, known, right = columns(rows)
    scores[0] = -np.inf
    right[0] = False
    np.testing.assert_allclose(
        open_set_measures(ranks(scores), known, right), open_set_measures(scores, known, right)
    )


@pytest.mark.parametrize(
    ("scores", "known", "right", "individuals", "rates", "text"),
    [
        ([np.nan], [True], [True], "a", (0.1,), "NaN"),
        ([np.inf], [True], [True], "a", (0.1,), "inf"),
        ([1.0], [False], [True], "a", (0.1,), "not in the gallery"),
        ([1.0], [True, True], [True], "a", (0.1,), "different lengths"),
        ([1.0], [True], [True], "ab", (0.1,), "1 queries, but 2 individuals"),
        ([1.0], [True], [True], "a", (5,), "fraction from 0 to 1, not 5"),
    ],
)
def test_what_cannot_be_judged_is_an_error(scores, known, right, individuals, rates, text):
    with pytest.raises(ValueError, match=text):
        judge_open_set(np.array(scores), np.array(known), np.array(right), individuals, rates, FEW)
