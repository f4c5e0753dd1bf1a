from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanzaki.keypoints import Keypoints


def keypoints(count: int, seed: int = 0) -> Keypoints:
    rng = np.random.default_rng(seed)
    return Keypoints(
        points=rng.random((count, 2), np.float32),
        sizes=rng.random(count, np.float32),
        angles=rng.random(count, np.float32),
        weights=rng.random(count, np.float32),
        descriptors=rng.integers(0, 255, (count, 128), np.uint8),
        extent=(640, 480),
    )


@given(st.integers(0, 20), st.integers(0, 100))
def test_bytes_and_back_are_the_same_keypoints(count: int, seed: int):
    original = keypoints(count, seed)
    copy = Keypoints.from_bytes(original.to_bytes())
    for name in Keypoints.__dataclass_fields__:
        kept, made = np.asarray(getattr(original, name)), np.asarray(getattr(copy, name))
        np.testing.assert_array_equal(kept, made)
        assert kept.dtype == made.dtype


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="length"):
        Keypoints(
            points=np.zeros((2, 2), np.float32),
            sizes=np.zeros(3, np.float32),
            angles=np.zeros(2, np.float32),
            weights=np.zeros(2, np.float32),
            descriptors=np.zeros((2, 128), np.uint8),
            extent=(640, 480),
        )
