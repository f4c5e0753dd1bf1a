from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki import Box
from hanzaki.virtual import Salamander, Scene, photograph
from hanzaki.vision.crop import crop
from hanzaki.vision.quality import LOW, Quality, assess

PICTURE = (640, 480)
MIDDLE = Box(100, 100, 300, 200)


@cache
def animal(seed: int = 0, size: tuple[int, int] = (480, 360)) -> np.ndarray:
    """A rendered head, without blur, glare and noise of the camera's."""
    scene = Scene.draw(np.random.default_rng(seed), "afternoon")
    clear = replace(scene, camera=replace(scene.camera, defocus=0.0, shake=0.0, noise=0.004))
    taken = photograph(Salamander(seed), clear, size)
    return crop(taken.image, Box(*taken.box))


@cache
def texture(seed: int = 0, side: int = 220) -> np.ndarray:
    """A picture with as much contrast in each octave of detail, as natural ones have."""
    dice = np.random.default_rng(seed)
    x, y = np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side))
    frequency = np.maximum(np.hypot(x, y), 1 / side)
    values = np.fft.ifft2(np.fft.fft2(dice.normal(size=(side, side))) / frequency).real
    grey = np.clip(128 + 45 * values / values.std(), 20, 190).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


PICTURES = {"animal": animal, "texture": texture}


def blurred(picture: np.ndarray, share: float) -> np.ndarray:
    """By a Gaussian; ``share`` of the longer side is its standard deviation."""
    return cv2.GaussianBlur(picture, (0, 0), share * max(picture.shape[:2]))


def shaken(picture: np.ndarray, share: float, angle: float) -> np.ndarray:
    """By a straight movement of ``share`` of the longer side."""
    length = share * max(picture.shape[:2])
    reach = int(np.ceil(length / 2))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    for t in np.linspace(-length / 2, length / 2, 16 * reach + 1):
        kernel[round(reach + t * np.sin(angle)), round(reach + t * np.cos(angle))] += 1
    return cv2.filter2D(picture, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT_101)


def noisy(picture: np.ndarray, deviation: float) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, deviation, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def falls(values: list[float], by: float = 0.0) -> bool:
    return all(after < before - by for before, after in pairwise(values))


@pytest.mark.parametrize("kind", PICTURES)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 40))
def test_the_more_blur_the_less_sharp(kind: str, seed: int):
    picture = PICTURES[kind](seed)
    sharp = [assess(blurred(picture, share)).sharpness for share in (0.002, 0.004, 0.008, 0.016, 0.032)]
    assert falls([assess(picture).sharpness, *sharp])
    assert sharp[-1] < 0.15


@pytest.mark.parametrize("kind", PICTURES)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 40), angle=st.floats(0, np.pi))
def test_the_longer_the_movement_the_less_sharp_whatever_its_direction(kind: str, seed: int, angle: float):
    picture = PICTURES[kind](seed)
    sharp = [
        assess(picture).sharpness,
        *(assess(shaken(picture, s, angle)).sharpness for s in (0.015, 0.03, 0.05)),
    ]
    assert falls(sharp)
    assert sharp[-1] < 0.75 * sharp[0]


@pytest.mark.parametrize("kind", PICTURES)
@pytest.mark.parametrize("blur", [0.0, 0.006, 0.012])
def test_noise_does_not_make_a_picture_sharp(kind: str, blur: float):
    picture = PICTURES[kind](3)
    picture = blurred(picture, blur) if blur else picture
    plain = assess(picture).sharpness
    for deviation in (4, 8, 14):
        assert assess(noisy(picture, deviation)).sharpness < plain + 0.1


def test_noise_alone_and_no_picture_at_all_are_not_sharp():
    assert assess(noisy(np.full((200, 200, 3), 128, np.uint8), 10)).sharpness < 0.2
    for grey in (0, 128, 255):
        assert assess(np.full((200, 200, 3), grey, np.uint8)).score == 0


