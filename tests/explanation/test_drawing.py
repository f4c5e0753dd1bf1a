"""Drawings: what is marked lies where it should, nothing is cut off, and files are written or said not to be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hanzaki.boxes import Box
from hanzaki.errors import SettingError
from hanzaki.explanation.colours import PAPER, colours_of, heated
from hanzaki.explanation.drawing import Legend, Lines, draw, write_picture
from hanzaki.explanation.panels import Panel, panel_of
from tests.fixtures.photographs import pixels

GREEN = np.array([20, 120, 40], np.uint8)


def _green(width: int, height: int) -> Panel:
    return Panel(np.full((height, width, 3), GREEN), "green")


def _is_green(drawing: np.ndarray) -> np.ndarray:
    return (np.abs(drawing.astype(int) - GREEN) <= 2).all(axis=-1)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.integers(8, 900), st.integers(8, 900)), min_size=1, max_size=2))
def test_pictures_keep_their_shape_side_by_side_at_one_height(sizes):
    drawing = draw([_green(*size) for size in sizes], "a title", "a note", Legend("x", "0", "1"))
    assert drawing.dtype == np.uint8
    assert drawing.shape[1] <= 1280 + 80  # a strip of 20 pixels' height is rounded by much
    found = _is_green(drawing)
    rows = np.flatnonzero(found.any(axis=1))
    height = len(rows)
    assert rows[-1] - rows[0] + 1 == height
    columns = np.flatnonzero(found[rows[0]])
    pieces = np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1)
    assert len(pieces) == len(sizes)
    for (width, tall), piece in zip(sizes, pieces, strict=True):
        assert abs(len(piece) - width * height / tall) <= 1
    assert (drawing[:30] == PAPER).all()
    assert (drawing[-30:] == PAPER).all()


def test_a_long_title_is_wrapped_and_a_long_name_shortened():
    short = draw([_green(300, 200)], "short")
    long = draw([replace(_green(300, 200), caption="x" * 500)], "many words " * 30)
    assert long.shape[1] == short.shape[1]
    assert long.shape[0] > short.shape[0]
    assert (long[:, -38:] == PAPER).all()


def test_heat_covers_where_it_is_and_leaves_the_rest_alone():
    picture = pixels(1, (60, 40))
    heat = np.zeros((40, 60), np.float32)
    heat[:, 30:] = 1
    found = heated(picture, heat)
    np.testing.assert_array_equal(found[:, :30], picture[:, :30])
    assert (
        np.abs(found[:, 30:].astype(int) - colours_of(1.0)).mean() < np.abs(picture.astype(int) - 200).mean() / 2
    )
    with pytest.raises(ValueError, match="does not lie over"):
        heated(picture, heat.T)


def test_colours_grow_lighter_in_even_steps():
    """Perceptual: lightness (CIE L*) rises all the way, with no step more than thrice the mean one."""
    import cv2

    scale = colours_of(np.linspace(0, 1, 64))
    lightness = cv2.cvtColor(scale[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0, :, 0]
    steps = np.diff(lightness)
    assert steps.min() >= 0
    assert steps.max() < 3 * steps.mean()


def test_lines_lead_from_one_picture_to_the_other_in_their_colours():
    left, right = _green(400, 300), _green(400, 300)
    lines = Lines(np.array([[100.0, 150]]), np.array([[300.0, 150]]), np.ones(1, np.float32))
    drawing = draw([left, right], "t", lines=lines)
    strongest = (np.abs(drawing.astype(int) - colours_of(1.0)) <= 12).all(axis=-1)
    columns = np.flatnonzero(strongest.any(axis=0))
    scale = 1180 / 800
    assert columns[0] == pytest.approx(40 + 100 * scale, abs=8)
    assert columns[-1] == pytest.approx(40 + 590 + 20 + 300 * scale, abs=8)
    with pytest.raises(ValueError, match="lines want two"):
        draw([left], "t", lines=lines)
    with pytest.raises(ValueError, match="wants a picture"):
        draw([], "t")


@pytest.mark.parametrize("theta", [0.0, 0.7])
def test_an_animal_is_shown_with_some_ground_around_it_and_its_box(theta):
    photograph = np.full((3000, 4000, 3), GREEN)
    panel = panel_of(photograph, Box(1000, 800, 1500, 900, theta))
    assert max(panel.size) == 1200
    assert panel.box.theta == theta
    around = panel.box.upright
    assert 0 < around.x < panel.size[0] - around.w
    assert 0 < around.y < panel.size[1] - around.h
    assert not _is_green(draw([panel], "t")[300:900, 40:1200]).all()  # the outline


def test_a_box_over_the_edge_and_no_box_are_drawn_too():
    over = panel_of(np.full((90, 120, 3), GREEN), Box(80, -20, 80, 60))
    assert over.size[0] <= 120
    assert panel_of(np.full((90, 120, 3), GREEN), None).size == (120, 90)
    assert draw([over], "t").size


def test_files_are_written_or_the_reason_said(tmp_path):
    drawing = draw([_green(30, 20)], "t")
    for ending in ("png", "jpg", "webp"):
        write_picture(tmp_path / f"why.{ending}", drawing)
        with Image.open(tmp_path / f"why.{ending}") as written:
            assert written.size == drawing.shape[1::-1]
    for path in (tmp_path / "why.docx", tmp_path / "none" / "why.png"):
        with pytest.raises(SettingError, match=r"cannot be written .* name a \.png"):
            write_picture(path, drawing)
