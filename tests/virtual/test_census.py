from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from hanzaki.exchange.identity_csv import read_identity_csv
from hanzaki.media import inspect_video
from hanzaki.virtual import Population, Rates, captures, lives, write_census, yearly
from hanzaki.virtual.demography import Capture

SIZE = (96, 72)


@pytest.fixture(scope="module")
def population() -> Population:
    capture = Capture(probability=0.5, photographs=2.0)
    return Population(yearly(date(2020, 8, 20), 3), residents=4, capture=capture, seed=2)


@pytest.fixture(scope="module")
def census(population: Population, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("census")
    write_census(folder, population, size=SIZE, threads=2)
    return folder


def test_everybody_who_is_met_is_photographed_as_often_as_the_truth_says(census, population):
    rows = list(read_identity_csv(census / "annotations.csv"))
    met = captures(population)
    assert len(rows) == met["photographs"].sum() > 5
    assert len({row.encounter for row in rows}) == len(met)
    years = [(row.date.year - 2020, int(row.identity.removeprefix("hanzaki-"))) for row in rows]
    assert set(years) == set(zip(met["survey"], met["individual"], strict=True))
    for row in rows:
        with Image.open(census / row.path) as image:
            assert image.size == SIZE
        assert row.bbox.meets(*SIZE)


def test_the_truth_of_the_population_stands_beside(census, population):
    tables = {name: pd.read_csv(census / f"{name}.csv") for name in ("lives", "surveys", "captures", "abundance")}
    assert len(tables["surveys"]) == 3
    assert tables["abundance"]["N"].iloc[0] == 4
    histories = pd.read_csv(census / "histories.csv", index_col=0)
    assert histories.to_numpy().sum() == len(tables["captures"])
    assert set(histories.index) == set(tables["captures"]["individual"]) <= set(range(len(tables["lives"])))


def test_sex_and_origin_are_those_of_the_lives(tmp_path):
    rates = Rates(hybrids=0.4, chinese=0.2)
    mixed = Population(yearly(date(2020, 8, 20), 1), residents=12, rates=rates, capture=Capture(0.9), seed=5)
    table = write_census(tmp_path, mixed, size=(64, 48), threads=2)
    truth = lives(mixed)
    for row in table.itertuples():
        life = truth.loc[int(row.identity.removeprefix("hanzaki-"))]
        assert (row.sex, row.origin) == (life.sex, life.origin)
    assert set(table.origin) == {"native", "hybrid", "chinese"}
    assert set(table.sex) == {"female", "male"}


def test_what_is_there_stays_and_what_is_missing_is_written_again(census, population):
    photographs = sorted((census / "photographs").iterdir())
    before = photographs[1].read_bytes()
    photographs[0].write_bytes(b"mine")
    photographs[1].unlink()
    write_census(census, population, size=SIZE)
    assert photographs[0].read_bytes() == b"mine"
    assert photographs[1].read_bytes() == before


def test_a_later_survey_changes_no_earlier_photograph(census, population, tmp_path):
    longer = replace(population, surveys=yearly(date(2020, 8, 20), 4))
    write_census(tmp_path, longer, size=SIZE, threads=2)
    first, again = (read_identity_csv(folder / "annotations.csv").frame for folder in (census, tmp_path))
    pd.testing.assert_frame_equal(again.iloc[: len(first)], first)
    last = first["path"].iloc[-1]
    assert (tmp_path / last).read_bytes() == (census / last).read_bytes()


def test_videos_in_place_of_photographs(population, tmp_path):
    short = replace(population, surveys=population.surveys[:1])
    table = write_census(tmp_path, short, size=SIZE, seconds=0.3, threads=2)
    assert table["path"].tolist() == [f"videos/MOV_{n:05d}.mp4" for n in range(1, len(table) + 1)]
    assert inspect_video(tmp_path / table["path"].iloc[0], 100).seconds == pytest.approx(0.3)
