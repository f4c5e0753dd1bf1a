from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import hanzaki
from hanzaki import CatalogueError, FieldCatalogue
from hanzaki.catalogue import calibrations, decisions
from hanzaki.catalogue.tables import Encounter, Individual
from hanzaki.fieldwork.identity.drift import keep_drift, learn_drift, met_again, own_pairs, some_of, years_of
from hanzaki.fieldwork.identity.matcher import YEARS as YEARS_APART
from hanzaki.fieldwork.identity.matcher import Matcher
from hanzaki.fieldwork.identity.method import Method, load_method
from hanzaki.fieldwork.queries import Query, encounter_queries
from hanzaki.matching.drift import Drift
from hanzaki.matching.odds import PairOdds
from tests.fixtures.photographs import pixels

YEARS = (2000, 2002, 2005, 2009, 2014)
ANIMALS = 12


def write_changing(folder: Path, animals: int = ANIMALS, change: float = 0.05) -> Path:
    """Photographs of animals that slowly turn into others, one a year of :data:`YEARS`, and their table."""
    folder.mkdir(parents=True)
    rows = ["path,identity,species,encounter,date"]
    for animal in range(animals):
        for year in YEARS:
            share = change * (year - YEARS[0])
            mixed = (1 - share) * pixels(animal).astype(float) + share * pixels(100 + animal)
            mixed += np.random.default_rng([animal, year]).normal(0, 6, mixed.shape)
            name = f"{animal}-{year}.png"
            Image.fromarray(np.clip(mixed, 0, 255).astype(np.uint8)).save(folder / name)
            rows.append(f"{name},animal {animal:02},Andrias japonicus,{animal}-{year},{year}-08-20")
    (folder / "t.csv").write_text("\n".join(rows))
    return folder / "t.csv"


@pytest.fixture(scope="module")
def method(model_folder: Path) -> Method:
    return load_method(model_folder)


@pytest.fixture(scope="module")
def river(tmp_path_factory: pytest.TempPathFactory) -> FieldCatalogue:
    folder = tmp_path_factory.mktemp("drift")
    with hanzaki.init(folder / "river") as catalogue:
        catalogue.add(table=write_changing(folder / "photos"))
        yield catalogue


def test_animals_that_change_are_less_alike_with_every_year(river, method):
    found = learn_drift(river, method)
    assert found.seen
    assert found.drift.high < 0
    assert found.drift.start > found.drift.strangers
    assert len(found.pairs) == ANIMALS * 10  # every two of an animal's five encounters
    assert found.longest == pytest.approx(14, abs=0.02)
    assert [found.names[number] for number in found.asked] == [f"animal {number:02}" for number in range(ANIMALS)]
    near = found.pairs["years"] < 5
    assert found.pairs["ratio"][near].mean() > found.pairs["ratio"][~near].mean() + 1
    assert all(found.drift.individuals[number].pairs == 10 for number in found.asked)


def test_animals_that_stay_as_they_are_show_no_change(tmp_path, method):
    with hanzaki.init(tmp_path / "river") as catalogue:
        catalogue.add(table=write_changing(tmp_path / "photos", change=0))
        found = learn_drift(catalogue, method)
        assert found.drift.low < 0.05
        assert found.drift.high > -0.05
        with pytest.raises(CatalogueError, match="not sure enough"):
            keep_drift(catalogue, found)


def test_who_is_asked_about_is_shown_and_the_rest_is_learnt_from(river, method):
    whole = learn_drift(river, method)
    one = learn_drift(river, method, ["animal 03"])
    assert [one.names[number] for number in one.asked] == ["animal 03"]
    assert one.drift == whole.drift
    with pytest.raises(CatalogueError, match="no individual 'animal 99'"):
        learn_drift(river, method, ["animal 99"])


def test_what_does_not_fit_is_left_out_by_lot(river, method):
    some = learn_drift(river, method, most=30)
    assert some.left_out == 5 * (ANIMALS - 6)
    assert len(some.drift.individuals) == 6


def test_what_the_machine_named_teaches_no_change(tmp_path, method):
    with hanzaki.init(tmp_path / "river") as catalogue:
        catalogue.add(table=write_changing(tmp_path / "photos", animals=5))
        with catalogue.writing() as session:
            first = session.query(Individual).filter_by(name="animal 00").one()
            own = session.query(Encounter).filter_by(individual_id=first.id).all()
            for encounter in own:
                encounter.individual_id = None
                for change in session.query(decisions.Change).filter_by(encounter_id=encounter.id):
                    session.delete(change)
            session.flush()
            decisions.accept(session, dict.fromkeys(own, first), who="machine", evidence={})
        found = learn_drift(catalogue, method)
        assert [found.names[number] for number in found.asked] == [f"animal {number:02}" for number in range(1, 5)]
        assert len(found.pairs) == 4 * 10


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (["A,a,2000-08-20", "B,b,2001-08-20"], "no animal was met twice"),
        (["A,a,", "A,b,", "B,c,", "B,d,"], "no animal was met twice"),
        (["A,a,2000-08-20", "A,b,2002-08-20", "B,c,2001-08-20", "B,d,2003-08-20"], "all encounters"),
        (["A,a,2000-08-20", "A,b,2002-08-20", "A,c,2009-08-20", "B,d,2003-08-20"], "only one animal"),
    ],
)
def test_too_little_is_said_plainly(catalogue, tmp_path, method, rows, text):
    write_changing(tmp_path / "photos", animals=1)
    names = [f"0-{year}.png" for year in YEARS]
    lines = [f"{name},Andrias japonicus,{row}" for name, row in zip(names, rows, strict=False)]
    (tmp_path / "photos" / "few.csv").write_text("\n".join(["path,species,identity,encounter,date", *lines]))
    catalogue.add(table=tmp_path / "photos" / "few.csv")
    with pytest.raises(CatalogueError, match=text):
        learn_drift(catalogue, method)


