"""A photograph shows one animal in one scene, and knows where the head is."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki.virtual import Photograph, Salamander, Scene, photograph
from hanzaki.virtual.scene import DAYLIGHTS, Light
from hanzaki.virtual.water import surface

ANIMAL = Salamander(5)
SMALL = (240, 180)


def _scene(seed: int, light: str = "afternoon", **choices: object) -> Scene:
    return Scene.draw(np.random.default_rng(seed), light, **choices)  # type: ignore[arg-type]


def _assert_box_fits(picture: Photograph) -> None:
    x, y, w, h = picture.box
    rows, columns = np.nonzero(picture.mask)
    assert (x, y) == (columns.min(), rows.min())
    assert (x + w, y + h) == (columns.max() + 1, rows.max() + 1)


def test_same_animal_and_scene_give_the_same_photograph():
    first, second = (photograph(ANIMAL, _scene(1), SMALL) for _ in range(2))
    assert np.array_equal(first.image, second.image)
    assert first.box == second.box
    assert np.array_equal(first.spots, second.spots)


@pytest.mark.parametrize("size", [(160, 120), (120, 160), (161, 117), (640, 480), (32, 32), (1300, 1210)])
def test_any_size_can_be_photographed(size):
    picture = photograph(ANIMAL, _scene(2), size)
    assert picture.image.shape == (size[1], size[0], 3)
    assert picture.image.dtype == np.uint8
    assert picture.mask.shape == picture.spots.shape == (size[1], size[0])
    _assert_box_fits(picture)


def test_a_size_that_shows_nothing_is_refused():
    with pytest.raises(ValueError, match="32 x 32"):
        photograph(ANIMAL, _scene(1), (31, 200))


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**31), light=st.sampled_from(DAYLIGHTS), turn=st.floats(0.0, np.pi))
def test_head_is_wholly_in_the_picture_and_fills_a_good_part_of_it(seed, light, turn):
    picture = photograph(ANIMAL, _scene(seed, light, turn=turn), (160, 120))
    _assert_box_fits(picture)
    assert 0.06 < picture.mask.mean() < 0.45
    on_the_edge = picture.mask.sum() - picture.mask[1:-1, 1:-1].sum()
    assert on_the_edge < 0.15 * np.sqrt(picture.mask.sum())
    assert picture.mask[picture.spots].all()
    assert 0.08 < picture.spots.sum() / picture.mask.sum() < 0.7
    assert picture.image.std() > 6


def test_dark_spots_of_the_truth_are_dark_in_the_picture():
    for seed in range(6):
        picture = photograph(ANIMAL, _scene(seed), SMALL)
        grey = picture.image.mean(axis=2)
        ground = picture.mask & ~picture.spots
        assert grey[picture.spots].mean() < 0.9 * grey[ground].mean()


def test_the_same_head_is_seen_in_every_scene():
    # With pose and water out of the way, the spots of two photographs lie upon each other.
    scenes = []
    for seed in (1, 2):
        scene = _scene(seed)
        pose = replace(scene.pose, angle=0.0, scale=0.55, across=0.0, down=0.0, bend=0.0, tilt=(0.0, 0.0))
        scenes.append(replace(scene, pose=pose, water=replace(scene.water, ripple=0.0)))
    first, second = (photograph(ANIMAL, scene, SMALL) for scene in scenes)
    assert np.array_equal(first.spots, second.spots)
    assert not np.array_equal(first.image, second.image)
    other = photograph(Salamander(6), scenes[0], SMALL)
    assert (first.spots & other.spots).sum() < 0.75 * first.spots.sum()


def test_turning_the_animal_turns_its_head():
    scene = _scene(3)
    for angle in (0.0, np.pi / 2, np.pi, -np.pi / 2):
        pose = replace(scene.pose, angle=angle, across=0.0, down=0.0, bend=0.0)
        picture = photograph(ANIMAL, replace(scene, pose=pose), SMALL)
        x, y, w, h = picture.box
        assert x + w / 2 == pytest.approx(SMALL[0] / 2, abs=0.1 * SMALL[1])
        assert y + h / 2 == pytest.approx(SMALL[1] / 2, abs=0.1 * SMALL[1])


def test_evening_is_darker_and_noisier():
    def of(light: str, what: str) -> float:
        scenes = [_scene(seed, light) for seed in range(20)]
        if what == "light":
            return float(np.mean([s.light.sun * s.light.height + s.light.sky for s in scenes]))
        return float(np.mean([s.camera.noise for s in scenes]))

    assert of("evening", "light") < 0.6 * of("morning", "light")
    assert of("evening", "noise") > 1.5 * of("afternoon", "noise")
    assert isinstance(_scene(0, "evening").light, Light)


def test_next_photograph_of_an_encounter_keeps_place_and_light():
    first = _scene(4)
    second = first.again(np.random.default_rng(9))
    assert (second.bed, second.bed_place, second.light) == (first.bed, first.bed_place, first.light)
    assert second.pose != first.pose
    assert second.water.seed != first.water.seed


def test_caustics_redistribute_the_light_without_adding_any():
    water = replace(_scene(5).water, caustics=1.0, glare=0.1)
    top = surface(water, (90, 120), 1.0)
    assert top.caustics.mean() == pytest.approx(1.0, abs=0.12)
    assert top.caustics.max() > 1.3
    assert 0.0 <= top.glare.min() <= top.glare.max() <= 1.0
    assert np.hypot(top.slope_x.std(), top.slope_y.std()) == pytest.approx(1.0, abs=0.4)


def test_turbid_water_takes_contrast_away():
    clear = replace(_scene(6), water=replace(_scene(6).water, turbidity=0.02, glare=0.0))
    turbid = replace(clear, water=replace(clear.water, turbidity=0.36))
    contrast = [
        cv2.cvtColor(photograph(ANIMAL, s, SMALL).image, cv2.COLOR_RGB2GRAY).std() for s in (clear, turbid)
    ]
    assert contrast[1] < 0.85 * contrast[0]
