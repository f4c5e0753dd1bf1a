"""What a better model would change, before anything does."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanzaki import FieldCatalogue
from hanzaki.catalogue import decisions
from hanzaki.catalogue.tables import Encounter, Individual
from hanzaki.fieldwork.identity.method import load_method
from hanzaki.fieldwork.named import individual_called
from tests.fieldwork.identity.test_accept import KNOWN, NEW, mosaic, side, who_is_who  # noqa: F401 - a fixture
from tests.fixtures.models import write_model
from tests.fixtures.mosaic import calibrate, meet


@pytest.fixture
def river(catalogue: FieldCatalogue, mosaic: Path, tmp_path: Path) -> FieldCatalogue:  # noqa: F811
    """Twelve animals that a table names; 13 to 18 were met later, and then more that a table names."""
    meet(catalogue, tmp_path / "told", KNOWN, named=True)
    meet(catalogue, tmp_path / "met", [0, 1, NEW, NEW, 2, (8, 9)], named=False)
    meet(catalogue, tmp_path / "more", range(12, 20), named=True)
    calibrate(catalogue, load_method(mosaic), undecided=3.4)
    return catalogue


def let_the_machine_name(river: FieldCatalogue, names: dict[int, str]) -> None:
    """Names that the machine gave earlier; whoever is not known is new."""
    with river.writing() as session:
        known = set(river.individuals()["individual"])
        answers = {}
        made: dict[str, Individual] = {}
        for number, name in names.items():
            if name not in known and name not in made:
                made[name] = decisions.new_individual(session, "Andrias japonicus", name)
            individual = made.get(name) or individual_called(session, name)
            answers[session.get_one(Encounter, number)] = individual
        evidence = {"probabilities": {str(number): 0.9 for number in names}}
        decisions.accept(session, answers, who="tester", evidence=evidence)


def outcomes(found) -> dict[int, tuple[str, bool]]:
    return {each.encounter: (each.outcome, each.changes) for each in found.asked}


def test_every_way_in_which_an_answer_can_differ(river, mosaic):  # noqa: F811
    let_the_machine_name(river, {13: "animal 0", 14: "animal 4", 15: "animal 3", 18: "animal 5"})
    before = who_is_who(river)
    found = river.reidentify(model=mosaic, tolerate=0.01)
    sure = {number: outcome for number, outcome in outcomes(found).items() if number != 18}
    assert sure == {
        13: ("same", False), 14: ("other", True), 15: ("new", True), 16: ("named", False), 17: ("named", True),
    }  # fmt: skip
    again = {each.encounter: each for each in found.asked}
    assert (again[14].present, again[14].individual, again[14].before) == ("animal 4", "animal 1", 0.9)
    assert again[14].after > 0.99 > 0.01 > again[14].present_after
    assert again[16].obstacle == "waits: it looks like encounter 15, which changes"
    assert not again[18].sure
    assert not again[18].changes
    assert found.wrong_before == pytest.approx(0.4)
    assert found.wrong_after < 1.1  # of 18 alone, which stays as it is
    assert who_is_who(river) == before

    river.reidentify(model=mosaic, tolerate=0.01, apply=True)
    after = who_is_who(river)
    assert (after[13], after[14], after[17], after[18]) == ("animal 0", "animal 1", "animal 2", "animal 5")
    assert (after[15], after[16]) == ("AJ-001", None)
    river.reidentify(model=mosaic, tolerate=0.01, apply=True)
    assert who_is_who(river) == after | {16: "AJ-001"}
    assert river.reidentify(model=mosaic, tolerate=0.01).changes == ()
    river.undo()
    river.undo()
    assert who_is_who(river) == before


def test_what_people_and_tables_named_is_shown_and_never_changed(river, mosaic):  # noqa: F811
    river.confirm(13, "animal 5")
    found = river.reidentify(model=mosaic, tolerate=0.01, apply=True)
    assert 13 not in outcomes(found)
    shown = river.reidentify(model=mosaic, tolerate=0.01, everybody=True, apply=True)
    by = {each.encounter: each for each in shown.asked}
    assert (by[13].by, by[13].outcome, by[13].individual, by[13].changes) == ("person", "other", "animal 0", False)
    assert "was named by a person" in by[13].obstacle
    assert {by[number].by for number in range(1, 13)} == {"table"}
    assert who_is_who(river)[13] == "animal 5"


def test_one_animal_under_two_names_becomes_one(river, mosaic):  # noqa: F811
    let_the_machine_name(river, {15: "Sakura", 16: "Ume"})
    found = river.reidentify(model=mosaic, tolerate=0.01, apply=True)
    names = who_is_who(river)
    assert names[15] == names[16] in ("Sakura", "Ume")
    assert sum(each.changes for each in found.asked if each.encounter in (15, 16)) == 1
    assert len({"Sakura", "Ume"} & set(river.individuals()["individual"])) == 1
    river.undo()
    assert {who_is_who(river)[number] for number in (15, 16)} == {"Sakura", "Ume"}
    assert {"Sakura", "Ume"} <= set(river.individuals()["individual"])


def test_the_only_encounter_of_an_individual_stays_who_it_is(river, mosaic):  # noqa: F811
    let_the_machine_name(river, {15: "Sakura", 16: "Sakura", 13: "animal 0", 17: "Ume"})
    river.confirm(16, "new", name="Fuji")  # so that 15 is alone
    river.regroup([16], into=15)
    found = {each.encounter: each for each in river.reidentify(model=mosaic, tolerate=0.01).asked}
    assert found[15].outcome == "same"
    assert found[15].present_after > 0.9
    assert (found[17].outcome, found[17].individual) == ("other", "animal 2")


def test_what_was_probable_before_is_kept_or_computed_by_the_old_model(river, mosaic, tmp_path):  # noqa: F811
    let_the_machine_name(river, {13: "animal 0"})
    kept = river.reidentify(model=mosaic, tolerate=0.01)
    assert {each.before for each in kept.asked if each.encounter == 13} == {0.9}
    assert kept.old_models == ()
    old = river.reidentify(model=mosaic, old=write_model(tmp_path / "old", seed=5), tolerate=0.01, everybody=True)
    known = [each.before for each in old.asked if each.present is not None]
    assert all(0 <= probability <= 1 for probability in known)
    assert old.old_models != old.models


def test_the_table_has_a_row_for_everybody_asked(river, mosaic):  # noqa: F811
    let_the_machine_name(river, {13: "animal 0"})
    found = river.reidentify(model=mosaic, tolerate=0.01)
    table = found.table().set_index("encounter", drop=False)
    assert table["encounter"].tolist() == [each.encounter for each in found.asked]
    assert table.loc[13, ["present", "outcome"]].tolist() == ["animal 0", "same"]


def test_who_cannot_be_compared_with_its_own_individual_stays(river, mosaic):  # noqa: F811
    let_the_machine_name(river, {13: "animal 0", 15: "Sakura", 16: "Sakura"})
    with river.writing() as session:
        side(session, 15, "left")
        side(session, 16, "right")
    found = river.reidentify(model=mosaic, tolerate=0.01)
    assert {number: outcomes(found)[number] for number in (15, 16)} == {15: ("same", False), 16: ("same", False)}


def test_a_name_that_a_person_confirms_meanwhile_is_left_alone(river, mosaic):  # noqa: F811
    let_the_machine_name(river, {14: "animal 4"})

    def meanwhile(what: str, done: int, total: int) -> None:
        if what == "identifying" and done == total:
            river.confirm(14, "animal 4")

    found = river.reidentify(model=mosaic, tolerate=0.01, apply=True, progress=meanwhile)
    assert 14 not in {each.encounter for each in found.changes}
    assert who_is_who(river)[14] == "animal 4"
    assert who_is_who(river)[17] == "animal 2"
