"""Hides teach to look at where markings lie, because nothing else tells individuals apart."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from hanzaki.cli.app import app
from hanzaki.errors import SettingError
from hanzaki.exchange.identity_csv import read_identity_csv
from hanzaki.virtual import write_hides
from hanzaki.virtual.hides import Hide, Species, draw_hide
from hanzaki.virtual.hides.bodies import draw_view
from hanzaki.virtual.hides.patterns import KINDS
from hanzaki.virtual.hides.scenery import before
from hanzaki.virtual.population import COLUMNS

SIZE = 96
MANY = range(32)  # species: each kind of markings twice


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hides")
    write_hides(folder, 32, 2, seed=5, size=SIZE, threads=2)
    return folder


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _species(number: int) -> Species:
    return Species.draw(np.random.default_rng([7, number]), number)


def _hide(number: int, individual: int) -> Hide:
    return draw_hide(_species(number), np.random.default_rng([number, individual]), SIZE)


def test_bytes_follow_from_the_seed_whatever_the_threads(folder, tmp_path):
    write_hides(tmp_path, 32, 2, seed=5, size=SIZE, threads=1)
    assert _contents(tmp_path) == _contents(folder)


def test_another_seed_gives_others(folder, tmp_path):
    write_hides(tmp_path, 1, 1, seed=6, size=SIZE)
    name = "hide-00001-01.jpg"
    assert _contents(tmp_path)[name] != _contents(folder)[name]


def test_only_what_is_missing_is_made(tmp_path):
    first = write_hides(tmp_path, 2, 2, size=SIZE)
    paths = [tmp_path / path for path in first.path]
    before = paths[3].read_bytes()
    paths[3].unlink()
    for path in paths[:3]:
        os.utime(path, (1, 1))
    told: list[tuple[int, int]] = []
    again = write_hides(tmp_path, 3, 2, size=SIZE, progress=lambda *numbers: told.append(numbers))
    assert told == [(2, 6), (4, 6), (6, 6)]
    assert again.head(4).equals(first)
    assert paths[3].read_bytes() == before
    assert [path.stat().st_mtime for path in paths[:3]] == [1, 1, 1]
    assert not list(tmp_path.rglob("*.part"))


def test_a_folder_keeps_to_its_seed_and_size(folder):
    with pytest.raises(SettingError, match="another folder"):
        write_hides(folder, 32, 2, seed=4, size=SIZE)


@pytest.mark.parametrize(
    "wrong", [{"individuals": 0}, {"photographs": 0}, {"size": 63}, {"seed": -1}, {"threads": 0}]
)
def test_numbers_that_make_no_sense_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="at least one"):
        write_hides(tmp_path, **({"individuals": 1, "photographs": 1} | wrong))
    assert not list(tmp_path.iterdir())


def test_table_can_be_read_and_boxes_lie_in_the_pictures(folder):
    assert (folder / "annotations.csv").read_text().splitlines()[0].split(",") == COLUMNS
    rows = list(read_identity_csv(folder / "annotations.csv"))
    assert len(rows) == 64
    assert len({row.identity for row in rows}) == 32
    assert [row.species for row in rows] == ["hides-001"] * 60 + ["hides-002"] * 4
    assert len({row.encounter for row in rows}) == 64
    for row in rows:
        with Image.open(folder / row.path) as picture:
            assert max(picture.size) == SIZE
            x, y, w, h = row.bbox.x, row.bbox.y, row.bbox.w, row.bbox.h
            assert x >= 0
            assert y >= 0
            assert x + w <= picture.width
            assert y + h <= picture.height
            assert w * h > 0.3 * picture.width * picture.height
        assert row.orientation == "left"


def test_individuals_of_a_species_differ_only_by_where_their_markings_lie():
    for number in MANY:
        one, other = _hide(number, 0), _hide(number, 1)
        assert abs(np.corrcoef(one.pattern.ravel(), other.pattern.ravel())[0, 1]) < 0.3, number
        assert one.pattern.mean() == pytest.approx(other.pattern.mean(), abs=0.12), number
        for channel in range(3):
            levels = [np.percentile(hide.sheet[..., channel], (10, 50, 90)) for hide in (one, other)]
            assert np.abs(levels[0] - levels[1]).max() < 55, number
        assert one.sheet.mean((0, 1)) == pytest.approx(other.sheet.mean((0, 1)), abs=14), number


def test_one_seed_is_one_hide():
    assert np.array_equal(_hide(3, 1).sheet, _hide(3, 1).sheet)


def test_species_go_through_every_kind_and_some_are_faint():
    species = [_species(number) for number in MANY]
    assert {style.kind for one in species for style in one.styles} == set(KINDS)
    contrast = np.array([one.contrast for one in species])
    assert contrast.min() > 20
    assert 0.1 < (contrast < 45).mean() < 0.7
    assert len({one.body.shape for one in species}) == 5
    inks = np.array([np.mean(one.inks[0]) > np.mean(one.ground) for one in species])
    assert 0.15 < inks.mean() < 0.85


def test_every_kind_marks_some_of_the_skin_and_not_all():
    for number in MANY:
        hide = _hide(number, 2)
        assert hide.pattern.dtype == np.float32
        assert 0.002 < (hide.pattern > 0.3).mean() < 0.95, number


def test_at_most_a_quarter_of_the_animal_is_hidden():
    for number in range(40):
        rng = np.random.default_rng(number)
        animal = draw_view(_species(number).body, rng, SIZE).animal
        covering = before(rng, animal)
        if covering is not None:
            assert np.minimum(covering[1], animal).sum() <= 0.26 * animal.sum()


def test_the_command_writes_and_goes_on(tmp_path):
    words = [
        "virtual",
        "hides",
        str(tmp_path),
        "--photographs",
        "1",
        "--seed",
        "3",
        "--size",
        "64",
        "--individuals",
    ]
    for number in ("1", "2"):
        result = CliRunner().invoke(app, [*words, number])
        assert result.exit_code == 0, result.output
        assert f"{number} photographs of {number} individuals" in result.output
    assert len(list((tmp_path / "photographs").iterdir())) == 2