@pytest.mark.parametrize("kind", PICTURES)
def test_how_near_the_animal_was_makes_no_blur(kind: str):
    near = cv2.resize(PICTURES[kind](2), (1200, 900), interpolation=cv2.INTER_AREA)
    sharp = [assess(cv2.resize(near, (w, w * 3 // 4), interpolation=cv2.INTER_AREA)).sharpness for w in (300, 600)]
    assert sharp[0] == pytest.approx(sharp[1], abs=0.05)


@pytest.mark.parametrize("kind", PICTURES)
def test_darkness_and_haze_lower_the_exposure_and_not_the_sharpness(kind: str):
    picture = PICTURES[kind](1)
    for change in ((1.0, 0), (0.6, 0), (0.3, 0), (0.1, 0)), ((1.0, 0), (0.6, 60), (0.3, 100), (0.1, 130)):
        seen = [assess(cv2.convertScaleAbs(picture, alpha=alpha, beta=beta)) for alpha, beta in change]
        assert falls([one.exposure for one in seen], by=0.02)
        assert seen[2].sharpness == pytest.approx(seen[0].sharpness, abs=0.12)
        assert seen[-1].exposure < 0.3


def test_the_more_glare_the_less_remains():
    for seed in range(3):
        values = []
        for radius in (0, 12, 24, 40):
            picture = animal(seed).copy()
            centre = (picture.shape[1] // 2, picture.shape[0] // 2)
            cv2.circle(picture, centre, radius, (238, 243, 250), -1)
            values.append(assess(picture).glare)
        assert falls(values)
        assert values[0] > 0.95


def test_the_smaller_the_less_remains_until_there_are_enough_pixels():
    values = [
        assess(cv2.resize(texture(), (side, side), interpolation=cv2.INTER_AREA)) for side in (200, 90, 30, 9)
    ]
    assert falls([one.size for one in values])
    assert falls([one.score for one in values])
    assert assess(texture()).size == 1


@settings(max_examples=40, deadline=None)
@given(x=st.floats(-400, 700), y=st.floats(-300, 500), further=st.floats(1, 100))
def test_the_further_over_the_edge_the_less_remains(x: float, y: float, further: float):
    def inside(box: Box) -> float:
        return assess(np.zeros((20, 20, 3), np.uint8), box, PICTURE).inside

    box = Box(x, y, 300, 200)
    right = Box(max(x, PICTURE[0] - 300) + 1, y, 300, 200)
    assert 0 <= inside(box) <= 1
    assert inside(right._replace(x=right.x + further)) <= inside(right) + 1e-12


def test_an_animal_that_ends_where_the_picture_ends_is_cut_off():
    picture = texture()
    assert assess(picture, MIDDLE, PICTURE).inside == 1
    assert assess(picture, Box(0, 100, 300, 200), PICTURE).inside < 1
    assert (
        assess(picture, Box(340, 280, 300, 200), PICTURE).inside
        < assess(picture, Box(0, 9, 300, 200), PICTURE).inside
    )
    assert assess(picture, Box(0, 0, *PICTURE), PICTURE).inside == 1  # the picture was cut to the animal
    assert assess(picture, Box(700, 100, 50, 50), PICTURE).score == 0


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 1000), width=st.integers(1, 300), height=st.integers(1, 300))
def test_of_any_picture_all_parts_are_between_nothing_and_all(seed: int, width: int, height: int):
    dice = np.random.default_rng(seed)
    low, high = sorted(dice.integers(0, 256, 2))
    picture = dice.integers(low, high + 1, (height, width, 3)).astype(np.uint8)
    quality = assess(picture)
    parts = (quality.sharpness, quality.exposure, quality.glare, quality.size, quality.inside)
    assert all(0 <= part <= 1 for part in parts)
    assert quality.score == pytest.approx(np.prod(parts))


def test_a_score_is_never_better_than_its_worst_part_and_two_faults_are_worse_than_one():
    one, two = Quality(1, 0.3, 1, 1, 1), Quality(0.4, 0.3, 1, 1, 1)
    assert two.score < one.score <= 0.3
    assert two.low
    assert not one.low


def test_good_pictures_are_not_low_and_ruined_ones_are():
    for kind in PICTURES.values():
        for seed in range(4):
            assert assess(kind(seed)).score > 1.5 * LOW
            assert assess(blurred(kind(seed), 0.03)).low
            assert assess(cv2.convertScaleAbs(kind(seed), alpha=0.05)).low
