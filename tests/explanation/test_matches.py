from __future__ import annotations

import numpy as np
import pytest

from hanzaki.explanation.matches import verified_matches
from hanzaki.keypoints import Keypoints
from hanzaki.matching.geometry import correspondences
from hanzaki.matching.points import ANY_WAY
from hanzaki.vision.rootsift import RootSift
from tests.vision.test_rootsift import spotted


def test_matches_are_the_verified_pairs_strongest_first():
    one = spotted(1)
    turned = np.ascontiguousarray(np.rot90(one, 2))
    left, right = RootSift()(one), RootSift()(turned)
    found = verified_matches(left, right, ANY_WAY)
    expected = correspondences(left, right, ANY_WAY)
    assert len(found) == len(expected.pairs) > 10
    assert found.evidence == pytest.approx(expected.evidence)
    assert (np.diff(found.weights) <= 0).all()
    height, width = one.shape[:2]
    apart = np.linalg.norm(found.left + found.right - [width - 1, height - 1], axis=1)
    assert np.median(apart) < 2  # a half turn takes x, y to w - x, h - y


def test_pictures_without_points_have_no_matches():
    nothing = RootSift()(np.zeros((60, 60, 3), np.uint8))
    found = verified_matches(nothing, RootSift()(spotted(1)))
    assert (len(found), found.evidence, found.left.shape) == (0, 0, (0, 2))


def test_points_of_two_describers_cannot_be_compared():
    one = RootSift()(spotted(1))
    other = Keypoints(one.points, one.sizes, one.angles, one.weights, one.descriptors[:, :64], one.extent)
    with pytest.raises(ValueError, match="two describers"):
        verified_matches(one, other)
