"""The page of a calibration, for whoever names the animals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from hanzaki.errors import BadMedium
from hanzaki.evaluation.recalibration import Calibrated, Level, recalibrate
from hanzaki.evaluation.report.recalibration import facts_of, sentence, verdict, write_calibration_page
from hanzaki.evaluation.resampling import Interval, Resampling
from tests.evaluation.test_recalibration import BOLD, planted

NASTY = "<b>river"


@pytest.fixture(scope="module")
def done() -> Calibrated:
    found = recalibrate(planted(160, animals=21), BOLD, resampling=Resampling(resamples=30))
    return Calibrated(("marks-1", "small-2"), 2400, 21, 20, 80, 1200, 90, 0.08, False, found, ())


def read(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(), "html.parser")


@pytest.mark.parametrize(
    ("level", "words"),
    [
        (Level(0.8, 0.9, 0.86, 40, 37), "of 40 answers given 80 to 90%, 37 were right"),
        (Level(0.95, 1.0, 0.99, 1, 1), "of 1 answer given over 95%, 1 was right"),
        (Level(0.0, 0.5, 0.4, 3, 0), "of 3 answers given 0 to 50%, 0 were right"),
    ],
)
def test_a_level_of_sureness_is_a_sentence(level, words):
    assert sentence(level) == words


def test_the_page_says_how_often_answers_were_right(done, tmp_path):
    page = read(write_calibration_page(tmp_path, NASTY, done))
    text = " ".join(page.get_text().split())
    assert NASTY in page.h1.get_text()
    assert page.find("b") is None
    for level in done.found.kept.levels:
        assert sentence(level).removeprefix("of ") in text
    assert verdict(done.found) in text
    assert page.find("svg") is not None
    assert "2,400 encounters, 80 of them were asked again" in text
    assert "21, of which 20 were met again" in text
    assert "new told from known" in text
    assert (tmp_path / "reliability.svg").read_text().count("<svg") == 1


def test_what_could_not_be_used_is_listed(done, tmp_path):
    bad = replace(done, skipped=(BadMedium("a.jpg", "truncated"),))
    assert "truncated" in read(write_calibration_page(tmp_path, "river", bad)).get_text()
    assert "could not be used" not in read(write_calibration_page(tmp_path, "river", done)).get_text()


def test_too_little_is_a_page_too_and_has_no_figure_of_an_earlier_one(done, tmp_path):
    write_calibration_page(tmp_path, "river", done)
    little = replace(done, found=None, needed=("Ten animals are needed.",))
    text = read(write_calibration_page(tmp_path, "river", little)).get_text()
    assert "Ten animals are needed." in text
    assert "Nothing was changed." in text
    assert not (tmp_path / "reliability.svg").exists()


def test_the_verdict_says_what_is_kept_and_how_surely(done):
    assert "learnt from your decisions is kept" in verdict(done.found)
    assert "chance" not in verdict(done.found)
    by_chance = replace(done.found, gain=Interval(0.02, -0.01, 0.05))
    assert "may be chance" in verdict(by_chance)
    assert verdict(replace(done.found, gain=Interval(-0.02, -0.1, 0.05))).startswith(
        "What hanzaki began with is kept"
    )


def test_where_the_prior_comes_from_is_told(done):
    prior = "a new animal, before anything is looked at"
    assert (
        facts_of(done)[prior] == "8.0%: 90 of 1,200 encounters of the later half were with animals not met before"
    )
    assert facts_of(replace(done, prior_told=True))[prior] == "8.0%: as you say"
    assert "no encounter has a day" in facts_of(replace(done, later=0))[prior]


def test_the_page_says_that_a_drift_is_to_be_measured_again(done, tmp_path):
    for undone in (False, True):
        page = write_calibration_page(tmp_path, "river", replace(done, drift_undone=undone))
        assert ("hanzaki drift --keep" in read(page).text) is undone
