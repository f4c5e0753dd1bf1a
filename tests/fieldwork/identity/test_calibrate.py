"""A catalogue's own decisions asked again: which of them count, what they become, and what is kept of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hanzaki
from hanzaki import FieldCatalogue, SettingError
from hanzaki.catalogue import calibrations, decisions
from hanzaki.catalogue.tables import Encounter, Individual
from hanzaki.fieldwork.identity.calibrate import (
    PRIOR_WEIGHT,
    Meeting,
    Newcomers,
    ask_again,
    count_newcomers,
    draw,
    forget_calibration,
    heeds_drift,
    keep_calibration,
    keep_up,
    meetings_of,
)
from hanzaki.fieldwork.identity.matcher import Matcher, beginning
from hanzaki.fieldwork.identity.method import Method, describe_all_of, load_method
from hanzaki.fieldwork.queries import Query
from hanzaki.matching.choice import NEW, PRIOR_NEW, Fusion, Weighed
from hanzaki.matching.drift import Drift
from hanzaki.matching.likelihood import ScoreLikelihood
from hanzaki.matching.relearning import LEAST
from tests.fixtures.animals import write_animals

DAY = datetime(2020, 6, 1)
DRIFT = Drift(-0.8, -0.9, -0.7, start=6.0, strangers=-4.0, usual=5.0, spread=0.1, individuals={})


def make(folder: Path, individuals: int, photographs: int, sides: tuple[str, ...] = ("left",)) -> FieldCatalogue:
    """A catalogue of animals, each photographed so often, each photograph an encounter on a day of its own."""
    table = write_animals(folder / "photos", individuals, photographs, sides=sides)
    frame = pd.read_csv(table)
    frame["encounter"] = frame["path"]
    frame["date"] = [str((DAY + timedelta(days=number)).date()) for number in range(len(frame))]
    frame.to_csv(table, index=False)
    catalogue = hanzaki.init(folder / "river")
    catalogue.add(table=table)
    return catalogue


@pytest.fixture(scope="module")
def method(model_folder: Path) -> Method:
    return load_method(model_folder)


@pytest.fixture(scope="module")
def river(tmp_path_factory: pytest.TempPathFactory) -> FieldCatalogue:
    """Eleven animals in three encounters each."""
    with make(tmp_path_factory.mktemp("calibrate"), 11, 3) as catalogue:
        yield catalogue


@pytest.fixture(autouse=True)
def nothing_learnt(river: FieldCatalogue, method: Method) -> Iterator[None]:
    """What one test lets the river learn, or forget, is no matter of the next."""
    yield
    with river.writing() as session:
        calibrations.forget(session, method.names)


@pytest.fixture
def small(tmp_path: Path) -> FieldCatalogue:
    """Five animals in two encounters each, 1 and 2 of the first, 3 and 4 of the second ..."""
    with make(tmp_path, 5, 2) as catalogue:
        yield catalogue


def let_the_machine_name(catalogue: FieldCatalogue, encounter: int, individual: str) -> None:
    with catalogue.writing() as session:
        animal = session.query(Individual).filter_by(name=individual).one()
        meeting = session.get_one(Encounter, encounter)
        decisions.accept(session, {meeting: animal}, who="machine", evidence={})


def modes(asked) -> dict[int, list[bool]]:
    """Of each encounter, whether its cases are of a new animal."""
    found: dict[int, list[bool]] = {}
    for number, case in zip(asked.encounters, asked.cases, strict=True):
        found.setdefault(number, []).append(case.truth == NEW)
    return found


def test_each_encounter_is_asked_once_with_its_animal_and_once_without(river, method):
    asked = ask_again(river, method)
    assert modes(asked) == {number: [False, True] for number in range(1, 34)}
    assert (asked.decided, asked.individuals, asked.met_again, asked.asked) == (33, 11, 11, 33)
    assert {len(scores) for case in asked.cases if case.truth == NEW for scores in case.scores.values()} == {10}
    for case in asked.cases:
        if case.truth != NEW:
            (scores,) = case.scores.values()
            assert scores.argmax() == case.truth  # blotches so unlike each other cannot be mistaken
    assert asked.kinds == {method.names[0]: "embedding"}


def test_an_animal_left_out_gives_the_scores_of_a_catalogue_without_it(small, method):
    asked = ask_again(small, method)
    (case,) = (
        case
        for number, case in zip(asked.encounters, asked.cases, strict=True)
        if number == 1 and case.truth == NEW
    )
    with small.writing() as session:
        for number in (1, 2):
            session.get_one(Encounter, number).individual_id = None
    matcher = Matcher(small, method)
    (picture,) = matcher.table.loc[matcher.table["encounter"] == 1, "annotation"]
    compared = matcher.compare(Query("encounter 1", 1, (picture,)))
    # a product with fewer columns rounds otherwise
    np.testing.assert_allclose(compared.scores[method.names[0]], case.scores[method.names[0]], atol=1e-5)


def test_who_was_met_once_or_from_the_other_flank_only_is_asked_as_new(tmp_path, method):
    with make(tmp_path, 6, 2, sides=("left", "right")) as catalogue:
        asked = ask_again(catalogue, method)
        assert set(map(tuple, modes(asked).values())) == {(True,)}
        assert asked.met_again == 0
        both = ask_again(catalogue, Method(method.describers, any_side=True))
        assert both.met_again == 6


def test_what_the_machine_decided_neither_asks_nor_answers(small, method):
    catalogue = small
    before = ask_again(catalogue, method)
    with catalogue.writing() as session:
        for number in (2, 4):
            encounter = session.get_one(Encounter, number)
            encounter.individual_id = None
            for change in session.query(decisions.Change).filter_by(encounter_id=number):
                session.delete(change)
    let_the_machine_name(catalogue, 2, "animal 0")
    let_the_machine_name(catalogue, 4, "animal 1")
    after = ask_again(catalogue, method)
    assert (before.decided, after.decided) == (10, 8)
    assert modes(before)[1] == [False, True]
    assert modes(after)[1] == modes(after)[3] == [True]  # only the machine says that they were met again
    assert not {2, 4} & set(after.encounters)


def test_many_encounters_are_drawn_by_lot_and_always_the_same(river, method):
    some = ask_again(river, method, most=7)
    assert some.asked == 7
    assert some.encounters == ask_again(river, method, most=7).encounters
    assert some.decided == 33


def test_stopped_work_keeps_nothing(river, method, model_folder):
    def stop(what: str, done: int, total: int) -> None:
        if what == "asking again":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hanzaki.calibrate(river, model=model_folder, progress=stop)
    with river.reading() as session:
        assert calibrations.newest(session, method.names) is None


def test_what_was_learnt_is_what_matching_goes_by_until_it_is_forgotten(river, method, model_folder):
    told: list[str] = []
    done = hanzaki.calibrate(river, model=model_folder, progress=lambda what, *_: told.append(what))
    assert done.found is not None
    assert {"asking again", "learning"} <= set(told)
    assert (done.needed, done.met_again, done.asked) == ((), 11, 33)
    matcher = Matcher(river, method)
    assert matcher.fusion.as_json() == done.found.fusion.as_json()
    assert matcher.prior_new == done.prior_new < PRIOR_NEW  # the later half brought few new animals
    assert done.found.learnt
    assert "33 decisions on 11 individuals" in matcher.calibrated
    assert forget_calibration(river, method) == 1
    assert Matcher(river, method).fusion == beginning(method)


def test_the_user_knows_how_often_new_animals_come(river, method, model_folder):
    done = hanzaki.calibrate(river, model=model_folder, prior_new=0.3)
    assert (done.prior_new, done.prior_told) == (0.3, True)
    assert Matcher(river, method).prior_new == 0.3
    forget_calibration(river, method)
    with pytest.raises(SettingError, match="between 0 and 1"):
        hanzaki.calibrate(river, model=model_folder, prior_new=1.0)


def test_too_few_animals_change_nothing_and_it_says_what_is_needed(small, method, model_folder):
    done = hanzaki.calibrate(small, model=model_folder)
    assert done.found is None
    assert "here 5 were" in done.needed[0]
    assert "Name 5 more" in done.needed[1]
    with small.reading() as session:
        assert calibrations.newest(session, method.names) is None


def test_an_empty_catalogue_has_nothing_to_ask(catalogue, model_folder):
    done = hanzaki.calibrate(catalogue, model=model_folder)
    assert (done.decided, done.asked, done.later, done.prior_new) == (0, 0, 0, PRIOR_NEW)
    assert "here none were" in done.needed[0]


def test_a_new_calibration_begins_without_the_drift_that_was_measured_by_another(small, method):
    describe_all_of(small, method)
    fusion = Fusion({method.names[0]: Weighed(1.0, ScoreLikelihood(0.0, 1.0, (0.0, 0.0)))})
    with small.writing() as session:
        calibrations.keep(session, method.names, fusion.as_json(), 0.5, who="me", report={}, drift={"slope": -0.1})
    assert heeds_drift(small, method)
    keep_calibration(small, method, fusion, 0.2, {})
    with small.reading() as session:
        kept = calibrations.newest(session, method.names)
        assert (kept.prior_new, kept.drift) == (0.2, None)
    assert not heeds_drift(small, method)


def test_who_calibrates_is_told_that_a_drift_no_longer_counts(river, method, model_folder):
    assert not hanzaki.calibrate(river, model=model_folder).drift_undone
    with river.writing() as session:
        row = calibrations.newest(session, method.names)
        calibrations.keep(session, row.evidence, row.fusion, 0.5, who="me", report={}, drift=DRIFT.as_json())
    assert hanzaki.calibrate(river, model=model_folder).drift_undone
    assert not hanzaki.calibrate(river, model=model_folder).drift_undone


def met(*individuals: int, flank: str | None = None) -> list[Meeting]:
    """Encounters with these individuals, a day apart."""
    return [
        Meeting(number, individual, (), DAY + timedelta(days=number), frozenset({flank}))
        for number, individual in enumerate(individuals)
    ]


def test_newcomers_are_counted_in_the_later_half():
    assert count_newcomers(met(1, 2, 1, 1, 3, 2)) == Newcomers(3, 1)
    assert count_newcomers(met(1, 2, 3, 4)) == Newcomers(2, 2)
    assert count_newcomers([]) == Newcomers(0, 0)


def test_the_other_flank_of_a_known_animal_is_as_good_as_new():
    left, right = met(1, 1, flank="left"), met(1, 1, flank="right")
    later = [Meeting(9, 1, (), DAY + timedelta(days=9), frozenset({"right"}))]
    assert count_newcomers([*left, *later]) == Newcomers(2, 1)
    assert count_newcomers([*left, *later], any_side=True) == Newcomers(2, 0)
    assert count_newcomers([*right, *later]) == Newcomers(2, 0)


def test_encounters_without_a_day_do_not_count():
    undated = [Meeting(number, number, (), None, frozenset({None})) for number in range(5)]
    assert count_newcomers([*undated, *met(1, 2)]) == Newcomers(1, 1)


@given(st.lists(st.integers(0, 5), max_size=12), st.randoms(use_true_random=False))
def test_the_order_in_which_encounters_are_listed_does_not_matter(individuals, random):
    meetings = met(*individuals)
    shuffled = list(meetings)
    random.shuffle(shuffled)
    assert count_newcomers(shuffled) == count_newcomers(meetings)


@given(st.integers(0, 1000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_the_prior_lies_between_what_was_met_and_an_even_one(counts):
    encounters, new = counts
    prior = Newcomers(encounters, new).prior
    share = new / encounters if encounters else PRIOR_NEW
    assert min(share, PRIOR_NEW) <= prior <= max(share, PRIOR_NEW)
    assert 0 < prior < 1
    assert abs(prior - share) <= PRIOR_WEIGHT * 0.5 / (encounters + PRIOR_WEIGHT) + 1e-12


def test_meetings_are_of_named_animals_that_can_be_seen():
    table = pd.DataFrame(
        {
            "annotation": [1, 2, 3, 4, 5],
            "encounter": [7, 7, 8, 9, 10],
            "individual_id": [3, 3, None, 4, 4],
            "seen": [None, DAY, DAY, None, DAY],
            "side": ["left", "top", "left", None, "right"],
            "unwatched": [False, False, False, False, True],
        },
        dtype=object,
    )
    assert meetings_of(table) == [
        Meeting(7, 3, (1, 2), DAY, frozenset({"left", None})),
        Meeting(9, 4, (4,), None, frozenset({None})),
    ]


def test_decisions_are_learnt_from_as_they_come(tmp_path, method):
    with make(tmp_path, 11, 3) as catalogue:
        unnamed = [number for number in range(1, 34) if number % 3 != 1]  # of each animal the second and third
        with catalogue.writing() as session:
            for number in unnamed:
                session.get_one(Encounter, number).individual_id = None
        describe_all_of(catalogue, method)
        assert not keep_up(catalogue, method)  # nobody was met twice
        assert "run `hanzaki calibrate`" in Matcher(catalogue, method).calibrated

        names = catalogue.encounters().set_index("encounter")["individual"]
        for number in unnamed[::2]:
            catalogue.confirm(number, names[number - 1])
        assert keep_up(catalogue, method)
        words = Matcher(catalogue, method).calibrated
        assert words.startswith("this catalogue: 22 decisions on 11 individuals")
        assert words.endswith(", not yet judged; run `hanzaki calibrate`")
        assert not keep_up(catalogue, method)  # nothing came since

        for number in unnamed[1::2]:
            catalogue.confirm(number, names[number - 2])
        assert keep_up(catalogue, method)  # half as many came again
        assert Matcher(catalogue, method).calibrated.startswith("this catalogue: 33 decisions on 11 individuals")


def test_answers_are_truer_by_what_was_decided(river, method):
    describe_all_of(river, method)
    query = Query("encounter 1", 1, (1,))
    by_others = Matcher(river, method)
    before = by_others.posterior(by_others.compare(query)).confidence
    report = river.identify([1], model=[each.model.folder for each in method.describers])
    (found,) = report.identifications
    assert found.candidates[0].individual == found.known_as
    assert found.confidence > before + 0.1  # these animals are never mistaken, as others are
    assert found.calibrated.startswith("this catalogue")


def test_a_great_catalogue_is_not_asked_beside_other_work(small, river, method, monkeypatch):
    monkeypatch.setattr("hanzaki.fieldwork.identity.calibrate._BESIDE", 20)
    describe_all_of(river, method)
    assert not keep_up(river, method)  # twenty of its encounters would teach too little
    assert not keep_up(small, method)  # five animals


def grown_by_half(catalogue: FieldCatalogue, method: Method, **report: object) -> None:
    """Write into the newest calibration's report, and that it was learnt from few decisions."""
    with catalogue.writing() as session:
        row = calibrations.newest(session, method.names)
        row.report = row.report | {"decided": 22} | report


