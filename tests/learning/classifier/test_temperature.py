"""The temperature makes what is true likelier, and changes no label."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.special import softmax
from sklearn.metrics import log_loss as sklearn_log_loss

from hanzaki.learning.classifier.temperature import (
    HIGHEST,
    LOWEST,
    cautious_temperature,
    fitted_temperature,
    log_loss,
)

_GRID = np.geomspace(LOWEST, HIGHEST, 201)


@st.composite
def _told(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    count, labels = draw(st.integers(1, 30)), draw(st.integers(2, 5))
    logits = draw(arrays.arrays(np.float64, (count, labels), elements=st.floats(-30, 30)))
    return logits, draw(arrays.arrays(np.int64, count, elements=st.integers(0, labels - 1)))


@settings(deadline=None)
@given(_told())
def test_it_changes_no_label_and_is_never_worse_than_one(told):
    logits, truth = told
    temperature = fitted_temperature(logits, truth)
    assert LOWEST <= temperature <= HIGHEST
    assert log_loss(logits, truth, temperature) <= log_loss(logits, truth)
    scaled, plain = logits / temperature, logits
    best = np.arange(len(truth)), plain.argmax(axis=1)
    assert (scaled[best] == scaled.max(axis=1)).all()


@settings(deadline=None, max_examples=25)
@given(_told())
def test_it_is_the_best_of_a_grid(told):
    logits, truth = told
    best = min(log_loss(logits, truth, one) for one in _GRID)
    assert log_loss(logits, truth, fitted_temperature(logits, truth)) <= best + 1e-6


@pytest.mark.parametrize("true_temperature", [0.4, 1.0, 3.0])
def test_it_finds_the_temperature_that_labels_were_drawn_with(true_temperature):
    dice = np.random.default_rng(0)
    logits = dice.normal(0, 3, (20_000, 4))
    drawn = [dice.choice(4, p=row) for row in softmax(logits / true_temperature, axis=1)]
    assert fitted_temperature(logits, np.array(drawn)) == pytest.approx(true_temperature, rel=0.05)


def test_the_log_loss_is_scikit_learns():
    dice = np.random.default_rng(1)
    logits, truth = dice.normal(0, 2, (50, 3)), dice.integers(0, 3, 50)
    expected = sklearn_log_loss(truth, softmax(logits / 1.7, axis=1), labels=[0, 1, 2])
    assert log_loss(logits, truth, 1.7) == pytest.approx(expected)


def test_a_handful_of_pictures_all_told_right_bears_out_no_certainty():
    logits, truth = np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([0, 1])
    assert fitted_temperature(logits, truth) == pytest.approx(LOWEST, rel=0.01)
    assert cautious_temperature(logits, truth) == 1
    assert cautious_temperature(logits, 1 - truth) == pytest.approx(HIGHEST, rel=0.01)


def test_without_pictures_it_stays_one():
    assert fitted_temperature(np.empty((0, 3)), np.empty(0, np.int64)) == 1
