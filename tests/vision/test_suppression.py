from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.ops import batched_nms

from hanzaki.vision.suppression import suppressed

OVERLAP = 0.4503  # which no two boxes of small whole numbers have, so that rounding decides nothing

boxes_of = st.lists(
    st.tuples(
        st.integers(-20, 20), st.integers(-20, 20), st.integers(1, 12), st.integers(1, 12), st.integers(0, 2)
    ),
    max_size=25,
)


def _arrays(rows: list[tuple[int, ...]]) -> tuple[np.ndarray, np.ndarray]:
    table = np.array(rows, float).reshape(-1, 5)
    return np.concatenate([table[:, :2], table[:, :2] + table[:, 2:4]], axis=1), table[:, 4].astype(np.intp)


@given(boxes_of, st.randoms(use_true_random=False))
def test_what_is_kept_is_what_torchvision_keeps(rows, random):
    boxes, classes = _arrays(rows)
    scores = np.array(random.sample(range(1000), len(boxes))) / 1000
    kept = suppressed(boxes, scores, classes, OVERLAP)
    moved = torch.from_numpy(boxes + 100)  # torchvision, too, mixes classes of boxes below zero
    expected = batched_nms(moved, torch.from_numpy(scores), torch.from_numpy(classes), OVERLAP)
    assert kept.tolist() == expected.tolist()


@given(boxes_of)
def test_of_equal_scores_the_first_is_kept_and_comes_first(rows):
    boxes, classes = _arrays(rows)
    kept = suppressed(boxes, np.full(len(boxes), 0.5), classes, OVERLAP)
    assert kept.tolist() == sorted(kept)
    falling = suppressed(boxes, 0.5 - 1e-3 * np.arange(len(boxes)), classes, OVERLAP)
    assert kept.tolist() == falling.tolist()


def test_classes_do_not_suppress_each_other_wherever_they_lie():
    boxes = np.array([[-9.0, -9, -1, -1], [-9, -9, -1, -1], [-9, -9, -1, -1.5]])
    assert suppressed(boxes, np.array([0.1, 0.9, 0.3]), np.array([0, 1, 0]), 0.5).tolist() == [1, 2]


@pytest.mark.parametrize(("overlap", "kept"), [(0.3, [0]), (0.34, [0, 1])])  # a third of the union is common
def test_the_overlap_is_intersection_over_union(overlap: float, kept: list[int]):
    boxes = np.array([[0.0, 0, 10, 10], [5, 0, 15, 10]])
    assert suppressed(boxes, np.array([0.9, 0.8]), np.zeros(2, np.intp), overlap).tolist() == kept


def test_a_score_of_zero_is_a_score():
    boxes = np.array([[0.0, 0, 10, 10], [50, 0, 60, 10]])
    assert suppressed(boxes, np.zeros(2), np.zeros(2, np.intp), 0.5).tolist() == [0, 1]
