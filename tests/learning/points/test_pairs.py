from __future__ import annotations

import numpy as np
import pytest

from hanzaki.learning.points import pairs as module
from hanzaki.learning.points.pairs import PATCH, Pairs, _Seen, draw_pairs, same_places, slopes


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> Pairs:
    return draw_pairs(tmp_path_factory.mktemp("pairs"), 4, 2, size=200)


def test_pairs_are_of_whole_patches_with_whose_they_are(pairs):
    assert len(pairs) > 20
    assert pairs.patches.shape[1:] == (2, PATCH, PATCH)
    assert pairs.patches.dtype == np.uint8
    assert set(pairs.individuals) <= {0, 1, 2, 3}
    assert set(pairs.species) == {0}
    assert np.abs(pairs.places).max() < 2


def test_two_patches_of_a_pair_are_more_alike_than_two_of_different_pairs(pairs):
    flat = pairs.patches.reshape(len(pairs), 2, -1).astype(float)
    flat -= flat.mean(axis=2, keepdims=True)
    flat /= flat.std(axis=2, keepdims=True) + 1e-9
    alike = flat[:, 0] @ flat[:, 1].T / flat.shape[2]
    assert alike.diagonal().mean() > alike.mean() + 0.2
    assert (alike.argmax(axis=1) == np.arange(len(alike))).mean() > 5 / len(alike)


def test_what_was_drawn_is_not_drawn_again(tmp_path, monkeypatch):
    first = draw_pairs(tmp_path, 2, 2, size=128)
    monkeypatch.setattr(module, "_drawn", None)
    again = draw_pairs(tmp_path, 2, 2, size=128)
    np.testing.assert_array_equal(first.patches, again.patches)


def test_slopes_are_those_of_the_skin():
    down, across = np.indices((40, 50)).astype(np.float32)
    skin = np.dstack([0.1 * across, 0.02 * across + 0.3 * down]).astype(np.float32)
    points = np.array([[20.0, 15.0]] * 2, np.float32)
    along, beside = slopes(skin, points, np.array([0.0, np.pi / 2], np.float32))
    np.testing.assert_allclose(along, [[0.1, 0.02], [0.0, 0.3]], atol=1e-5)
    np.testing.assert_allclose(beside, [[0.0, 0.3], [-0.1, -0.02]], atol=1e-5)


def _seen(*points: tuple[float, float, float, float]) -> _Seen:
    rows = np.array(points, np.float32).reshape(-1, 4)
    return _Seen(rows[:, :2], rows[:, 2], rows[:, 3], np.zeros((len(rows), PATCH, PATCH), np.uint8))


def test_points_are_of_one_place_if_near_alike_in_size_and_turn_and_each_others_best():
    one = _seen((0, 0, 0.1, 0), (0.5, 0, 0.1, 0), (1, 0, 0.1, 0), (1, 0.5, 0.1, 0))
    other = _seen(
        (0.02, 0, 0.1, 0.1),  # the first
        (0.01, 0.05, 0.1, 0.1),  # nearly, but the one above is nearer
        (0.5, 0, 0.2, 0),  # the second's place, but twice as large
        (1, 0, 0.1, 2.0),  # the third's, but turned
        (1, 0.7, 0.1, 0),  # too far from the fourth
    )
    rows, others = same_places(one, other)
    assert (rows.tolist(), others.tolist()) == ([0], [0])
    assert same_places(one, _seen())[0].size == 0


def test_a_turn_is_measured_the_short_way_round():
    rows, _ = same_places(_seen((0, 0, 0.1, 3.1)), _seen((0, 0, 0.1, -3.1)))
    assert rows.tolist() == [0]
