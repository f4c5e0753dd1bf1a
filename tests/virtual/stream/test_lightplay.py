"""Water moves, an umbrella takes its glare away, and the hand that holds the phone is alive."""

from dataclasses import replace

import numpy as np
import pytest

from hanzaki.virtual import Salamander, Scene
from hanzaki.virtual.stream import stage
from hanzaki.virtual.stream.hand import Hand, grained, softened
from hanzaki.virtual.stream.lightplay import LightPlay, Umbrella

SHAPE = (60, 100)


def _scene(**water: float) -> Scene:
    scene = Scene.draw(np.random.default_rng(3), "morning")
    light = replace(scene.light, sun=0.8, sky=0.5)
    return replace(scene, light=light, water=replace(scene.water, glare=0.15, caustics=0.6, **water))


def test_ripples_run_on_without_a_jump():
    play = LightPlay(_scene(), None, SHAPE)
    start, soon, later = (play.at(time) for time in (0.0, 0.01, 0.8))
    near = np.corrcoef(start.slope_x.ravel(), soon.slope_x.ravel())[0, 1]
    far = np.corrcoef(start.slope_x.ravel(), later.slope_x.ravel())[0, 1]
    assert near > 0.97
    assert abs(far) < 0.6
    assert np.array_equal(start.slope_x, LightPlay(_scene(), None, SHAPE).at(0.0).slope_x)


def test_the_net_of_light_takes_nothing_and_adds_nothing():
    brightness = LightPlay(_scene(), None, SHAPE).at(1.0).brightness
    assert brightness.mean() == pytest.approx(1.0, abs=0.06)
    assert brightness.std() > 0.15


def test_under_the_umbrella_there_is_neither_glare_nor_sun():
    scene = _scene()
    umbrella = Umbrella((0.0, 0.0), 0.45)
    shaded, open_sky = (LightPlay(scene, over, SHAPE).at(0.5) for over in (umbrella, None))
    middle = np.s_[20:40, 40:60]
    assert open_sky.glare.max() > 0.3
    assert shaded.glare[middle].max() == 0.0
    assert shaded.brightness[middle].mean() < 0.7 * open_sky.brightness[middle].mean()
    assert LightPlay(scene, umbrella, SHAPE).sun_left < 0.2
    assert LightPlay(scene, None, SHAPE).sun_left == 1.0


def test_each_frame_has_noise_of_its_own():
    grey = np.full((40, 60, 3), 120, np.uint8)
    first, second = (grained(grey, 0.02, np.random.default_rng(seed)).astype(int) for seed in (1, 2))
    assert first.std() == pytest.approx(0.02 * 255, rel=0.2)
    assert first.mean() == pytest.approx(120, abs=1)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.1


def test_a_smear_blurs_along_its_way_only():
    picture = np.zeros((41, 41, 3), np.uint8)
    picture[:, 20:] = 200
    across = softened(picture, 0.0, np.array((6.0, 0.0)))
    along = softened(picture, 0.0, np.array((0.0, 6.0)))
    assert np.array_equal(along, picture)
    assert 40 < across[20, 19, 0] < 160
    assert softened(picture, 0.0, np.zeros(2)) is picture


def test_the_hand_sways_a_little_and_the_focus_comes_back():
    hand = Hand.draw(np.random.default_rng(1), 3.0)
    path = np.array([hand.offset(time) for time in np.linspace(0, 3, 90)])
    assert 0 < np.linalg.norm(np.diff(path, axis=0), axis=1).max() < 0.02
    hunting = replace(hand, hunts=1.0)
    assert hunting.defocus(1.0) > 5 * hunting.defocus(2.5)


def test_under_glare_the_animal_is_hidden_and_comes_out_again():
    clip = stage(np.random.default_rng(5), Salamander(2), "morning", (160, 96), 2.0, mode="rest")
    bare = replace(clip, scene=replace(clip.scene, water=replace(clip.scene.water, glare=0.0)), umbrella=None)
    glaring = replace(bare, scene=replace(bare.scene, water=replace(bare.scene.water, glare=0.25)))
    differences = [
        np.abs(glaring.frame(time).astype(int) - bare.frame(time)).max(axis=2) > 40 for time in (0.2, 1.2)
    ]
    assert 0.02 < differences[0].mean() < 0.6
    assert (differences[0] != differences[1]).mean() > 0.01
