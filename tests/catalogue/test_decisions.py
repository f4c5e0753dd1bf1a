from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

import hanzaki
from hanzaki import CatalogueError, DecisionError, FieldCatalogue
from hanzaki.catalogue import decisions
from hanzaki.catalogue.tables import Encounter
from hanzaki.fieldwork.named import individual_called
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


def let_the_machine_name(catalogue: FieldCatalogue, names: dict[int, str | None]) -> None:
    """A batch of the machine's; None is a new individual each."""
    with catalogue.writing() as session:
        answers = {
            session.get_one(Encounter, number): (
                decisions.new_individual(session, "Andrias japonicus")
                if name is None
                else individual_called(session, name)
            )
            for number, name in names.items()
        }
        decisions.accept(session, answers, who="tester", evidence={"rate": 0.01})


def words(catalogue: FieldCatalogue) -> dict[int, str]:
    with catalogue.reading() as session:
        return {number: word for number, (word, _) in decisions.words(session).items()}


def test_a_batch_of_the_machine_is_taken_back_as_one(river):
    river.confirm(1, "new", name="Sakura")
    let_the_machine_name(river, {2: "Sakura", 3: None})
    assert who_is_who(river) == {1: "Sakura", 2: "Sakura", 3: "AJ-001"}
    assert words(river) == {1: "person", 2: "machine", 3: "machine"}
    assert [change.what for change in river.undo()] == ["encounter 2", "encounter 3"]
    assert who_is_who(river) == {1: "Sakura", 2: None, 3: None}
    assert river.individuals()["individual"].tolist() == ["Sakura"]
    assert words(river) == {1: "person"}


def test_a_person_may_confirm_what_only_the_machine_said_and_then_it_stands(river):
    let_the_machine_name(river, {1: None, 2: None})
    river.confirm(1, "AJ-001")
    assert words(river) == {1: "person", 2: "machine"}
    with pytest.raises(DecisionError, match="AJ-001 already"):
        river.confirm(1, "AJ-001")
    with pytest.raises(DecisionError, match="encounter 1 was named by a person"):
        let_the_machine_name(river, {1: "AJ-002"})
    river.undo(machine=True)
    assert who_is_who(river) == {1: "AJ-001", 2: None, 3: None}
    assert river.individuals()["individual"].tolist() == ["AJ-001"]
    river.undo()  # of what the person said: nothing of the machine's stands any more
    assert who_is_who(river) == {1: None, 2: None, 3: None}
    assert river.individuals().empty


def test_a_table_stands_above_the_machine(catalogue, tmp_path):
    for number in range(2):
        write(tmp_path / f"{number}.jpg", number)
    catalogue.add([tmp_path / "0.jpg", tmp_path / "1.jpg"], species="Andrias japonicus")
    let_the_machine_name(catalogue, {1: None, 2: None})
    (tmp_path / "t.csv").write_text("path,identity,species\n0.jpg,Sakura,Andrias japonicus\n")
    catalogue.add(table=tmp_path / "t.csv")
    assert who_is_who(catalogue) == {1: "Sakura", 2: "AJ-002"}
    assert words(catalogue) == {1: "table", 2: "machine"}
    catalogue.undo()
    assert who_is_who(catalogue) == {1: "Sakura", 2: None}


steps = st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["new", "AJ-001", "machine", "undo"])), max_size=12)


@given(steps)
@settings(max_examples=25, deadline=None)
def test_undo_is_the_inverse_of_every_decision(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("river")
    for number in range(3):
        write(folder / "photos" / f"{number}.jpg", number)
    with hanzaki.init(folder / "catalogue") as catalogue:
        catalogue.add(folder / "photos", species="Andrias japonicus")
        states = [who_is_who(catalogue)]
        for encounter, step in steps:
            if step == "undo" and len(states) > 1:
                catalogue.undo()
                states.pop()
            elif step != "undo":
                try:
                    if step == "machine":
                        let_the_machine_name(catalogue, {encounter: None})
                    else:
                        catalogue.confirm(encounter, step)
                except (DecisionError, CatalogueError):
                    continue
                states.append(who_is_who(catalogue))
            assert who_is_who(catalogue) == states[-1]
        while len(states) > 1:
            catalogue.undo()
            states.pop()
            assert who_is_who(catalogue) == states[-1]


def test_a_batch_of_the_machine_does_not_make_one_animal_both_sexes(river):
    with pytest.raises(DecisionError, match="is male, but encounter"), river.writing() as session:
        one, other = session.scalars(select(Encounter).where(Encounter.individual_id.is_(None)).limit(2))
        one.sex, other.sex = "female", "male"
        animal = decisions.new_individual(session, one.species)
        decisions.accept(session, {one: animal, other: animal}, who="tester", evidence={})