def test_what_was_forgotten_is_not_learnt_back_until_it_is_asked_for(river, method, model_folder):
    describe_all_of(river, method)
    assert keep_up(river, method)
    assert forget_calibration(river, method) == 1
    assert not keep_up(river, method)
    (found,) = river.identify([1], model=model_folder).identifications
    assert found.calibrated.startswith("animals of other studies")
    assert found.calibrated.endswith("; run `hanzaki calibrate`")
    assert forget_calibration(river, method) == 0
    hanzaki.calibrate(river, model=model_folder)
    assert Matcher(river, method).calibrated.startswith("this catalogue")


@pytest.mark.parametrize("learnt", [True, False])
def test_what_was_judged_and_told_is_not_replaced_and_says_when_it_is_old(river, method, model_folder, learnt):
    hanzaki.calibrate(river, model=model_folder, prior_new=0.6)
    if not learnt:  # as where the beginning was truer
        with river.writing() as session:
            calibrations.newest(session, method.names).fusion = beginning(method).as_json()
    assert "grown" not in Matcher(river, method).calibrated
    grown_by_half(river, method)
    before = Matcher(river, method)
    assert not keep_up(river, method)
    after = Matcher(river, method)
    assert (after.prior_new, after.fusion) == (0.6, before.fusion)
    assert after.calibrated.startswith("this catalogue" if learnt else "animals of other studies")
    assert after.calibrated.endswith("; decisions have grown by half since; run `hanzaki calibrate`")


