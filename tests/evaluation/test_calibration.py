from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss
from torchmetrics.functional.classification import binary_calibration_error, multiclass_calibration_error

from hanzaki.evaluation.calibration import (
    bin_edges,
    calibration_error,
    judge_calibration,
    log_losses,
    reliability,
    squared_errors,
    top_label,
)
from hanzaki.evaluation.resampling import Resampling

FEW = Resampling(resamples=100)
answers = st.lists(st.tuples(st.integers(0, 12).map(lambda n: n / 12), st.booleans()), min_size=1, max_size=30)


def event(size: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    probability = rng.random(size)
    return probability, rng.random(size) < probability**2


def classes(size: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.full(4, 0.5), size), rng.integers(0, 4, size)


@given(answers, st.integers(1, 12), st.sampled_from(["width", "mass"]))
@settings(deadline=None)
def test_the_error_is_what_going_through_the_bins_gives(rows: list[tuple[float, bool]], bins: int, binning):
    confidence, right = np.array([p for p, _ in rows]), np.array([true for _, true in rows])
    edges = bin_edges(confidence, bins, binning)
    total, seen = 0.0, 0
    for number, (low, high) in enumerate(pairwise(edges)):
        inside = (confidence > low) & (confidence <= high) | ((confidence == low) & (number == 0))
        if inside.any():
            total += inside.sum() / len(rows) * abs(right[inside].mean() - confidence[inside].mean())
            seen += inside.sum()
    assert seen == len(rows)
    assert calibration_error(confidence, right, bins, binning) == pytest.approx(total)


@pytest.mark.parametrize("bins", [5, 15])
def test_the_error_is_torchmetrics(bins: int):
    probability, truth = event(300)
    theirs = binary_calibration_error(torch.tensor(probability), torch.tensor(truth).int(), bins)
    assert calibration_error(probability, truth, bins) == pytest.approx(float(theirs), abs=1e-6)
    table, label = classes(300)
    theirs = multiclass_calibration_error(torch.tensor(table), torch.tensor(label), 4, bins)
    assert calibration_error(*top_label(table, label), bins) == pytest.approx(float(theirs), abs=1e-6)


@pytest.mark.parametrize(("binning", "strategy"), [("width", "uniform"), ("mass", "quantile")])
def test_the_diagram_is_scikit_learns(binning, strategy: str):
    probability, truth = event(101)
    diagram = reliability(probability, truth, 10, binning)
    accuracy, confidence = calibration_curve(truth, probability, n_bins=10, strategy=strategy)
    np.testing.assert_allclose(diagram.accuracy, accuracy)
    np.testing.assert_allclose(diagram.confidence, confidence)
    assert diagram.count.sum() == 101
    gap = np.abs(diagram.accuracy - diagram.confidence)
    assert calibration_error(probability, truth, 10, binning) == pytest.approx((diagram.count * gap).sum() / 101)


def test_bars_are_wilsons():
    diagram = reliability(np.full(20, 0.7), np.arange(20) < 13, 10, level=0.9)
    share, n, z = 13 / 20, 20, norm.ppf(0.95)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    assert [*diagram.low, *diagram.high] == pytest.approx([middle - half, middle + half])
    np.testing.assert_allclose(diagram.edges, [[0.6, 0.7]])


def test_brier_score_and_log_loss_are_scikit_learns():
    probability, truth = event(200)
    assert squared_errors(probability, truth).mean() == pytest.approx(brier_score_loss(truth, probability))
    assert log_losses(probability, truth).mean() == pytest.approx(log_loss(truth, probability))
    table, label = classes(200)
    assert log_losses(table, label).mean() == pytest.approx(log_loss(label, table))
    expected = np.mean(((table - np.eye(4)[label]) ** 2).sum(axis=1))
    assert squared_errors(table, label).mean() == pytest.approx(expected)


def test_two_classes_are_an_event():
    probability, truth = event(50)
    table = np.stack([1 - probability, probability], axis=1)
    np.testing.assert_allclose(squared_errors(table, truth.astype(int)), 2 * squared_errors(probability, truth))
    np.testing.assert_allclose(log_losses(table, truth.astype(int)), log_losses(probability, truth))


def test_what_was_called_impossible_and_happened_costs_much_but_not_all():
    assert log_losses(np.array([0.0, 1.0]), np.array([True, True])) == pytest.approx([36.04, 0], abs=0.01)


@pytest.mark.parametrize("make", [event, classes])
def test_the_result_says_what_was_measured(make):
    probabilities, truth = make(150)
    result = judge_calibration(probabilities, truth, [number % 25 for number in range(150)], 10, FEW)
    assert (result.queries, result.individuals) == (150, 25)
    assert list(result.measures) == ["ece", "ece_mass", "brier", "log_loss"]
    confidence, right = top_label(probabilities, truth)
    assert result.measures["ece_mass"].value == calibration_error(confidence, right, 10, "mass")
    for name in ("brier", "log_loss"):
        value, low, high = result.measures[name]
        assert low < value < high
    assert result.reliability.count.sum() == 150
    json.dumps(result.as_json(), allow_nan=False)


@pytest.mark.parametrize("probabilities", [np.empty(0), np.empty((0, 3))])
def test_without_queries_there_is_no_value(probabilities: np.ndarray):
    result = judge_calibration(probabilities, np.empty(0, int), [], 10, FEW)
    assert np.isnan(list(result.measures.values())).all()
    assert len(result.reliability.count) == 0


def test_where_all_are_as_sure_one_bin_holds_them():
    confidence, right = np.full(8, 0.5), np.arange(8) < 6
    assert calibration_error(confidence, right, 5, "mass") == calibration_error(confidence, right, 5) == 0.25
    assert reliability(confidence, right, 5, "mass").count.tolist() == [8]


@pytest.mark.parametrize(
    ("probabilities", "truth", "text"),
    [
        ([0.5, 1.2], [0, 1], "not from 0 to 1"),
        ([0.5, np.nan], [0, 1], "not from 0 to 1"),
        ([0.5], [0, 1], "1 probabilities, but 2 truths"),
        ([[0.5, 0.2]], [0], "do not sum to one"),
        ([[0.5, 0.5]], [2], "not one of the 2 columns"),
    ],
)
def test_what_is_no_probability_is_an_error(probabilities, truth, text: str):
    with pytest.raises(ValueError, match=text):
        judge_calibration(np.array(probabilities), np.array(truth), list(range(len(probabilities))))


def test_there_must_be_a_bin_and_an_individual_for_each():
    with pytest.raises(ValueError, match="at least one bin, not 0"):
        calibration_error(np.array([0.5]), np.array([True]), 0)
    with pytest.raises(ValueError, match="1 queries, but 2 individuals"):
        judge_calibration(np.array([0.5]), np.array([True]), ["a", "b"])
