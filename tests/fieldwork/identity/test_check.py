"""Mistakes in a catalogue, from photographs to the command that puts them right."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import hanzaki
from hanzaki import CatalogueError, FieldCatalogue, SettingError
from hanzaki.fieldwork.identity.check import CheckReport, flanks_shown
from hanzaki.fieldwork.identity.check_sheet import draw_check, in_order
from tests.fixtures.mistaken import write_mistaken
from tests.fixtures.photographs import write

#: Six animals are too few to learn much from: more must be believed wrong, and more false alarms borne.
BOLD = {"wrong": 0.4, "tolerated": 0.6}


@pytest.fixture(scope="module")
def mistakes(stream: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[FieldCatalogue, str, str]:
    folder = tmp_path_factory.mktemp("mistaken") / "river"
    twice, mixed = write_mistaken(folder, stream)
    with hanzaki.open(folder) as catalogue:
        yield catalogue, twice, mixed


@pytest.fixture(scope="module")
def report(mistakes: tuple[FieldCatalogue, str, str]) -> CheckReport:
    return mistakes[0].check(**BOLD)


def test_who_has_two_names_stands_first(mistakes, report):
    _, twice, _ = mistakes
    first = report.ones[0]
    assert set(first.individuals) == {twice, f"{twice} again"}
    assert first.probability > 0.3
    assert {sight.individual for sight in first.sights} == set(first.individuals)
    assert all(sight.photograph.path.is_file() for sight in first.sights)
    assert [sight.encounter in some for sight, some in zip(first.sights, first.encounters, strict=True)] == [
        True
    ] * 2


def test_who_shares_a_name_stands_first(mistakes, report):
    catalogue, _, mixed = mistakes
    first = report.twos[0]
    assert first.individual == mixed
    known = catalogue.encounters().set_index("encounter")["individual"]
    assert sorted(sum(first.encounters, ())) == sorted(known.index[known == mixed])
    assert len(first.encounters[0]) <= len(first.encounters[1])


def test_the_report_says_what_it_rests_on(report):
    assert (report.individuals, report.encounters) == (7, 11)
    assert report.too_few
    assert "hanzaki calibrate" in report.calibrated


def test_its_commands_put_it_right(mistakes, report, tmp_path):
    catalogue, twice, mixed = mistakes
    shutil.copytree(catalogue.folder, tmp_path / "river")
    with hanzaki.open(tmp_path / "river") as copied:
        for command in (*report.ones[0].commands, *report.twos[0].commands):
            program, verb, encounter, who, *rest = shlex.split(command)
            assert (program, verb) == ("hanzaki", "confirm")
            copied.confirm(int(encounter), who, name=rest[1] if rest else None)
        names = set(copied.encounters()["individual"])
        after = copied.check(**BOLD)
    assert len({twice, f"{twice} again"} & names) == 1
    assert f"{mixed}-2" in names
    assert {twice, f"{twice} again"} not in [set(each.individuals) for each in after.ones]
    assert mixed not in [each.individual for each in after.twos]


def test_it_learns_from_decisions_as_they_come(catalogue, model_folder, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("hanzaki.fieldwork.identity.asking.keep_up", lambda *_: asked.append("keep up"))
    for number in range(2):
        catalogue.add(write(tmp_path / f"{number}.jpg", number))
        catalogue.confirm(number + 1, "new")
    catalogue.check(model=model_folder)
    assert asked == ["keep up"]


def test_nothing_is_changed(mistakes, report):
    assert len(mistakes[0].decisions()) == 11  # one for each encounter of the table


def test_a_photograph_of_each_flank_is_no_two_animals(catalogue, model_folder, tmp_path):
    rows = ["path,identity,orientation,encounter"]
    for number in range(12):
        write(tmp_path / f"{number}.jpg", number)
        rows.append(f"{number}.jpg,{'ABCDEF'[number // 2]},{'left' if number % 2 else 'right'},{number}")
    (tmp_path / "t.csv").write_text("\n".join(rows))
    catalogue.add(table=tmp_path / "t.csv")
    found = catalogue.check(model=model_folder, wrong=0.5, tolerated=0.9)
    assert all(two.probability <= 0.5 for two in found.twos)


def test_species_are_kept_apart(catalogue, model_folder, tmp_path):
    rows = ["path,identity,species,encounter"]
    for number in range(8):
        write(tmp_path / f"{number}.png", number // 2)  # each picture twice, as two species
        rows.append(f"{number}.png,animal {number},{'newt' if number % 2 else 'toad'},{number}")
        Image.open(tmp_path / f"{number}.png").rotate(number).save(tmp_path / f"{number}.png")
    (tmp_path / "t.csv").write_text("\n".join(rows))
    catalogue.add(table=tmp_path / "t.csv")
    found = catalogue.check(model=model_folder, wrong=0.5, tolerated=0.95)
    assert found.ones
    for one in found.ones:
        numbers = [int(name.split()[1]) for name in one.individuals]
        assert numbers[0] % 2 == numbers[1] % 2
        assert one.species == ("newt" if numbers[0] % 2 else "toad")


def test_which_flanks_are_shown():
    table = pd.DataFrame({"encounter": [1, 1, 2, 3, 4], "side": ["left", "left", "right", None, "top"]})
    assert flanks_shown(table, [2, 1, 3, 4], any_side=False).tolist() == [
        [False, True],
        [True, False],
        [True, True],
        [True, True],
    ]
    assert flanks_shown(table, [2, 1], any_side=True).all()


def test_it_is_drawn_with_both_side_by_side(mistakes, report, tmp_path):
    draw_check(mistakes[0], report, tmp_path / "found.png")
    with Image.open(tmp_path / "found.png") as drawn:
        assert drawn.width == 900
        assert drawn.height > 200 * len(in_order(report))
        assert np.asarray(drawn).std() > 20


def test_a_photograph_that_is_gone_is_named_in_the_drawing(mistakes, report, tmp_path, monkeypatch):
    def gone(*_: object) -> None:
        raise hanzaki.BadMedium("IMG_1.jpg", "gone")

    monkeypatch.setattr("hanzaki.fieldwork.identity.check_sheet.crop_of_annotation", gone)
    draw_check(mistakes[0], report, tmp_path / "found.jpg")
    assert (tmp_path / "found.jpg").stat().st_size > 0


def test_a_catalogue_without_names_has_nothing_to_check(catalogue, model_folder, tmp_path):
    catalogue.add(write(tmp_path / "a.jpg", 1))
    with pytest.raises(CatalogueError, match="hanzaki confirm ENCOUNTER new"):
        catalogue.check(model=model_folder)


@pytest.mark.parametrize("wrong", [{"tolerated": 1.0}, {"wrong": 0.0}, {"word": 0.5}])
def test_what_makes_no_sense_is_refused_before_the_work(catalogue, wrong):
    with pytest.raises(SettingError):
        catalogue.check(**wrong)
