"""What is sure enough is named by the machine; the rest is asked of people."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy.orm import Session

import hanzaki
from hanzaki import CatalogueError, DecisionError, FieldCatalogue, SettingError
from hanzaki.catalogue.tables import Encounter
from hanzaki.fieldwork.identity.asking import Heard
from hanzaki.fieldwork.identity.batch import find_obstacles
from hanzaki.fieldwork.identity.method import load_method
from hanzaki.matching.choice import Posterior
from hanzaki.matching.decision import decide
from hanzaki.matching.newcomers import Settled
from tests.fixtures.mosaic import calibrate, meet, write_mosaic_model

KNOWN = range(12)
NEW, OTHER_NEW = 40, 53  # that no table names


@pytest.fixture(scope="module")
def mosaic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mosaic_model(tmp_path_factory.mktemp("models") / "mosaic")


@pytest.fixture
def river(catalogue: FieldCatalogue, mosaic: Path, tmp_path: Path) -> FieldCatalogue:
    """Twelve animals that a table names, encounters 1 to 12; what they look like is calibrated."""
    meet(catalogue, tmp_path / "told", KNOWN, named=True)
    calibrate(catalogue, load_method(mosaic))
    return catalogue


def who_is_who(catalogue: FieldCatalogue) -> dict[int, str | None]:
    frame = catalogue.encounters()
    return dict(zip(frame["encounter"], frame["individual"], strict=True))


def test_known_and_new_animals_are_named_and_nothing_is_written_before(river, mosaic, tmp_path):
    meet(river, tmp_path / "met", [2, NEW, 5, NEW, OTHER_NEW], named=False)
    before = who_is_who(river)
    found = river.accept(model=mosaic, tolerate=0.01)
    assert {each.encounter: each.individual for each in found.matches} == {13: "animal 2", 15: "animal 5"}
    assert [[each.encounter for each in group] for group in found.newcomers] == [[14, 16], [17]]
    assert found.review == ()
    assert found.decision is None
    assert who_is_who(river) == before

    written = river.accept(model=mosaic, tolerate=0.01, apply=True)
    names = who_is_who(river)
    assert (names[13], names[15]) == ("animal 2", "animal 5")
    assert names[14] == names[16] == "AJ-001"  # one new animal, met twice
    assert names[17] == "AJ-002"
    log = river.decisions()
    assert log.iloc[-1][["decision", "who", "origin", "encounters"]].tolist() == [
        written.decision, "tester", "machine", [13, 14, 15, 16, 17],
    ]  # fmt: skip
    river.undo()
    assert who_is_who(river) == before
    assert set(river.individuals()["individual"]) == {f"animal {number}" for number in KNOWN}


def test_what_it_costs_is_the_sum_of_what_answers_lack_to_certainty(river, mosaic, tmp_path):
    meet(river, tmp_path / "met", [2, NEW, (0, 1)], named=False)
    found = river.accept(model=mosaic, tolerate=0.01)
    assert found.false_matches == pytest.approx(sum(1 - each.probability for each in found.matches))
    news = [each for group in found.newcomers for each in group]
    assert found.false_news == pytest.approx(sum(1 - each.probability for each in news))
    assert found.known_above == min(each.probability for each in found.matches)
    assert found.calibrated.startswith("this catalogue: 99 decisions on 33 individuals")


def test_who_looks_like_two_is_asked_of_a_person(river, mosaic, tmp_path):
    meet(river, tmp_path / "met", [2, (0, 1)], named=False)
    found = river.accept(model=mosaic, tolerate=0.01, apply=True)
    assert [each.encounter for each in found.named] == [13]
    (question,) = found.review
    assert question.encounter == 14
    assert {answer.individual for answer in question.answers[:3]} == {"animal 0", "animal 1", None}
    assert (question.asked, question.beside) in ((14, 1), (14, 2))
    assert who_is_who(river)[14] is None


def test_the_queue_asks_first_what_is_least_known(river, mosaic, tmp_path):
    meet(river, tmp_path / "met", [2, (0, 1), NEW], named=False)
    found = river.queue(model=mosaic)
    assert found.questions[0].encounter == 14
    assert [question.bits for question in found.questions] == sorted(
        (question.bits for question in found.questions), reverse=True
    )
    texts = {question.encounter: question.text for question in found.questions}
    assert texts[13].startswith("is encounter 13 animal 2? >99 %, or ")
    assert texts[15].startswith("is encounter 15 somebody new? ")
    assert len(river.queue(model=mosaic, top=1).questions) == 1


def test_the_machine_names_nobody_whom_somebody_named(river, mosaic):
    with pytest.raises(DecisionError, match="encounter 3 is animal 2 already"):
        river.accept([3], model=mosaic, tolerate=0.01)
    with pytest.raises(CatalogueError, match="there is no encounter 99"):
        river.accept([99], model=mosaic, tolerate=0.01)


@pytest.mark.parametrize("rate", [-0.1, 1.1, math.nan])
def test_a_rate_is_a_share(river, mosaic, rate):
    with pytest.raises(SettingError, match="from 0 to 1"):
        river.accept(model=mosaic, tolerate=rate)


def test_only_those_that_are_asked_for_are_named(river, mosaic, tmp_path):
    meet(river, tmp_path / "met", [2, 3], named=False)
    river.accept(14, model=mosaic, tolerate=0.01, apply=True)
    assert (who_is_who(river)[13], who_is_who(river)[14]) == (None, "animal 3")


def test_a_sure_answer_that_was_told_otherwise_is_asked_of_a_person(river, mosaic, tmp_path):
    meet(river, tmp_path / "met", [2, NEW, NEW], named=False)
    river.tell(individuals=["animal 2"], sex="female")
    river.tell([13, 14], sex="male")
    river.tell([15], sex="female")
    found = river.accept(model=mosaic, tolerate=0.01, apply=True)
    notes = {question.encounter: question.obstacle for question in found.review}
    assert notes[13] == "encounter 13 is male, but animal 2 is female"
    assert len({14, 15} & set(notes)) == 1  # the one animal cannot be both
    assert "but encounter" in next(notes[number] for number in (14, 15) if number in notes)


def test_poor_pictures_are_never_named_by_the_machine(river, mosaic, tmp_path):
    meet(river, tmp_path / "met", [2], named=False)
    river.accept(model=mosaic, tolerate=0.01)  # describes
    river.set_aside([13])
    found = river.accept(model=mosaic, tolerate=0.01)
    assert found.named == ()
    assert found.review[0].obstacle == "all pictures of encounter 13 show the animal badly"


def test_what_was_decided_meanwhile_is_left_alone(river, mosaic, tmp_path):
    meet(river, tmp_path / "met", [2, 3], named=False)

    def meanwhile(what: str, done: int, total: int) -> None:
        if what == "identifying" and done == total:
            river.confirm(13, "animal 1")

    found = river.accept(model=mosaic, tolerate=0.01, apply=True, progress=meanwhile)
    assert [each.encounter for each in found.named] == [14]
    assert who_is_who(river)[13] == "animal 1"


def test_a_catalogue_in_which_nobody_has_a_name(catalogue, mosaic, tmp_path):
    animals = [0, 2, 4, 5, 8, 9, 0, 2]
    meet(catalogue, tmp_path / "met", animals, named=False)
    calibrate(catalogue, load_method(mosaic))
    catalogue.accept(model=mosaic, tolerate=0.01, apply=True)
    names = who_is_who(catalogue)
    named = [(animal, names[number]) for number, animal in enumerate(animals, 1) if names[number] is not None]
    assert len(set(named)) == len({animal for animal, _ in named}) == len({name for _, name in named}) > 1
    assert len(named) > len(set(named))  # somebody was met twice


def test_nothing_to_name(river, mosaic):
    found = river.accept(model=mosaic, tolerate=0.01, apply=True)
    assert (found.named, found.review, found.decision) == ((), (), None)
    assert hanzaki.open(river.folder).queue(model=mosaic).questions == ()


def test_who_was_not_compared_with_all_known_animals_is_not_new(river, mosaic, tmp_path):
    meet(river, tmp_path / "met", [2, NEW], named=False)
    with river.writing() as session:
        for number in range(1, 13):
            side(session, number, "left")
        side(session, 14, "right")
    found = river.accept(model=mosaic, tolerate=0.5, apply=True)
    assert [each.encounter for each in found.named] == [13]
    (question,) = found.review
    assert question.obstacle == "12 known animals were photographed only from the other side"
    assert found.new_above is None  # it says nothing of how sure others must be


def test_two_of_one_batch_cannot_make_one_known_animal_both(river, mosaic, tmp_path):
    meet(river, tmp_path / "met", [2, 2, 2], named=False)
    river.tell([13, 15], sex="female")
    river.tell([14], sex="male")
    found = river.accept(model=mosaic, tolerate=0.01, apply=True)
    notes = {question.encounter: question.obstacle for question in found.review}
    assert {each.encounter for each in found.named} in ({13, 15}, {14})
    assert {*notes, *(each.encounter for each in found.named)} == {13, 14, 15}
    assert all("but encounter" in note for note in notes.values())


def test_two_that_join_a_newcomer_agree_with_each_other(river, tmp_path):
    meet(river, tmp_path / "met", [NEW, NEW, NEW], named=False)
    river.tell([14], sex="female")
    river.tell([15], sex="male")
    nobody = Posterior(np.empty(0), 1.0)
    heard = [Heard(number, np.empty(0, np.int64), nobody, None, False) for number in (13, 14, 15)]
    posteriors = (nobody, Posterior(np.array([0.9]), 0.1), Posterior(np.array([0.8]), 0.2))
    settled = Settled(posteriors, ((), (0,), (0,)), decide(posteriors, 1.0))
    assert find_obstacles(river, heard, settled) == {2: "encounter 15 is male, but encounter 14 is female"}


def side(session: Session, encounter: int, shown: str) -> None:
    for picture in session.get_one(Encounter, encounter).annotations:
        picture.orientation = shown
