from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanzaki import Box

numbers = st.floats(-1e6, 1e6)
sides = st.floats(1e-3, 1e6)
turns = st.just(0.0) | st.floats(-6, 6)
boxes = st.builds(Box, numbers, numbers, sides, sides, turns)


@given(boxes)
def test_text_and_back_is_the_same_box(box: Box):
    assert Box.parse(str(box)) == box


@pytest.mark.parametrize("text", ["1 2 3 4", "[1, 2, 3, 4]", "(1.0,2.0,3.0,4.0)", " 1;2;3;4 ", "[1 2\n3 4]"])
def test_boxes_are_read_as_the_field_writes_them(text: str):
    assert Box.parse(text) == Box(1, 2, 3, 4)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 2 3",
        "1 2 3 4 5 6",
        "a b c d",
        "1 2 nan 4",
        "1 2 inf 4",
        "0 0 0 4",
        "0 0 4 -1",
        "1 2 3 4 7",
        "1 2 3 4 nan",
    ],
)
def test_what_is_no_box_is_refused(text: str):
    with pytest.raises(ValueError, match="box"):
        Box.parse(text)


@given(boxes, st.floats(0.01, 1))
def test_the_central_part_has_its_share_of_the_area_and_the_same_centre_and_shape(box: Box, fraction: float):
    part = box.scaled_area(fraction)
    assert math.isclose(part.area, box.area * fraction, rel_tol=1e-6)
    assert math.isclose(part.w / part.h, box.w / box.h, rel_tol=1e-6)
    assert math.isclose(part.x + part.w / 2, box.x + box.w / 2, rel_tol=1e-6, abs_tol=1e-6)
    assert math.isclose(part.y + part.h / 2, box.y + box.h / 2, rel_tol=1e-6, abs_tol=1e-6)


def test_a_fifth_number_turns_the_box():
    assert Box.parse("1 2 3 4 0.5") == Box(1, 2, 3, 4, 0.5)
    assert str(Box(1, 2, 3, 4)) == "1 2 3 4"


@given(boxes)
def test_the_upright_box_encloses_the_corners_of_the_turned_one(box: Box):
    centre = complex(box.x + box.w / 2, box.y + box.h / 2)
    turned = [
        centre + complex(x * box.w / 2, y * box.h / 2) * complex(math.cos(box.theta), math.sin(box.theta))
        for x in (-1, 1)
        for y in (-1, 1)
    ]
    around = box.upright
    slack = 1e-9 * (abs(centre) + box.w + box.h)
    assert min(corner.real for corner in turned) == pytest.approx(around.x, abs=slack)
    assert max(corner.imag for corner in turned) == pytest.approx(around.y + around.h, abs=slack)
    assert around.theta == 0


places, lengths = st.floats(-1e3, 1e3), st.floats(1, 1e3)
drawn = st.builds(Box, places, places, lengths, lengths, turns)


@given(drawn, drawn)
def test_overlap_is_symmetric_and_whole_with_itself(one: Box, other: Box):
    assert one.overlap(other) == pytest.approx(other.overlap(one), abs=1e-9)
    assert 0 <= one.overlap(other) <= 1 + 1e-9
    assert one.overlap(one) == pytest.approx(1)
    assert Box(0, 0, 4, 2).overlap(Box(2, 0, 4, 2)) == pytest.approx(1 / 3)
    assert Box(0, 0, 4, 2).overlap(Box(4, 0, 4, 2)) == 0


@pytest.mark.parametrize(
    ("box", "meets"),
    [(Box(0, 0, 5, 5), True), (Box(-4, -4, 5, 5), True), (Box(-5, 0, 5, 5), False), (Box(10, 0, 5, 5), False)],
)
def test_whether_a_box_lies_on_an_image(box: Box, meets: bool):
    assert box.meets(10, 10) is meets
