from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from hanzaki.vision.rootsift import RootSift, central_weights, root_descriptors


def spotted(seed: int = 0, width: int = 300, height: int = 200) -> np.ndarray:
    """A brown flank with pale spots, uint8 (H, W, 3)."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), (120, 80, 50), np.uint8)
    for _ in range(60):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        colour = tuple(int(value) for value in rng.integers(60, 255, 3))
        cv2.circle(image, centre, int(rng.integers(2, 14)), colour, -1)
    return cv2.GaussianBlur(image, (0, 0), 1.0)


def test_points_are_in_pixels_of_the_picture_given():
    image = np.full((600, 900, 3), 60, np.uint8)
    cv2.circle(image, (500, 300), 30, (230, 230, 230), -1)
    keypoints = RootSift(longest=300)(image)
    blob = np.linalg.norm(keypoints.points - [500, 300], axis=1).argmin()
    np.testing.assert_allclose(keypoints.points[blob], [500, 300], atol=3)
    assert 30 < keypoints.sizes[blob] < 120
    assert keypoints.extent == (900, 600)


def test_the_same_picture_gives_the_same_keypoints():
    first, second = (RootSift()(spotted()).to_bytes() for _ in range(2))
    assert first == second


def test_no_more_keypoints_than_asked_for():
    assert len(RootSift(most=20)(spotted())) == 20


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 300, 3), (200, 100, 3)])
def test_a_picture_without_markings_has_no_keypoints(shape: tuple[int, int, int]):
    keypoints = RootSift()(np.full(shape, 90, np.uint8))
    assert len(keypoints) == 0
    assert keypoints.points.shape == (0, 2)
    assert keypoints.descriptors.shape == (0, 128)


def test_upright_points_all_point_the_same_way_and_none_is_there_twice():
    keypoints = RootSift(upright=True)(spotted())
    assert not keypoints.angles.any()
    rows = np.column_stack([keypoints.points, keypoints.sizes])
    assert len(np.unique(rows, axis=0)) == len(rows)


def test_points_in_the_middle_of_the_box_weigh_most():
    weights = central_weights(np.array([[50, 20], [10, 20], [0, 0]], np.float32), 100, 40, 0.45)
    assert weights[0] == 1
    assert weights[0] > weights[1] > weights[2] > 0


def test_descriptors_are_root_sift():
    sift = np.random.default_rng(0).integers(0, 256, (5, 128)).astype(np.float32)
    rows = root_descriptors(sift).astype(float) / 512
    np.testing.assert_allclose(rows**2, sift / sift.sum(1, keepdims=True), atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=0.01)
    assert not root_descriptors(np.zeros((1, 128), np.float32)).any()


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(RootSift)])
def test_every_parameter_changes_the_recipes_name(field: str):
    standard = RootSift()
    value = getattr(standard, field)
    changed = not value if isinstance(value, bool) else value * 2
    assert dataclasses.replace(standard, **{field: changed}).name != standard.name
    assert RootSift().name == standard.name
