"""A heat map points at the markings, at the head, or at neither, and chance stands beside it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.ndimage import distance_transform_edt

from hanzaki.evaluation.pointing import MEASURES, PAPER_TOLERANCE, chance, hit, judge_pointing, point, share
from hanzaki.evaluation.resampling import Resampling

FEW = Resampling(resamples=200)
_SHAPE = (9, 12)
heats = arrays.arrays(np.float32, _SHAPE, elements=st.floats(0, 8, width=16))
masks = arrays.arrays(bool, _SHAPE)
heads = masks.filter(np.any)


def _picture() -> tuple[np.ndarray, np.ndarray]:
    """A head on the left half, with a spot of 2 x 2 on its 4 x 6."""
    head, spots = np.zeros((6, 8), bool), np.zeros((6, 8), bool)
    head[:, :4] = True
    spots[1:3, 1:3] = True
    return spots, head


def _hot(*places: tuple[int, int]) -> np.ndarray:
    heat = np.full((6, 8), 0.1, np.float32)
    for place in places:
        heat[place] = 1.0
    return heat


def test_a_heat_on_a_spot_hits_and_one_beside_it_does_not():
    spots, _ = _picture()
    assert hit(_hot((1, 2)), spots) == 1
    assert hit(_hot((0, 0)), spots) == 0
    assert hit(_hot((1, 2), (0, 0)), spots) == 0.5  # one of the two, by chance


def test_the_papers_tolerance_lets_what_lies_near_count():
    spots, _ = _picture()
    assert [hit(_hot((1, 5)), spots, tolerance) for tolerance in (0, 2, 3, PAPER_TOLERANCE)] == [0, 0, 1, 1]


@settings(max_examples=60, deadline=None)
@given(heats.filter(np.any), masks.filter(np.any), st.floats(0.5, 6))
def test_a_hit_is_what_the_distance_to_the_mask_says(heat, mask, tolerance):
    near = distance_transform_edt(~mask) <= tolerance
    if abs(distance_transform_edt(~mask) - tolerance).min() > 1e-2:  # OpenCV measures in float32
        assert hit(heat, mask, tolerance) == pytest.approx(near[heat == heat.max()].mean())


def test_the_share_of_the_heat_is_a_weighted_sum():
    spots, head = _picture()
    heat = np.zeros((6, 8), np.float32)
    heat[1, 1], heat[5, 0], heat[5, 7] = 2.0, 1.0, 1.0
    assert share(heat, spots) == 0.5
    assert share(heat, np.where(spots, 0.5, 0.0)) == 0.25
    found = point(heat, spots, head)
    assert (found.share, found.on_head, found.share_of_head) == (0.5, 0.75, pytest.approx(2 / 3))


@settings(max_examples=60, deadline=None)
@given(heats.filter(np.any), masks)
def test_mask_and_what_it_leaves_share_all_heat(heat, mask):
    assert share(heat, mask) + share(heat, ~mask) == pytest.approx(1)
    assert share(heat, np.ones_like(mask)) == 1
    assert share(3 * heat, mask) == pytest.approx(share(heat, mask))
    assert hit(heat, mask) + hit(heat, ~mask) == pytest.approx(1)


@settings(max_examples=60, deadline=None)
@given(masks, heads, st.sampled_from([0.0, 1.0, 2.5]))
def test_a_heat_that_knows_the_head_and_nothing_of_its_spots_gives_chance(mask, head, tolerance):
    found = point(head.astype(np.float32), mask & head, head, tolerance)
    assert found.hit == pytest.approx(found.hit_chance)
    assert found.share == pytest.approx(found.share_chance) == pytest.approx((mask & head).sum() / head.sum())
    assert found.on_head == 1


@settings(max_examples=30, deadline=None)
@given(masks, heads)
def test_on_its_head_a_heat_that_knows_nothing_gives_chance_too(mask, head):
    found = point(np.ones(_SHAPE, np.float32), mask, head)
    assert found.share_of_head == pytest.approx(found.share_chance)
    assert found.on_head == pytest.approx(head.mean())


@settings(max_examples=30, deadline=None)
@given(masks, heads, st.floats(0, 4), st.floats(0, 4))
def test_tolerance_raises_the_chance_of_a_hit_and_not_the_share(mask, head, less, more):
    less, more = sorted((less, more))
    assert chance(mask, head, less)[0] <= chance(mask, head, more)[0] <= 1
    assert chance(mask, head, less)[1] == chance(mask, head, more)[1] == chance(mask, head)[0]


def test_a_map_without_heat_points_nowhere_and_counts_for_chance_only():
    spots, head = _picture()
    cold = point(np.zeros((6, 8), np.float32), spots, head)
    assert math.isnan(cold.hit)
    assert math.isnan(cold.share)
    judged = judge_pointing([cold, point(_hot((1, 1)), spots, head)], ["a", "b"], FEW)
    assert (judged.pictures, judged.individuals, judged.cold) == (2, 2, 1)
    assert judged.measures["hit"].value == 1
    assert judged.measures["hit_chance"].value == pytest.approx(4 / 24)
    assert judged.measures["hit_gain"].value == pytest.approx(20 / 24)


def test_pictures_are_averaged_and_animals_are_drawn_again():
    spots, head = _picture()
    right, wrong = point(_hot((1, 1)), spots, head), point(_hot((5, 7)), spots, head)
    two_animals = judge_pointing([right, wrong, wrong, wrong], ["a", "b", "b", "b"], FEW)
    assert two_animals.measures["hit"] == (0.25, 0.0, 1.0)  # who is drawn twice decides it
    one_animal = judge_pointing([right, wrong, wrong, wrong], ["a"] * 4, FEW)
    assert one_animal.measures["hit"] == (0.25, 0.25, 0.25)
    assert tuple(two_animals.measures) == MEASURES
    assert two_animals.measures["share_gain"].value == pytest.approx(
        two_animals.measures["share"].value - two_animals.measures["share_chance"].value
    )
    assert two_animals.as_json()["hit"] == [0.25, 0.0, 1.0]


def test_no_pictures_have_no_measures():
    judged = judge_pointing([], [], FEW)
    assert judged.pictures == judged.cold == 0
    assert judged.as_json()["share"] == [None, None, None]


def test_what_is_no_heat_and_no_mask_is_refused():
    spots, head = _picture()
    with pytest.raises(ValueError, match="negative"):
        share(-_hot((1, 1)), spots)
    with pytest.raises(ValueError, match="no number"):
        hit(np.full((6, 8), np.nan, np.float32), spots)
    with pytest.raises(ValueError, match="not of one photograph"):
        hit(_hot((1, 1)), spots[1:])
    with pytest.raises(ValueError, match="divide bytes by 255"):
        share(_hot((1, 1)), np.full((6, 8), 200, np.uint8))
    with pytest.raises(ValueError, match="no head"):
        point(_hot((1, 1)), spots, np.zeros_like(head))
    with pytest.raises(ValueError, match="1 pictures, but 2 individuals"):
        judge_pointing([point(_hot((1, 1)), spots, head)], ["a", "b"])
