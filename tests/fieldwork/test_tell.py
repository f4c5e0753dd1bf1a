"""A person's word on animals and pictures: kept, taken back, and above every table."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanzaki import CatalogueError, DecisionError, FieldCatalogue, SettingError
from tests.fixtures.photographs import write
from tests.fixtures.red import write_clip


@pytest.fixture
def river(catalogue: FieldCatalogue, tmp_path: Path) -> FieldCatalogue:
    """Encounter 1 of Sakura with two pictures, 2 of Sakura too, 3 of nobody known."""
    for number in range(4):
        write(tmp_path / "photos" / f"{number}.jpg", number)
    (tmp_path / "photos" / "t.csv").write_text(
        "path,encounter,identity,species\n0.jpg,a,Sakura,newt\n1.jpg,a,Sakura,newt\n2.jpg,b,Sakura,newt\n3.jpg,c,,newt\n"
    )
    catalogue.add(table=tmp_path / "photos" / "t.csv")
    return catalogue


def told(catalogue: FieldCatalogue, column: str) -> list[str | None]:
    return catalogue.encounters()[column].tolist()


def add_table(catalogue: FieldCatalogue, folder: Path, text: str) -> None:
    (folder / "photos" / "more.csv").write_text(text)
    catalogue.add(table=folder / "photos" / "more.csv")


def test_what_is_told_of_an_encounter_is_kept_with_who_and_taken_back(river):
    assert river.tell(3, origin="Hybrid ", sex="female") == [
        ("encounter 3", "sex", None, "female"),
        ("encounter 3", "origin", None, "hybrid"),
    ]
    assert told(river, "origin") == [None, None, "hybrid"]
    last = river.decisions().iloc[-1]
    assert (last["who"], last["origin"], last["action"]) == ("tester", "person", "tell")
    assert last["told"] == ["encounter 3: sex female", "encounter 3: origin hybrid"]
    assert len(river.undo()) == 2
    assert told(river, "origin") == told(river, "sex") == [None] * 3


def test_what_is_told_of_an_encounter_is_known_of_its_individual_and_its_other_encounters(river):
    river.tell(1, origin="native")
    assert river.individuals()["origin"].tolist() == ["native"]
    assert told(river, "origin") == ["native", "native", None]


def test_what_is_told_of_an_individual_overrules_its_encounters_and_undo_gives_them_back(river):
    river.tell(1, origin="native")
    river.tell(individuals=["Sakura"], origin="hybrid")
    assert told(river, "origin") == ["hybrid", "hybrid", None]
    with pytest.raises(DecisionError, match="of whom hybrid was told.*tell --individual Sakura --origin native"):
        river.tell(2, origin="native")
    river.undo()
    assert told(river, "origin") == ["native", "native", None]


def test_the_side_is_told_of_a_picture_or_of_all_of_an_encounter(river):
    river.tell(pictures=[2], side="Left")
    assert river.pictures(1)["side"].tolist() == [None, "left"]
    river.tell(1, side="right")
    assert river.pictures(1)["side"].tolist() == ["right", "right"]
    river.undo()
    assert river.pictures(1)["side"].tolist() == [None, "left"]


def test_unknown_takes_back_what_a_table_told(river):
    river.tell(3, species="unknown")
    assert told(river, "species") == ["newt", "newt", None]
    river.undo()
    assert told(river, "species") == ["newt"] * 3


def test_a_table_fills_in_sex_and_origin_and_never_overrules_a_person(river, tmp_path):
    river.tell(3, origin="hybrid")
    river.tell(pictures=[4], side="left")
    river.tell(individuals=["Sakura"], sex="female")
    add_table(
        river,
        tmp_path,
        "path,encounter,identity,species,origin,sex,orientation\n0.jpg,a,Sakura,newt,Native,male,right\n"
        "3.jpg,c,,newt,native,male,right\n",
    )
    assert told(river, "origin") == ["native", "native", "hybrid"]
    assert told(river, "sex") == ["female", "female", "male"]
    assert river.pictures(3)["side"].tolist() == ["left"]
    assert river.pictures(1)["side"].tolist() == ["right", None]


def test_a_row_of_another_animal_than_was_decided_tells_nothing_of_this_one(river, tmp_path):
    add_table(river, tmp_path, "path,encounter,identity,species,sex\n2.jpg,b,Ume,newt,male\n")
    assert told(river, "sex") == [None] * 3


def test_confirming_refuses_an_animal_of_the_other_sex(river):
    river.tell(3, sex="male")
    river.tell(individuals=["Sakura"], sex="female")
    with pytest.raises(DecisionError, match="encounter 3 is male, but Sakura is female.*hanzaki tell"):
        river.confirm(3, "Sakura")


def test_a_burst_that_joins_keeps_what_was_told_and_a_picture_taken_out_does_not_take_it(river):
    river.tell(1, sex="female")
    out = river.regroup([2])
    assert told(river, "sex")[-1] is None
    river.tell(3, origin="hybrid")
    river.regroup([4], out)  # the last picture of encounter 3
    assert river.encounters().set_index("encounter")["origin"][out] == "hybrid"


def test_what_was_told_anew_since_is_not_undone_blindly(river):
    river.tell(3, origin="hybrid")
    river.tell(3, origin="native")
    river.undo()
    assert told(river, "origin")[2] == "hybrid"
    river.undo()
    assert told(river, "origin")[2] is None


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"encounters": 9, "sex": "male"}, CatalogueError, "there is no encounter 9"),
        ({"pictures": [9], "side": "left"}, CatalogueError, "there is no picture 9"),
        ({"individuals": ["Sakuro"], "sex": "male"}, CatalogueError, "did you mean Sakura"),
        ({"encounters": 1}, SettingError, "say what you know"),
        ({"sex": "male"}, SettingError, "say of what"),
        ({"pictures": [1], "sex": "male"}, SettingError, "told of an animal, not of a picture"),
        ({"individuals": ["Sakura"], "side": "left"}, SettingError, "not of an individual"),
        ({"encounters": 1, "sex": " "}, SettingError, "sex: is empty"),
        ({"encounters": 1, "species": "newt"}, DecisionError, "told already"),
    ],
)
def test_what_cannot_be_told_says_why_and_changes_nothing(river, words, error, message):
    before = river.encounters()
    with pytest.raises(error, match=message):
        river.tell(**words)
    assert river.encounters().equals(before)
    assert set(river.decisions()["action"]) == {"assign"}


def test_two_animals_of_one_name_are_told_apart_by_their_encounters(river, tmp_path):
    write(tmp_path / "photos" / "5.jpg", 5)
    add_table(river, tmp_path, "path,identity,species\n5.jpg,Sakura,toad\n")
    with pytest.raises(DecisionError, match=r"there are 2 called Sakura \(newt, toad\)"):
        river.tell(individuals=["Sakura"], sex="male")
    with pytest.raises(DecisionError, match="Sakura, of whom newt was told"):
        river.tell(1, species="toad")


def test_the_side_of_a_video_that_nobody_watched_cannot_be_told(catalogue, tmp_path):
    write_clip(tmp_path / "a.mp4", [lambda _: (10, 10)], 0.5)
    catalogue.add(tmp_path / "a.mp4")
    with pytest.raises(DecisionError, match="run `hanzaki detect`"):
        catalogue.tell(pictures=[1], side="left")
