"""Skin is laid along a line without slipping, and found again from the bed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki.virtual.stream.ribbon import Line


def _arc(bend: float, turn: float) -> Line:
    """A line of one curvature, as an animal that lies in an arc."""
    along = np.arange(-0.16, 5.5, 0.08)
    angle = turn + bend * along
    return Line.near(np.cumsum(np.stack([np.cos(angle), np.sin(angle)], axis=1), axis=0) * 0.08, -0.16)


@settings(max_examples=40, deadline=None)
@given(bend=st.floats(-0.5, 0.5), turn=st.floats(-3.1, 3.1), seed=st.integers(0, 2**31))
def test_from_the_skin_to_the_bed_and_back(bend, turn, seed):
    rng = np.random.default_rng(seed)
    line = _arc(bend, turn)
    across, along = rng.uniform(-0.6, 0.6, 50), rng.uniform(0.1, 5.0, 50)
    places = line.on_bed(across, along)
    found = line.on_map(places[:, 0].astype(np.float32), places[:, 1].astype(np.float32))
    assert found[0] == pytest.approx(across, abs=0.01)
    assert found[1] == pytest.approx(along, abs=0.01)


def test_right_is_the_animals_right():
    # The snout points up in the picture, so the line runs downwards and its right is the picture's.
    line = Line.near(np.stack([np.zeros(20), np.linspace(0, 1, 20)], axis=1), 0.0)
    assert line.on_bed(np.array([0.3]), np.array([0.5]))[0] == pytest.approx((0.3, 0.5), abs=1e-6)


def test_a_line_through_corners_begins_and_ends_at_them():
    corners = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)])
    line = Line.through(corners, -0.2, 30)
    assert line.points[0] == pytest.approx(corners[0])
    assert line.points[-1] == pytest.approx(corners[-1])
    assert line.along[0] == -0.2
    assert line.along[-1] == pytest.approx(1.8)
