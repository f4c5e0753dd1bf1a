from __future__ import annotations

import numpy as np
import pytest

from hanzaki.matching.geometry import correspondences
from tests.fixtures.keypoints import TURN, animal, seen_again

ANIMALS = [animal(seed) for seed in range(6)]
AGAIN = [seen_again(one, seed) for seed, one in enumerate(ANIMALS)]


def test_verified_pairs_agree_with_the_true_transform():
    query, candidate = ANIMALS[3], AGAIN[3]
    found = correspondences(query, candidate)
    assert len(found.pairs) > 30
    assert (found.weights >= 0).all()
    expected = query.points[found.pairs[:, 0]] @ TURN[:, :2].T + TURN[:, 2]
    np.testing.assert_allclose(candidate.points[found.pairs[:, 1]], expected, atol=0.01)
    np.testing.assert_allclose(found.transform, TURN, rtol=0.02, atol=2)


def test_another_animal_has_hardly_any_verified_evidence():
    query = ANIMALS[3]
    assert correspondences(query, AGAIN[3]).evidence > 10 * correspondences(query, AGAIN[4]).evidence


@pytest.mark.parametrize("count", [0, 1])
def test_pictures_with_hardly_any_keypoints(count: int):
    bare = animal(7, count)
    assert len(correspondences(bare, bare).pairs) == count
