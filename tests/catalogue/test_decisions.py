from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hanzaki
from hanzaki import CatalogueError, DecisionError, FieldCatalogue
from tests.fixtures.photographs import write


@pytest.fixture
def river(catalogue: FieldCatalogue, tmp_path: Path) -> FieldCatalogue:
    """Three encounters of nobody known."""
    for number in range(3):
        write(tmp_path / "photos" / f"{number}.jpg", number)
    catalogue.add(tmp_path / "photos", species="Andrias japonicus")
    return catalogue


def who_is_who(catalogue: FieldCatalogue) -> dict[int, str | None]:
    frame = catalogue.encounters()
    return dict(zip(frame["encounter"], frame["individual"], strict=True))


def test_a_new_individual_gets_the_next_number_of_its_species(river):
    assert river.confirm(1, "new") == "AJ-001"
    assert river.confirm(2, "new", name="Sakura") == "Sakura"
    assert river.confirm(3, "new") == "AJ-002"
    assert who_is_who(river) == {1: "AJ-001", 2: "Sakura", 3: "AJ-002"}


def test_a_decision_is_kept_with_who_and_when(river):
    river.confirm(1, "new", name="Sakura")
    river.confirm(2, "Sakura")
    log = river.decisions()
    assert log[["who", "origin", "action", "encounters"]].to_numpy().tolist() == [
        ["tester", "person", "new", [1]],
        ["tester", "person", "assign", [2]],
    ]


def test_undo_goes_back_one_decision_after_the_other(river):
    river.confirm(1, "new", name="Sakura")
    river.confirm(2, "Sakura")
    river.confirm(2, "new", name="Ume")
    assert river.undo() == [("encounter 2", "individual", "Ume", "Sakura")]
    assert river.undo() == [("encounter 2", "individual", "Sakura", None)]
    assert river.undo() == [("encounter 1", "individual", "Sakura", None)]
    with pytest.raises(DecisionError, match="no decision to take back"):
        river.undo()
    assert set(who_is_who(river).values()) == {None}
    assert river.individuals().empty
    assert len(river.decisions()) == 6  # nothing was erased


def test_after_undo_one_can_decide_again_and_reuse_the_name(river):
    river.confirm(1, "new", name="Sakura")
    river.undo()
    assert river.confirm(2, "new", name="Sakura") == "Sakura"
    assert who_is_who(river) == {1: None, 2: "Sakura", 3: None}
    assert river.undo() == [("encounter 2", "individual", "Sakura", None)]


@pytest.mark.parametrize(
    ("encounter", "individual", "name", "error", "message"),
    [
        (99, "new", None, CatalogueError, "there is no encounter 99"),
        (2, "Sakuro", None, CatalogueError, "did you mean Sakura"),
        (1, "Sakura", None, DecisionError, "encounter 1 is Sakura already"),
        (2, "new", "Sakura", DecisionError, "Sakura is known already"),
        (2, "new", "New", DecisionError, "cannot be an individual's name"),
        (2, "Sakura", "Ume", DecisionError, "a name goes with 'new' only"),
    ],
)
def test_what_cannot_be_decided_says_why_and_changes_nothing(river, encounter, individual, name, error, message):
    river.confirm(1, "new", name="Sakura")
    before = who_is_who(river)
    with pytest.raises(error, match=message):
        river.confirm(encounter, individual, name=name)
    assert who_is_who(river) == before
    assert len(river.decisions()) == 1


def test_an_animal_of_another_species_is_refused(river, tmp_path):
    write(tmp_path / "zebra.jpg", 77)
    river.add(tmp_path / "zebra.jpg", species="Equus quagga")
    river.confirm(1, "new", name="Sakura")
    with pytest.raises(DecisionError, match="of another species"):
        river.confirm(4, "Sakura")


def test_an_encounter_of_unknown_species_learns_it_from_the_animal(river, tmp_path):
    river.confirm(1, "new", name="Sakura")
    write(tmp_path / "later.jpg", 78)
    river.add(tmp_path / "later.jpg")
    river.confirm(4, "Sakura")
    assert river.encounters()["species"].tolist()[3] == "Andrias japonicus"
    river.undo()
    assert river.encounters()["species"].tolist()[3] is None


def test_what_came_with_a_table_is_not_taken_back_by_hand(catalogue, tmp_path):
    write(tmp_path / "a.jpg", 1)
    (tmp_path / "t.csv").write_text("path,identity\na.jpg,Sakura\n")
    catalogue.add(table=tmp_path / "t.csv")
    with pytest.raises(DecisionError, match="no decision to take back"):
        catalogue.undo()
    assert who_is_who(catalogue) == {1: "Sakura"}


steps = st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["new", "a", "b", "undo"])), max_size=12)


@given(steps)
@settings(max_examples=25, deadline=None)
def test_undo_is_the_inverse_of_every_decision(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("river")
    for number in range(3):
        write(folder / "photos" / f"{number}.jpg", number)
    with hanzaki.init(folder / "catalogue") as catalogue:
        catalogue.add(folder / "photos")
        states = [who_is_who(catalogue)]
        for encounter, step in steps:
            if step == "undo" and len(states) > 1:
                catalogue.undo()
                states.pop()
            elif step != "undo":
                try:
                    catalogue.confirm(encounter, step)
                except (DecisionError, CatalogueError):
                    continue
                states.append(who_is_who(catalogue))
            assert who_is_who(catalogue) == states[-1]
        while len(states) > 1:
            catalogue.undo()
            states.pop()
            assert who_is_who(catalogue) == states[-1]
