"""The MiewID paper's experiments, each run whole at toy size; the models that they share are made once."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

from hanzaki.errors import SettingError
from hanzaki.experiments import bench as bench_module
from hanzaki.experiments.runner import Ran, run_experiment
from tests.experiments.toys import CHANGES, toy, write_species

FEW = {"each": 3, "individuals": 8}


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("experiments")
    write_species(folder / "hides")
    return folder


def _run(name: str, place: Path, **scale: object) -> Ran:
    tables = [str(place / "hides" / "annotations.csv")]
    return run_experiment(toy(name, place, tables=tables, **FEW, **scale), place / "runs")


def _table(ran: Ran) -> pd.DataFrame:
    assert ran.folder.name == f"{ran.experiment.name}-desk"
    for figure in ran.folder.glob("*.svg"):
        ElementTree.parse(figure)
    page = (ran.folder / "index.html").read_text("utf-8")
    assert ran.experiment.title in page
    assert ran.experiment.paper.found in page
    for row in ran.outcome.rows:
        assert all(f">{cell}<" in page for cell in map(str, row) if cell)
    return pd.read_csv(ran.folder / "table.csv", dtype=str)


def test_many_species_against_one(place):
    ran = _run("multi-species", place)
    table = _table(ran)
    assert list(table["species"]) == ["hides-001", "hides-002", "mean of the species"]
    records = ran.outcome.records.pivot_table(index="species", columns="model", values="top1")
    means = table.iloc[2].filter(like="top-1").astype(float)
    assert means.tolist() == pytest.approx((100 * records.mean()).round(1).tolist(), abs=0.051)
    assert len(list((place / "runs" / "bench" / "models").glob("*/model"))) == 3
    assert len(list(ran.folder.glob("*.svg"))) == 1


def test_what_was_done_is_not_done_again(place, monkeypatch):
    first = _run("multi-species", place)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("was done already")

    monkeypatch.setattr(bench_module, "one_against_all", never)
    monkeypatch.setattr(bench_module, "describe_table", never)
    assert _run("multi-species", place).outcome.rows == first.outcome.rows


def test_a_species_left_out_is_found_by_the_network_of_the_others(place):
    table = _table(_run("left-out", place))
    assert "species left out, top-1 %" in table.columns
    models = {path.name.rpartition("-")[0] for path in (place / "runs" / "bench" / "models").iterdir()}
    assert {"all-species", "all-but-hides-001", "all-but-hides-002"} <= models


@pytest.mark.parametrize("name", ["joint-training", "fine-tuning"])
def test_few_animals_of_a_new_species(name, place):
    table = _table(_run(name, place, target="hides-001", counts=[0, 4]))
    assert table["individuals"].tolist() == ["0", "4"]
    assert table["photographs"].astype(int).tolist()[1] in range(4, 13)
    assert table["species only, top-1 %"][0] == "-"  # of no animals nothing is learnt


def test_annotations_in_the_database(place):
    ran = _run("database", place, counts=[1, 2, 3], repeats=3)
    table = _table(ran)
    assert table["annotations each"].tolist() == ["1", "2", "3"] * 2
    queries = table.groupby("species")["queries"].nunique()
    assert (queries == 1).all()  # the same animals are asked about at every count


def test_backbones(place):
    tiny = {"one": {"network.pooling": "gem"}, "other": {"network.pooling": "avg"}}
    ran = _run("backbones", place, variants=tiny)
    assert {"one, top-1 %", "other, top-1 %"} <= set(_table(ran).columns)


def test_peers_and_a_model_that_the_user_names(place):
    runs = place / "runs"
    _run("multi-species", place)
    given = next((runs / "bench" / "models").glob("all-species-*")) / "model"
    tables = [str(place / "hides" / "annotations.csv")]
    path = toy("peers", place, tables=tables, models=["hides"], **FEW)
    table = _table(run_experiment(path, runs, models=[given]))
    assert {"ours, species left out, top-1 %", "hides, top-1 %", f"{given}, top-1 %"} <= set(table.columns)


def test_a_model_where_none_are_compared_is_an_error(place):
    with pytest.raises(SettingError, match="compares no models"):
        run_experiment("multi-species", place / "runs", models=["hides"])


def test_without_animals_it_says_what_to_do(tmp_path):
    with pytest.raises(SettingError, match="--table"):
        run_experiment("multi-species", tmp_path, scale="paper")


def test_tables_that_are_not_here_are_left_out_and_told(place):
    tables = ["nowhere/annotations.csv", str(place / "hides" / "annotations.csv")]
    ran = run_experiment(toy("multi-species", place, tables=tables, **FEW), place / "runs")
    assert "nowhere is not here and was left out." in ran.outcome.notes


def test_another_config_is_another_model(place):
    _run("multi-species", place)
    before = set((place / "runs" / "bench" / "models").iterdir())
    _run("multi-species", place, changes=CHANGES | {"run.seed": 5})
    assert len(set((place / "runs" / "bench" / "models").iterdir()) - before) == 3