def test_only_dated_encounters_of_animals_that_were_met_again_count():
    table = pd.DataFrame(
        {
            "encounter": [1, 1, 2, 3, 4, 5, 6],
            "individual_id": [7, 7, 7, 8, 9, 9, None],
            "individual": ["a", "a", "a", "b", "c", "c", None],
            "seen": pd.to_datetime(
                ["2001-01-02", "2001-01-01", "2002-01-01", "2002-01-01", "2003-01-01", None, "2004-01-01"]
            ),
        }
    )
    again = met_again(table)
    assert again["encounter"].tolist() == [1, 2]
    assert again["when"].tolist() == pytest.approx([2001, 2002], abs=0.01)
    assert years_of(pd.Series(pd.to_datetime(["2024-07-01"])))[0] == pytest.approx(2024.5, abs=0.01)


def test_animals_are_drawn_whole_and_the_same_every_time():
    again = pd.DataFrame({"encounter": range(40), "individual_id": np.repeat(range(10), 4)})
    some = some_of(again, 17)
    assert some.groupby("individual_id").size().tolist() == [4, 4, 4, 4]
    pd.testing.assert_frame_equal(some, some_of(again, 17))
    assert some_of(again, 40) is again


def test_pairs_of_one_animal_with_the_years_between():
    chosen = pd.DataFrame(
        {
            "encounter": [4, 5, 9],
            "individual_id": [1, 2, 1],
            "individual": ["a", "b", "a"],
            "when": [2000, 2001, 2003.5],
        }
    )
    pairs = own_pairs(PairOdds.listed(3, [0, 0, 1], [1, 2, 2], [-3.0, 4.0, -2.0]), chosen)
    assert pairs.to_dict("records") == [{"individual": 1, "encounter": 4, "other": 9, "years": 3.5, "ratio": 4.0}]


@pytest.fixture
def calibrated(river, method) -> Iterator[FieldCatalogue]:
    """The river with a calibration, which is the one to begin with."""
    fusion = Matcher(river, method).fusion
    with river.writing() as session:
        calibrations.keep(session, method.names, fusion.as_json(), 0.3, who="tester", report={"cases": 1})
    yield river
    with river.writing() as session:
        calibrations.forget(session, method.names)


def test_a_drift_cannot_be_kept_without_a_calibration(river, method):
    with pytest.raises(CatalogueError, match="hanzaki calibrate"):
        learn_drift(river, method, keep=True)


def test_a_drift_is_kept_with_the_calibration_and_heeded(calibrated, method):
    query = next(query_of(calibrated, method, 2014))
    before = Matcher(calibrated, method)
    assert YEARS_APART not in before.ratios(before.compare(query))
    found = learn_drift(calibrated, method, keep=True)
    with calibrated.reading() as session:
        kept = calibrations.newest(session, method.names)
        assert kept.drift == found.drift.as_json()
        assert (kept.prior_new, kept.report, kept.fusion) == (0.3, {"cases": 1}, before.fusion.as_json())
    after = Matcher(calibrated, method)
    assert after.drift == replace(found.drift, individuals={})
    assert after.ratios(after.compare(query))[YEARS_APART].any()


def test_who_was_last_photographed_long_ago_need_not_look_as_alike(calibrated, method):
    with calibrated.writing() as session:
        row = calibrations.newest(session, method.names)
        drift = Drift(-0.8, -0.9, -0.7, start=6.0, strangers=-4.0, usual=5.0, spread=0.1, individuals={})
        calibrations.keep(session, method.names, row.fusion, 0.3, who="tester", report={}, drift=drift.as_json())
    matcher = Matcher(calibrated, method)
    compared = matcher.compare(next(query_of(calibrated, method, 2014)))
    np.testing.assert_allclose(compared.years, [5.0] + [0.0] * (ANIMALS - 1), atol=0.01)
    scored = sum(value for name, value in matcher.ratios(compared).items() if name != YEARS_APART)
    lately, long_ago = (replace(compared, years=np.full(ANIMALS, years)) for years in (0.0, 6.0))
    at_once, later, unknown = (
        matcher.ratios(each)[YEARS_APART]
        for each in (lately, long_ago, replace(compared, years=compared.years * np.nan))
    )
    np.testing.assert_array_equal(unknown, 0)
    unlike = scored < 0
    assert unlike.any()
    assert (later[unlike] > at_once[unlike]).all()
    mixed = replace(compared, years=np.where(np.arange(ANIMALS) == scored.argmin(), 6.0, 0.0))
    assert matcher.posterior(mixed).known[scored.argmin()] > matcher.posterior(lately).known[scored.argmin()]


def query_of(river: FieldCatalogue, method: Method, year: int) -> Iterator[Query]:
    """The encounters of a year, as queries."""
    table = Matcher(river, method).everything
    chosen = table.loc[pd.to_datetime(table["seen"]).dt.year == year, "encounter"]
    yield from encounter_queries(table, chosen.tolist())
