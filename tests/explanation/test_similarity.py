"""A cosine taken apart: exact, whichever way it is summed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanzaki.explanation.similarity import decompose


@st.composite
def two_places(draw) -> tuple[np.ndarray, np.ndarray]:
    dice = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    depth = draw(st.integers(1, 9))
    shapes = [(depth, draw(st.integers(1, 4)), draw(st.integers(1, 5))) for _ in range(2)]
    scale = draw(st.sampled_from([1e-3, 1.0, 1e4]))
    return tuple((dice.normal(size=shape) * scale).astype(np.float32) for shape in shapes)


@given(two_places())
def test_both_maps_and_all_pairs_sum_to_the_cosine(places):
    left, right = (one.astype(np.float64).sum(axis=(1, 2)) for one in places)
    cosine = left @ right / np.linalg.norm(left) / np.linalg.norm(right)
    found = decompose(*places)
    assert found.left.shape == places[0].shape[1:]
    assert found.right.shape == places[1].shape[1:]
    loose = 1e-6 * max(1.0, float(np.abs(found.pairs).sum()))
    for part in (found.left, found.right, found.pairs):
        assert part.sum(dtype=np.float64) == pytest.approx(cosine, abs=loose)
    assert found.similarity == pytest.approx(cosine, abs=loose)
    np.testing.assert_allclose(found.pairs.sum(axis=1), found.left.ravel(), atol=loose)


@given(two_places())
def test_a_picture_is_like_itself_and_the_order_does_not_matter(places):
    left, right = places
    itself = decompose(left, left)
    assert itself.similarity == pytest.approx(1, abs=1e-6 * max(1.0, float(np.abs(itself.pairs).sum())))
    np.testing.assert_allclose(decompose(left, right).pairs, decompose(right, left).pairs.T, rtol=1e-4)


@given(two_places(), st.integers(0, 6))
def test_the_strongest_pairs_are_in_order_and_use_each_place_once(places, count):
    found = decompose(*places)
    pairs = found.strongest(count)
    assert len(pairs) <= count
    assert [pair.share for pair in pairs] == sorted((pair.share for pair in pairs), reverse=True)
    assert len({pair.left for pair in pairs}) == len({pair.right for pair in pairs}) == len(pairs)
    if pairs:
        assert pairs[0].share == pytest.approx(float(found.pairs.max()))


def test_the_same_patch_in_another_corner_is_what_is_alike():
    left, right = np.full((2, 5, 3, 4), 0.01, np.float32) * np.array([1, -1, 1, -1, 1])[None, :, None, None]
    left[2, 0, 1] = right[2, 2, 3] = 5
    (best,) = decompose(left, right).strongest(1)
    assert best.left == pytest.approx((1.5 / 4, 0.5 / 3))
    assert best.right == pytest.approx((3.5 / 4, 2.5 / 3))


def test_places_of_two_models_cannot_be_compared():
    with pytest.raises(ValueError, match="of one model"):
        decompose(np.zeros((3, 2, 2), np.float32), np.zeros((4, 2, 2), np.float32))
    with pytest.raises(ValueError, match="zeros"):
        decompose(np.zeros((3, 2, 2), np.float32), np.ones((3, 2, 2), np.float32))
