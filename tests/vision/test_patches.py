from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki.vision.patches import cut_patches


def _noise(side: int = 160) -> np.ndarray:
    grey = np.random.default_rng(0).integers(0, 256, (side, side)).astype(np.uint8)
    return cv2.GaussianBlur(grey, (0, 0), 3)


def _cut(grey: np.ndarray, x: float, y: float, size: float, angle: float, side: int = 32) -> np.ndarray:
    columns = [np.array([value], np.float32) for value in (size, angle)]
    return cut_patches(grey, np.array([[x, y]], np.float32), *columns, side, 6.0)[0]


def test_a_patch_of_one_pixel_a_pixel_is_the_picture_around_its_point():
    grey = _noise()
    # 32 pixels around the corner between four pixels
    patch = _cut(grey, 79.5, 79.5, 32 / 6, 0)
    np.testing.assert_array_equal(patch, grey[64:96, 64:96])


def test_a_patch_is_turned_to_the_direction_of_its_point():
    grey = _noise()
    turned = _cut(grey, 79.5, 79.5, 32 / 6, 90)  # its x axis points down in the picture
    np.testing.assert_array_equal(turned, np.rot90(grey[64:96, 64:96]))


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 360), st.floats(3, 12), st.integers(0, 3))
def test_a_patch_turns_and_grows_with_the_picture(angle, size, turns):
    grey = _noise()
    places = {0: (70, 90), 1: (90, 89), 2: (89, 69), 3: (69, 70)}  # of one pixel, after each turn to the left
    x, y = places[turns]
    one = _cut(grey, 70, 90, size, angle).astype(int)
    other = _cut(np.ascontiguousarray(np.rot90(grey, turns)), x, y, size, angle - 90 * turns).astype(int)
    assert np.abs(one - other).mean() < 2
    larger = cv2.resize(grey, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    twice = _cut(larger, 2 * 70 + 0.5, 2 * 90 + 0.5, 2 * size, angle).astype(int)
    assert np.abs(one - twice).mean() < 4


def test_a_large_patch_is_not_aliased():
    grey = np.indices((512, 512)).sum(axis=0) % 2 * 255  # a chessboard of pixels is grey from afar
    patch = _cut(grey.astype(np.uint8), 256, 256, 40, 0)
    assert np.abs(patch.astype(int) - 127).max() < 12


def test_no_points_no_patches():
    none = np.zeros(0, np.float32)
    assert cut_patches(_noise(), np.zeros((0, 2), np.float32), none, none, 32, 6.0).shape == (0, 32, 32)


def test_more_points_than_one_call_of_opencv_takes():
    count = 1100  # of 32 rows each
    points = np.full((count, 2), 79.5, np.float32)
    patches = cut_patches(
        _noise(), points, np.full(count, 32 / 6, np.float32), np.zeros(count, np.float32), 32, 6.0
    )
    assert (patches == patches[0]).all()
    np.testing.assert_array_equal(patches[-1], _noise()[64:96, 64:96])
