from __future__ import annotations

import pytest
from sqlalchemy import func, select

from hanzaki.catalogue import calibrations, decisions
from hanzaki.catalogue.tables import Calibration, Encounter


@pytest.fixture
def kept(catalogue):
    """Two calibrations of two models, one of the first alone."""
    with catalogue.writing() as session:
        for prior in (0.1, 0.2):
            calibrations.keep(session, ["b", "a"], {"bias": prior}, prior, who="tester", report={"top_1": prior})
        calibrations.keep(session, ["a"], {"bias": 3}, 0.3, who="tester", report={}, drift={"slope": -0.1})
    return catalogue


def test_the_newest_of_exactly_the_same_evidence_counts(kept):
    with kept.reading() as session:
        both = calibrations.newest(session, ("a", "b"))
        assert (both.prior_new, both.fusion, both.report, both.drift) == (0.2, {"bias": 0.2}, {"top_1": 0.2}, None)
        assert (both.who, both.evidence) == ("tester", ["a", "b"])
        assert calibrations.newest(session, ["a"]).drift == {"slope": -0.1}
        assert calibrations.newest(session, ["b"]) is None
        assert calibrations.newest(session, ["a", "b", "c"]) is None


def test_an_earlier_one_stays_until_all_of_its_kind_are_forgotten(kept):
    with kept.writing() as session:
        assert session.scalar(select(func.count(Calibration.id))) == 3
        assert calibrations.forget(session, ["b", "a"]) == 2
        assert calibrations.forget(session, ["b", "a"]) == 0
    with kept.reading() as session:
        assert calibrations.newest(session, ["a", "b"]) is None
        assert calibrations.newest(session, ["a"]) is not None


def test_that_something_was_forgotten_is_known_until_the_next_is_kept(kept):
    with kept.writing() as session:
        assert not calibrations.is_forgotten(session, ["a", "b"])
        assert calibrations.forget(session, ["a", "b"]) == 2
        calibrations.mark_forgotten(session, ["b", "a"], who="tester")
        assert calibrations.is_forgotten(session, ["a", "b"])
        assert not calibrations.is_forgotten(session, ["a"])
        assert calibrations.newest(session, ["a", "b"]) is None
        assert calibrations.forget(session, ["a", "b"]) == 0  # a mark is no calibration
        assert not calibrations.is_forgotten(session, ["a", "b"])
        calibrations.mark_forgotten(session, ["a", "b"], who="tester")
        row = calibrations.keep(session, ["a", "b"], {"bias": 1}, 0.1, who="tester", report={})
        assert not calibrations.is_forgotten(session, ["a", "b"])
        assert calibrations.newest(session, ["a", "b"]) is row


def test_people_and_tables_teach_and_the_machine_does_not(catalogue):
    with catalogue.writing() as session:
        animal = decisions.new_individual(session, None)
        by_person, by_table, by_machine, unnamed = (Encounter(key=key) for key in "abcd")
        session.add_all([by_person, by_table, by_machine, unnamed])
        session.flush()
        decisions.assign(session, by_person, animal, who="me", origin=decisions.PERSON)
        decisions.assign(session, by_table, animal, who="me", origin=decisions.TABLE)
        decisions.accept(session, {by_machine: animal}, who="machine", evidence={})
        assert sorted(calibrations.teaching(session)) == [by_person.id, by_table.id]