def test_what_a_drift_was_measured_by_is_not_replaced(river, method):
    describe_all_of(river, method)
    assert keep_up(river, method)
    grown_by_half(river, method)
    with river.writing() as session:
        calibrations.newest(session, method.names).drift = {"slope": -0.1}
    assert not keep_up(river, method)
    with river.writing() as session:
        calibrations.newest(session, method.names).drift = None
    assert keep_up(river, method)


def test_a_learned_matcher_is_given_less_to_do(river, method, monkeypatch):
    describe_all_of(river, method)
    asked: list[int] = []

    def note(*_: object, most: int, **__: object) -> None:
        asked.append(most)
        raise KeyboardInterrupt

    monkeypatch.setattr("hanzaki.fieldwork.identity.calibrate.ask_again", note)
    monkeypatch.setattr("hanzaki.fieldwork.identity.calibrate._TOO_FEW", 1)
    learned = replace(method, matchers=(("points", Learned()),))
    monkeypatch.setattr(Method, "kinds", {"points": "keypoints"})
    for each in (method, learned):
        with pytest.raises(KeyboardInterrupt):
            keep_up(river, each)
    assert asked == [200, 8_000 // (2 * 33)]  # 33 pictures, each asked twice


class Learned:
    """Stands for a matcher that is not asked."""

    name = "learned"


def test_whoever_was_met_again_is_drawn_first():
    meetings = met(*[1] * 60, *range(100, 400), *np.repeat(np.arange(2, 13), 2))
    again = {meeting.encounter for meeting in meetings if meeting.individual < 100}
    drawn = draw(meetings, again, 40)
    assert len(drawn) == 40
    assert {meeting.individual for meeting in drawn} > set(range(2, 13))
    assert sum(meeting.individual == 1 for meeting in drawn) < 40 - 22
    assert drawn == sorted(drawn, key=lambda meeting: meeting.encounter)
    assert draw(meetings, again, 1000) == meetings


@given(
    st.lists(st.integers(0, 15), max_size=120),
    st.integers(LEAST, 60),
)
def test_as_many_animals_that_were_met_again_are_drawn_as_it_takes(individuals, most):
    meetings = met(*individuals)
    again = {meeting.encounter for meeting in meetings if individuals.count(meeting.individual) > 1}
    drawn = draw(meetings, again, most)
    assert len(drawn) == min(most, len(meetings))
    whom = {meeting.individual for meeting in meetings if meeting.encounter in again}
    heard = {meeting.individual for meeting in drawn if meeting.encounter in again}
    assert len(heard) >= min(LEAST, len(whom))


def test_many_who_were_met_once_do_not_keep_it_from_learning(tmp_path, method, monkeypatch):
    with make(tmp_path, 30, 2) as catalogue:
        names = catalogue.encounters().set_index("encounter")["individual"]
        with catalogue.writing() as session:  # the last nineteen are met once
            for number in names.index[22:][1::2]:
                session.get_one(Encounter, int(number)).individual_id = None
        describe_all_of(catalogue, method)
        monkeypatch.setattr("hanzaki.fieldwork.identity.calibrate._BESIDE", 12)
        monkeypatch.setattr("hanzaki.fieldwork.identity.calibrate._TOO_FEW", 1)
        assert keep_up(catalogue, method)
