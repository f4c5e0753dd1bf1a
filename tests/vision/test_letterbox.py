"""How photographs come to a detector's size, beside the programs whose detectors are run."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanzaki.vision.crop import letterbox
from tests.fixtures.photographs import pixels

sides = st.integers(1, 300)
modes = st.sampled_from([("pad", False), ("pad", True), ("squash", False)])


def _yolox(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """YOLOX, yolox/data/data_augment.py, ``preproc``, up to the order of the axes."""
    padded = np.ones((size[1], size[0], 3), np.uint8) * 114
    r = min(size[1] / image.shape[0], size[0] / image.shape[1])
    resized = cv2.resize(image, (int(image.shape[1] * r), int(image.shape[0] * r)), interpolation=cv2.INTER_LINEAR)
    padded[: int(image.shape[0] * r), : int(image.shape[1] * r)] = resized
    return padded


def _ultralytics(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The formula of ultralytics' ``LetterBox(auto=False)``, written anew."""
    r = min(size[1] / image.shape[0], size[0] / image.shape[1])
    inner = round(image.shape[1] * r), round(image.shape[0] * r)
    beside, below = (size[0] - inner[0]) / 2, (size[1] - inner[1]) / 2
    resized = cv2.resize(image, inner, interpolation=cv2.INTER_LINEAR)
    top, bottom, left, right = round(below - 0.1), round(below + 0.1), round(beside - 0.1), round(beside + 0.1)
    return cv2.copyMakeBorder(resized, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(114, 114, 114))


@pytest.mark.parametrize(("reference", "centred"), [(_yolox, False), (_ultralytics, True)])
@given(
    size=st.tuples(st.integers(8, 70), st.integers(8, 70)), inputs=st.sampled_from([(32, 32), (64, 48), (41, 64)])
)
def test_the_pixels_are_those_of_the_program_that_trained_it(reference, centred, size, inputs):
    image = pixels(0, size)
    made, _ = letterbox(image, inputs, "pad", centred=centred)
    np.testing.assert_array_equal(made, reference(image, inputs))


@given(sides, sides, sides, sides, modes, st.sampled_from(["linear", "area"]))
def test_any_photograph_fits_and_is_found_where_it_is_said_to_lie(width, height, wide, high, mode, interpolation):
    image = np.full((height, width, 3), 200, np.uint8)
    made, place = letterbox(image, (wide, high), mode[0], centred=mode[1], padding=7, interpolation=interpolation)
    assert made.shape == (high, wide, 3)
    inside = made[place.top : place.top + place.inner[1], place.left : place.left + place.inner[0]]
    assert inside.shape[:2] == place.inner[::-1]
    assert (inside == 200).all()
    assert (made == 7).sum() == made.size - inside.size


corner = st.floats(-500, 800, allow_nan=False)


@given(sides, sides, sides, sides, modes, st.lists(st.tuples(corner, corner, corner, corner), max_size=5))
def test_boxes_there_and_back_are_the_same(width, height, wide, high, mode, rows):
    boxes = np.array(rows, float).reshape(-1, 4)
    _, place = letterbox(np.zeros((height, width, 3), np.uint8), (wide, high), mode[0], centred=mode[1])
    np.testing.assert_allclose(place.to_image(place.to_input(boxes)), boxes, atol=1e-4)
    np.testing.assert_allclose(place.to_input(place.to_image(boxes)), boxes, atol=1e-4)


@given(sides, sides, sides, sides, modes)
def test_the_whole_photograph_is_the_whole_of_its_place(width, height, wide, high, mode):
    _, place = letterbox(np.zeros((height, width, 3), np.uint8), (wide, high), mode[0], centred=mode[1])
    x1, y1, x2, y2 = place.to_input(np.array([[0.0, 0, width, height]]))[0]
    assert (x1, y1) == (place.left, place.top)
    assert (x2 - x1, y2 - y1) == pytest.approx(place.inner)


def test_a_patch_is_found_again_to_a_pixel():
    image = np.zeros((300, 500, 3), np.uint8)
    image[90:210, 200:350] = 255
    for mode, centred in [("pad", False), ("pad", True), ("squash", False)]:
        made, place = letterbox(image, (320, 256), mode, centred=centred, padding=0)
        rows, columns = np.nonzero(made[..., 0] > 127)
        seen = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], float)
        np.testing.assert_allclose(place.to_image(seen)[0], [200, 90, 350, 210], atol=1.0)


def test_averaging_does_not_alias():
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    assert letterbox(stripes, (32, 32), interpolation="area")[0].std() < 3
    assert letterbox(stripes[:, :255], (32, 32), "squash", interpolation="linear")[0].std() > 3
