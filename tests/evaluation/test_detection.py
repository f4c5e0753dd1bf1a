"""How well animals are found: what pycocotools says, what repeats say, and what a threshold is worth."""

from __future__ import annotations

import contextlib
import io
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torchvision.ops import box_iou

from hanzaki.evaluation.detection import (
    MEASURES,
    Boxes,
    Judged,
    Matches,
    average_precision,
    best_threshold,
    boxes_of,
    intersection_over_union,
    match,
    measure_intervals,
    measures,
)
from hanzaki.evaluation.resampling import Resampling

FEW = Resampling(resamples=50)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Boxes, Boxes, int, int]:
    """Boxes on a coarse grid with few scores, so that ties of overlap and of score are common."""
    pictures, labels = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    seed, grid = draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from([4, 8, 50]))
    there, found = draw(st.integers(1, 12)), draw(st.integers(1, 60))
    dice = np.random.default_rng(seed)

    def boxes(count: int) -> Boxes:
        corner, side = dice.integers(0, grid, (count, 2)), dice.integers(1, grid, (count, 2))
        corners = np.hstack([corner, corner + side]).astype(float)
        places = dice.integers(0, pictures, count), dice.integers(0, labels, count)
        return Boxes(*places, corners, dice.integers(0, 6, count) / 5)

    return boxes(there), boxes(found), pictures, labels


