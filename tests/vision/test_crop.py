from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanzaki import Box
from hanzaki.vision.crop import crop, resize
from tests.fixtures.photographs import pixels

IMAGE = pixels(0, (64, 48))


def test_no_box_is_the_whole_picture():
    assert crop(IMAGE, None) is not None
    np.testing.assert_array_equal(crop(IMAGE, None), IMAGE)


def test_a_box_is_cut_out():
    np.testing.assert_array_equal(crop(IMAGE, Box(10, 5, 20, 30)), IMAGE[5:35, 10:30])


def test_the_salamander_papers_sixty_percent_of_the_area():
    part = crop(IMAGE, Box(0, 0, 60, 40), area_fraction=0.6)
    assert part.shape[0] * part.shape[1] == pytest.approx(0.6 * 60 * 40, rel=0.05)
    np.testing.assert_array_equal(part[0, 0], IMAGE[5, 7])


def test_a_box_over_the_edge_keeps_its_place_and_size():
    part = crop(IMAGE, Box(-10, -5, 30, 20))
    assert part.shape == (20, 30, 3)
    np.testing.assert_array_equal(part[5:, 10:], IMAGE[:15, :20])


@given(st.floats(-80, 80), st.floats(-80, 80), st.floats(0.1, 150), st.floats(0.1, 150), st.floats(0.05, 1))
def test_any_box_gives_a_picture_of_the_image_alone_or_an_error(
    x: float, y: float, w: float, h: float, part: float
):
    image = np.full((48, 64, 3), 77, np.uint8)
    try:
        cut = crop(image, Box(x, y, w, h), part)
    except ValueError as error:
        assert "the box" in str(error)
        return
    assert min(cut.shape) >= 1
    assert (cut == 77).all()  # nothing but pixels of the photograph


def test_a_turned_box_comes_out_upright():
    # a quarter turn clockwise: the box's top side lies at the right of what it covers
    cut = crop(IMAGE, Box(20, 10, 20, 10, np.pi / 2))
    covered = IMAGE[5:25, 25:35]
    assert cut.shape == (10, 20, 3)
    np.testing.assert_array_equal(cut, np.rot90(covered))


def test_a_full_turn_is_none():
    np.testing.assert_array_equal(crop(IMAGE, Box(10, 5, 20, 30, 2 * np.pi)), crop(IMAGE, Box(10, 5, 20, 30)))


@given(st.floats(-40, 100), st.floats(-40, 80), st.floats(1, 60), st.floats(1, 60), st.floats(-6.2, 6.2))
def test_a_turned_box_shows_what_lies_there(x: float, y: float, w: float, h: float, theta: float):
    down, across = np.mgrid[:48, :64]
    slopes = np.dstack([across * 3, down * 4, np.full_like(down, 77)]).astype(np.uint8)
    box = Box(x, y, w, h, theta)
    try:
        cut = crop(slopes, box)
    except ValueError:
        assert not box.meets(64, 48)
        return
    rows, columns = cut.shape[:2]
    # where the middle of the cut-out's middle pixel lies in the photograph, which repeats its edge
    right, below = (columns // 2 + 0.5 - columns / 2), (rows // 2 + 0.5 - rows / 2)
    at_x = x + w / 2 + right * np.cos(theta) - below * np.sin(theta) - 0.5
    at_y = y + h / 2 + right * np.sin(theta) + below * np.cos(theta) - 0.5
    expected = np.clip(at_x, 0, 63) * 3, np.clip(at_y, 0, 47) * 4
    assert cut[rows // 2, columns // 2, :2] == pytest.approx(expected, abs=2)
    assert (cut[..., 2] == 77).all()


def test_turning_takes_time_by_the_box_not_the_photograph():
    photograph = np.zeros((3000, 4000, 3), np.uint8)
    started = time.process_time()
    for _ in range(20):
        crop(photograph, Box(1800, 1300, 400, 300, 0.3))
    assert time.process_time() - started < 0.5  # to turn the whole photograph 20 times takes ten times as long


@pytest.mark.parametrize("box", [Box(10, 99.9, 20, 20), Box(-19.9, 10, 20, 20), Box(99.6, 99.6, 5, 5)])
def test_a_sliver_of_a_box_repeats_the_edge(box: Box):
    assert (crop(np.full((100, 100, 3), 77, np.uint8), box) == 77).all()


@pytest.mark.parametrize("box", [Box(0, 0, 200_000, 200_000), Box(0, 0, 1e300, 1e300), Box(5000, 0, 10, 10)])
def test_a_box_that_makes_no_sense_is_an_error(box: Box):
    with pytest.raises(ValueError, match="photograph"):
        crop(IMAGE, box)


@pytest.mark.parametrize("mode", ["squash", "pad"])
@given(width=st.integers(1, 90), height=st.integers(1, 90))
def test_resizing_gives_the_size_that_was_asked_for(mode: str, width: int, height: int):
    assert resize(IMAGE, (width, height), mode).shape == (height, width, 3)


def test_padding_keeps_the_aspect_ratio():
    white = np.full((20, 40, 3), 255, np.uint8)
    padded = resize(white, (40, 40), "pad")
    assert (padded[:20] == 255).all()
    assert (padded[20:] == 0).all()
