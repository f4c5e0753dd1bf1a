"""Augmentation follows from its generator alone, and does to a picture what it says."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki.boxes import Box
from hanzaki.learning.augment import Augmentation, mirrored
from tests.fixtures.photographs import pixels

CHANCES = ("framing", "colour", "grey", "sharpen", "clahe", "blur", "noise", "erase")
NEVER = dict.fromkeys(CHANCES, 0.0)
ALWAYS = dict.fromkeys(CHANCES, 1.0) | {"grey": 0.0, "stretch": 0.3}
BOX = Box(20, 10, 60, 30)
PICTURE = pixels(3)

_chances = st.fixed_dictionaries({name: st.sampled_from([0.0, 0.5, 1.0]) for name in CHANCES})
_strengths = st.fixed_dictionaries(
    {
        "shift": st.floats(0, 1),
        "scale": st.floats(0, 0.9),
        "stretch": st.floats(0, 0.9),
        "rotate": st.floats(0, 180),
        "hue": st.floats(0, 0.5),
    }
)
_seeds = st.integers(0, 2**32)


def _look(augmentation: Augmentation, seed: int, picture: np.ndarray = PICTURE) -> np.ndarray:
    dice = np.random.default_rng(seed)
    _, degrees = augmentation.frame(BOX, dice)
    return augmentation.pixels(picture, degrees, dice)


# ---- mirroring


def test_a_mirrored_picture_has_left_and_right_exchanged_and_is_not_upside_down():
    picture = np.zeros((2, 3, 3), np.uint8)
    picture[0, 0] = 255  # a spot at the top left ...
    flipped = mirrored(picture)
    assert flipped[0, 2].tolist() == [255, 255, 255]  # ... is now at the top right
    assert flipped.sum() == picture.sum()
    assert np.array_equal(mirrored(PICTURE), cv2.flip(PICTURE, 1))


def test_a_picture_mirrored_twice_is_the_picture():
    assert np.array_equal(mirrored(mirrored(PICTURE)), PICTURE)


# ---- chance


@settings(deadline=None)
@given(_chances, _strengths, _seeds)
def test_the_same_generator_gives_the_same_picture(chances, strengths, seed):
    augmentation = Augmentation(**chances, **strengths)
    np.random.seed(0)  # noqa: NPY002 - chance from elsewhere must not matter
    first = _look(augmentation, seed)
    np.random.seed(1)  # noqa: NPY002
    cv2.setRNGSeed(7)
    assert np.array_equal(first, _look(augmentation, seed))
    assert first.shape == PICTURE.shape
    assert first.dtype == np.uint8


@pytest.mark.parametrize("chance", CHANCES)
def test_another_generator_gives_another_picture(chance):
    augmentation = Augmentation(**NEVER | {chance: 0.5})
    assert len({_look(augmentation, seed).tobytes() for seed in range(20)}) > 1


@settings(deadline=None)
@given(_strengths, _seeds)
def test_a_chance_of_zero_leaves_the_picture_bit_for_bit(strengths, seed):
    augmentation = Augmentation(**NEVER, **strengths)
    dice = np.random.default_rng(seed)
    assert augmentation.frame(BOX, dice) == (BOX, 0.0)
    assert np.array_equal(augmentation.pixels(PICTURE, 0.0, dice), PICTURE)


@settings(deadline=None)
@given(_seeds)
def test_a_strength_of_zero_leaves_the_picture_bit_for_bit(seed):
    still = dict.fromkeys(
        ("shift", "scale", "rotate", "stretch", "brightness", "contrast", "saturation", "hue"), 0.0
    )
    augmentation = Augmentation(**NEVER | {"framing": 1.0, "colour": 1.0}, **still)
    dice = np.random.default_rng(seed)
    assert augmentation.frame(BOX, dice) == (BOX, 0.0)
    assert np.array_equal(augmentation.pixels(PICTURE, 0.0, dice), PICTURE)


@pytest.mark.parametrize("chance", CHANCES[1:])
def test_one_chance_more_leaves_the_others_dice_alone(chance):
    """A config that differs in one thing is compared in that thing alone."""
    less, more = (Augmentation(**NEVER | {chance: value}) for value in (0.3, 0.6))
    same = [np.array_equal(_look(less, seed), _look(more, seed)) for seed in range(200)]
    changed = [np.array_equal(_look(less, seed), PICTURE) for seed in range(200)]
    assert 0.15 < 1 - np.mean(same) < 0.45  # only where the larger chance struck and the smaller did not
    assert all(left for left, equal in zip(changed, same, strict=True) if not equal)


@pytest.mark.parametrize("chance", CHANCES[1:])
def test_a_chance_is_how_often_it_happens(chance):
    often = np.mean(
        [not np.array_equal(_look(Augmentation(**NEVER | {chance: 0.3}), n), PICTURE) for n in range(400)]
    )
    assert 0.22 < often < 0.38


def test_the_picture_given_is_not_changed():
    picture = PICTURE.copy()
    for seed in range(20):
        _look(Augmentation(**ALWAYS), seed, picture)
    assert np.array_equal(picture, PICTURE)


# ---- chances of their own

OWN = ("rotate_chance", "brightness_chance", "contrast_chance", "saturation_chance", "hue_chance")


@pytest.mark.parametrize("name", OWN)
def test_each_change_can_have_a_chance_of_its_own(name):
    augmentation = Augmentation(**NEVER | {name: 0.3})
    often = np.mean([not np.array_equal(_look(augmentation, seed), PICTURE) for seed in range(400)])
    assert 0.22 < often < 0.38


def test_chances_of_their_own_are_independent():
    alone = Augmentation(**NEVER | {"framing": 0.5, "rotate_chance": 0.5})
    found = [alone.frame(BOX, np.random.default_rng(seed)) for seed in range(2000)]
    both = [(bool(box != BOX), degrees != 0) for box, degrees in found]
    for framed in (False, True):
        for turned in (False, True):
            assert 420 < both.count((framed, turned)) < 580


@settings(deadline=None)
@given(_chances, _strengths, _seeds)
def test_without_chances_of_their_own_the_dice_fall_as_they_always_did(chances, strengths, seed):
    """A config that was trained with years ago draws the same pictures today."""
    augmentation = Augmentation(**chances, **strengths)
    dice, again = np.random.default_rng(seed), np.random.default_rng(seed)
    box, degrees = augmentation.frame(BOX, dice)
    if again.random() >= augmentation.framing:
        assert (box, degrees) == (BOX, 0.0)
    else:
        shifts, scale, stretch = again.uniform(-1, 1, 2), again.uniform(-1, 1), again.uniform(-1, 1)
        centre = box.x + box.w / 2 - BOX.x - BOX.w / 2, box.y + box.h / 2 - BOX.y - BOX.h / 2
        assert centre == pytest.approx(shifts * strengths["shift"] * (BOX.w, BOX.h), abs=1e-6)
        assert box.w * box.h / BOX.area == pytest.approx((1 + scale * strengths["scale"]) ** 2)
        assert box.w / box.h / (BOX.w / BOX.h) == pytest.approx(1 + stretch * strengths["stretch"])
        assert degrees == pytest.approx(again.uniform(-strengths["rotate"], strengths["rotate"]))


# ---- framing


@settings(deadline=None)
@given(_strengths, _seeds)
def test_a_framing_stays_within_shift_scale_stretch_and_reach(strengths, seed):
    augmentation = Augmentation(framing=1, **strengths)
    box, degrees = augmentation.frame(BOX, np.random.default_rng(seed))
    shift, scale, stretch = (strengths[name] + 1e-9 for name in ("shift", "scale", "stretch"))
    assert abs(box.x + box.w / 2 - BOX.x - BOX.w / 2) <= shift * BOX.w
    assert abs(box.y + box.h / 2 - BOX.y - BOX.h / 2) <= shift * BOX.h
    assert 1 - scale <= np.sqrt(box.area / BOX.area) <= 1 + scale
    assert 1 - stretch <= (box.w / box.h) / (BOX.w / BOX.h) <= 1 + stretch
    assert abs(degrees) <= strengths["rotate"]
    reach = augmentation.reach + 1e-9
    assert min(box.x - BOX.x, BOX.x + BOX.w - box.x - box.w) >= -reach * BOX.w
    assert min(box.y - BOX.y, BOX.y + BOX.h - box.y - box.h) >= -reach * BOX.h


def test_framings_use_the_whole_of_what_they_may():
    augmentation = Augmentation(framing=1, shift=0.25, scale=0.2, rotate=15)
    found = [augmentation.frame(BOX, np.random.default_rng(seed)) for seed in range(500)]
    across = [(box.x + box.w / 2 - BOX.x - BOX.w / 2) / BOX.w for box, _ in found]
    sides = [box.w / BOX.w for box, _ in found]
    turns = [degrees for _, degrees in found]
    for values, least, most in ((across, -0.25, 0.25), (sides, 0.8, 1.2), (turns, -15, 15)):
        assert min(values) == pytest.approx(least, rel=0.03)
        assert max(values) == pytest.approx(most, rel=0.03)


# ---- what each of them does


def test_a_quarter_turn_is_anticlockwise_and_keeps_the_middle():
    square = pixels(5, (40, 40))
    turned = Augmentation(**NEVER).pixels(square, 90.0, np.random.default_rng(0))
    assert np.abs(turned.astype(int) - np.rot90(square)).max() <= 1


def test_turning_repeats_the_edge_and_shows_no_black_corners():
    white = np.full((30, 50, 3), 255, np.uint8)
    assert Augmentation(**NEVER).pixels(white, 33.0, np.random.default_rng(0)).min() == 255


def test_grey_has_the_brightness_and_no_colour():
    look = _look(Augmentation(**NEVER | {"grey": 1.0}), 0)
    assert np.array_equal(look[..., 0], look[..., 1])
    assert np.array_equal(look[..., 0], look[..., 2])
    assert np.abs(look[..., 0].astype(int) - cv2.cvtColor(PICTURE, cv2.COLOR_RGB2GRAY)).max() <= 1


@pytest.mark.parametrize("seed", range(5))
def test_each_colour_change_changes_what_it_is_named_after(seed):
    only = dict.fromkeys(("brightness", "contrast", "saturation", "hue"), 0.0)
    picture = (PICTURE // 3 + 80).astype(np.uint8)  # far from black and white, where all is cut off

    def change(name: str, value: float) -> np.ndarray:
        return _look(Augmentation(**NEVER | {"colour": 1.0} | only | {name: value}), seed, picture).astype(float)

    grey = picture @ np.array([0.299, 0.587, 0.114])
    seen = {name: change(name, 0.3) @ np.array([0.299, 0.587, 0.114]) for name in only if name != "hue"}
    factor = seen["brightness"].mean() / grey.mean()
    assert 0.7 <= factor <= 1.3
    assert factor != pytest.approx(1, abs=0.001)
    assert seen["contrast"].mean() == pytest.approx(grey.mean(), abs=0.5)
    assert seen["contrast"].std() != pytest.approx(grey.std(), rel=0.001)
    assert np.abs(seen["saturation"] - grey).max() < 1.5  # colour comes and goes, brightness stays
    assert not np.array_equal(change("saturation", 0.3), picture)
    value = change("hue", 0.3).max(-1)
    assert np.abs(value - picture.max(-1)).max() <= 2  # HSV's value stays


def test_blur_softens_and_sharpening_hardens():
    def edges(picture: np.ndarray) -> float:
        return float(cv2.Laplacian(picture, cv2.CV_64F).var())

    for seed in range(5):
        assert edges(_look(Augmentation(**NEVER | {"blur": 1.0}), seed)) < edges(PICTURE)
        assert edges(_look(Augmentation(**NEVER | {"sharpen": 1.0}), seed)) > edges(PICTURE)


def test_what_is_covered_is_one_rectangle_of_one_colour():
    for seed in range(50):
        look = _look(Augmentation(**NEVER | {"erase": 1.0}), seed)
        changed = (look != PICTURE).any(-1)
        rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
        inside = look[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert (inside == inside[0, 0]).all()
        assert 0.01 < inside[..., 0].size / changed.size < 0.22