def _by_pycocotools(there: Boxes, found: Boxes, pictures: int, labels: int) -> tuple[float, float]:
    def record(place: int, of: Boxes) -> dict[str, object]:
        x1, y1, x2, y2 = map(float, of.corners[place])
        return {
            "image_id": int(of.picture[place]) + 1,
            "category_id": int(of.label[place]) + 1,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
        }

    truth = COCO()
    truth.dataset = {
        "info": {},
        "images": [{"id": place + 1} for place in range(pictures)],
        "categories": [{"id": label + 1} for label in range(labels)],
        "annotations": [
            record(place, there) | {"id": place + 1, "iscrowd": 0, "area": float(np.prod(box[2:] - box[:2]))}
            for place, box in enumerate(there.corners)
        ],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        results = truth.loadRes(
            [record(place, found) | {"score": float(score)} for place, score in enumerate(found.score)]
        )
        run = COCOeval(truth, results, "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return float(run.stats[0]), float(run.stats[1])


@given(cases())
@settings(max_examples=25, deadline=None)
def test_average_precision_is_that_of_pycocotools(case):
    there, found, pictures, labels = case
    value = measures(match(there, found, pictures, labels), 0.5)[:2]
    np.testing.assert_allclose(value, _by_pycocotools(there, found, pictures, labels), atol=1e-6)


def test_no_more_than_a_hundred_of_a_photograph_count():
    dice = np.random.default_rng(0)
    corner = dice.uniform(0, 50, (300, 2))
    found = Boxes(
        np.zeros(300, int), np.zeros(300, int), np.hstack([corner, corner + 20]), np.arange(300, 0, -1) / 300
    )
    there = Boxes(found.picture[:130], found.label[:130], found.corners[:130], np.ones(130))
    value = measures(match(there, found, 1, 1), 0.0)
    np.testing.assert_allclose(value[:2], _by_pycocotools(there, found, 1, 1), atol=1e-6)
    assert value[3] <= 100 / 130


@given(cases())
@settings(max_examples=15, deadline=None)
def test_a_photograph_that_counts_twice_is_the_same_as_two_of_it(case):
    there, found, pictures, labels = case
    times = np.random.default_rng(0).integers(0, 3, pictures)
    copies = np.repeat(np.arange(pictures), times)

    def copied(boxes: Boxes) -> Boxes:
        rows = [np.flatnonzero(boxes.picture == one) for one in copies]
        places = np.repeat(np.arange(len(copies)), [len(one) for one in rows])
        chosen = np.concatenate([*rows, np.empty(0, int)]).astype(int)
        return Boxes(places, boxes.label[chosen], boxes.corners[chosen], boxes.score[chosen])

    # of equal scores the first comes first, and copies change who is first: all scores differ here
    found = found._replace(score=np.random.default_rng(1).permutation(len(found.score)) / 100)
    weighted = measures(match(there, found, pictures, labels), 0.2, times)
    expanded = measures(match(copied(there), copied(found), max(len(copies), 1), labels), 0.2)
    np.testing.assert_allclose(weighted, expanded, atol=1e-9)


@given(cases())
@settings(max_examples=15, deadline=None)
def test_overlap_is_that_of_torchvision(case):
    there, found, _, _ = case
    ours = intersection_over_union(there.corners, found.corners)
    theirs = box_iou(torch.from_numpy(there.corners), torch.from_numpy(found.corners)).numpy()
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_a_hand_made_case():
    """Two boxes there; one found well and one loosely, a false alarm between them."""
    there = boxes_of([[(0, (0, 0, 10, 10), 1.0)], [(0, (0, 0, 10, 10), 1.0)], []])
    found = boxes_of([[(0, (0, 0, 10, 10), 0.9)], [(0, (0, 0, 10, 6), 0.4)], [(0, (5, 5, 9, 9), 0.7)]])
    matches = match(there, found, 3, 1)
    # at 0.5 and 0.55 and 0.6: precision 1 up to half of the recall, then 2/3; above 0.6 the loose one is wrong
    upper, lower = (51 + 50 * 2 / 3) / 101, 51 / 101
    np.testing.assert_allclose(average_precision(matches)[:, 0], [upper] * 3 + [lower] * 7)
    assert measures(matches, 0.5).tolist()[2:] == [0.5, 0.5]
    assert measures(matches, 0.1).tolist()[2:] == [pytest.approx(2 / 3), 1.0]


def test_a_label_that_is_nowhere_does_not_count():
    there = boxes_of([[(0, (0, 0, 10, 10), 1.0)]])
    found = boxes_of([[(0, (0, 0, 10, 10), 0.9), (1, (0, 0, 10, 10), 0.8)]])
    assert measures(match(there, found, 1, 2), 0.85).tolist() == [1, 1, 1, 1]
    assert np.isnan(average_precision(match(there, found, 1, 2))[:, 1]).all()


@pytest.mark.parametrize("empty", ["there", "found", "both"])
def test_where_nothing_is_there_or_nothing_was_found(empty):
    some, none = boxes_of([[(0, (0, 0, 10, 10), 0.9)]]), boxes_of([[]])
    there, found = {"there": (none, some), "found": (some, none), "both": (none, none)}[empty]
    matches = match(there, found, 1, 1)
    value = dict(zip(MEASURES, measures(matches, 0.5).tolist(), strict=True))
    assert value["map"] == 0 if empty == "found" else math.isnan(value["map"])
    with pytest.raises(ValueError, match="a threshold is chosen by boxes"):
        best_threshold(matches)
    assert set(measure_intervals(matches, 0.5, resampling=FEW)) == set(MEASURES)


@given(cases())
@settings(max_examples=15, deadline=None)
def test_no_threshold_is_better_than_the_best(case):
    matches = match(*case)

    def f1(threshold: float) -> float:
        _, _, precision, recall = np.nan_to_num(measures(matches, threshold))
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0

    best = best_threshold(matches)
    assert f1(best) == pytest.approx(max(f1(score) for score in matches.score))
    assert best not in matches.score or best == 0


def test_an_interval_holds_its_value_and_groups_widen_it():
    dice = np.random.default_rng(3)
    corners = np.tile([10.0, 10.0, 50.0, 50.0], (60, 1))
    places = np.arange(60)
    there = Boxes(places, np.zeros(60, int), corners, np.ones(60))
    # whole encounters of ten photographs are found well or badly
    noise = np.repeat(dice.uniform(0, 12, 6), 10)[:, None] * dice.standard_normal((60, 4))
    found = Boxes(places, np.zeros(60, int), corners + noise, dice.random(60))
    matches = match(there, found, 60, 1)
    alone = measure_intervals(matches, 0.1, resampling=FEW)
    together = measure_intervals(matches, 0.1, groups=(places // 10).tolist(), resampling=FEW)
    for name in MEASURES:
        value, low, high = alone[name]
        assert low <= value <= high
        assert together[name].value == value
    assert together["map"].high - together["map"].low > alone["map"].high - alone["map"].low


def test_the_worst_errors():
    there = boxes_of(
        [
            [(0, (0, 0, 10, 10), 1.0), (0, (50, 50, 90, 90), 1.0)],
            [(0, (0, 0, 10, 10), 1.0), (0, (20, 20, 40, 40), 1.0)],
        ]
    )
    found = boxes_of(
        [
            [(0, (0, 0, 10, 6), 0.6), (0, (60, 0, 70, 10), 0.7)],
            [(0, (0, 0, 10, 9), 0.9), (0, (70, 0, 80, 10), 0.8), (0, (20, 20, 40, 40), 0.3)],
        ]
    )
    judged = Judged(there, found, match(there, found, 2, 1), ("head",), 0.5)
    assert judged.missed.tolist() == [1, 3]  # the larger one first; the last was found, but too unsurely
    assert judged.false_alarms.tolist() == [3, 1]
    assert [(row, partner) for row, partner, _ in judged.loose] == [(0, 0), (2, 2)]
    assert [overlap for *_, overlap in judged.loose] == pytest.approx([0.6, 0.9])
    assert replace(judged, threshold=0.2).missed.tolist() == [1]


def test_many_photographs_are_matched_in_blocks_as_in_one(monkeypatch):
    dice = np.random.default_rng(5)
    corner = dice.uniform(0, 30, (400, 2))
    boxes = Boxes(
        dice.integers(0, 50, 400), dice.integers(0, 2, 400), np.hstack([corner, corner + 15]), dice.random(400)
    )
    there = Boxes(*(column[:100] for column in boxes))

    def result() -> Matches:
        return match(there, boxes, 50, 2)

    whole = result()
    monkeypatch.setattr("hanzaki.evaluation.detection._BLOCK", 64)
    blocks = result()
    np.testing.assert_array_equal(whole.right, blocks.right)
    np.testing.assert_array_equal(whole.partner, blocks.partner)
