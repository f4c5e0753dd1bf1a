from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hanzaki import FieldCatalogue, SettingError
from hanzaki.fieldwork.identity import sheet
from hanzaki.fieldwork.identity.identify import Photograph
from hanzaki.fieldwork.identity.sheet import draw_sheet
from tests.fixtures.photographs import write
from tests.fixtures.told import answer, identification

GREEN, RED = (42, 127, 98), (181, 83, 60)
TILE, GAP, ROW = 220, 12, 268


@pytest.fixture
def river(catalogue: FieldCatalogue, tmp_path: Path) -> FieldCatalogue:
    """Encounter 1 is of Sakura, encounter 2 of Ume, encounter 3 of nobody known."""
    for number in range(3):
        catalogue.add(write(tmp_path / f"{number}.jpg", number))
    catalogue.confirm(1, "new", name="Sakura")
    catalogue.confirm(2, "new", name="Ume")
    return catalogue


def frames(path: Path, row: int = 0) -> list[tuple[int, ...] | None]:
    """The colours of the frames of a row's four tiles."""
    pixels = np.asarray(Image.open(path).convert("RGB"))
    found = []
    for place in range(4):
        edge = pixels[GAP + row * ROW + TILE // 2, place * (TILE + GAP) + GAP - 2]
        found.append(next((colour for colour in (GREEN, RED) if tuple(edge) == colour), None))
    return found


def asked(new: float, sakura: float, ume: float):
    candidates = [
        answer("Sakura", sakura, photograph=Photograph("0.jpg", Path("0.jpg"), 1), asked=3),
        answer("Ume", ume, photograph=Photograph("1.jpg", Path("1.jpg"), 2), asked=3),
    ]
    ordered = tuple(sorted(candidates, key=lambda each: -each.probability))
    return identification(new, ordered, query="encounter 3", encounter=3)


def test_answers_are_framed_by_whether_they_are_right(river, tmp_path):
    path = tmp_path / "answers.png"
    draw_sheet(river, [asked(0.3, 0.5, 0.2)], path, {3: "Sakura"})
    assert frames(path) == [None, GREEN, RED, None]  # Sakura, Ume; somebody new is not the answer
    draw_sheet(river, [asked(0.3, 0.5, 0.2)], path, {3: "Momo"})
    assert frames(path) == [None, RED, RED, None]
    draw_sheet(river, [asked(0.5, 0.2, 0.3)], path, {3: "Sakura"})
    assert frames(path) == [None, RED, RED, GREEN]  # somebody new, Ume, Sakura
    draw_sheet(river, [asked(0.5, 0.2, 0.3)], path)
    assert frames(path) == [None] * 4


def test_who_has_no_other_encounter_is_new(river, tmp_path):
    river.confirm(3, "new", name="Momo")
    path = tmp_path / "answers.png"
    draw_sheet(river, [asked(0.6, 0.3, 0.1)], path, {3: "Momo"})
    assert frames(path) == [None, GREEN, RED, RED]


def test_somebody_new_has_a_tile_without_a_photograph(river, tmp_path):
    path = tmp_path / "answers.png"
    draw_sheet(river, [asked(0.5, 0.3, 0.2)], path)
    pixels = np.asarray(Image.open(path).convert("RGB"))
    tiles = [pixels[GAP : GAP + TILE, place * (TILE + GAP) + GAP :][:, :TILE] for place in range(4)]
    colours = [len(np.unique(tile.reshape(-1, 3), axis=0)) for tile in tiles]
    assert colours[1] < 300 < min(colours[0], colours[2], colours[3])


def test_a_query_that_nobody_is_a_candidate_for_is_drawn(river, tmp_path):
    path = tmp_path / "answers.png"
    nobody = identification(1.0, {}, query="encounter 3", encounter=3)
    draw_sheet(river, [nobody, asked(0.6, 0.3, 0.1)], path, {3: "Momo"})
    assert frames(path) == [None, GREEN, None, None]
    assert frames(path, row=1) == [None, GREEN, RED, RED]
    pixels = np.asarray(Image.open(path).convert("RGB"))
    assert len(np.unique(pixels[GAP : GAP + TILE, GAP : GAP + TILE].reshape(-1, 3), axis=0)) > 300


def test_long_names_stay_within_their_tile(river, tmp_path):
    path = tmp_path / "answers.png"
    photograph = Photograph("0.jpg", Path("0.jpg"), 1)
    named = answer("the one with the long scar on its left flank", 0.9, photograph=photograph, asked=3)
    draw_sheet(river, [identification(0.1, (named,), encounter=3)], path)
    pixels = np.asarray(Image.open(path).convert("RGB"))
    between = pixels[GAP + TILE : ROW, 2 * (TILE + GAP) : 2 * (TILE + GAP) + GAP]
    assert (between == pixels[0, 0]).all()


def test_no_answers_and_no_place_to_write(river, tmp_path):
    draw_sheet(river, [], tmp_path / "none.jpg")
    assert (tmp_path / "none.jpg").is_file()
    with pytest.raises(SettingError, match="cannot be written"):
        draw_sheet(river, [], tmp_path / "gone" / "none.jpg")


def test_probabilities_that_no_picture_speaks_for_say_so(river, tmp_path, monkeypatch):
    written: list[str] = []
    monkeypatch.setattr(sheet, "_write", lambda _sheet, _corner, text, _colour: written.append(text))
    draw_sheet(river, [asked(0.3, 0.5, 0.2)], tmp_path / "told.png")
    assert "somebody new 30 %" in written
    draw_sheet(river, [replace(asked(0.3, 0.5, 0.2), compared=False)], tmp_path / "prior.png")
    assert "somebody new 30 %, prior only" in written
