from __future__ import annotations

import pytest
from sqlalchemy import func, select

from hanzaki.catalogue import calibrations
from hanzaki.catalogue.tables import Calibration


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
