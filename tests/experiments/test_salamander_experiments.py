"""The salamander papers' experiments, each run whole at toy size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hanzaki.errors import SettingError
from hanzaki.evaluation.leaks import LeakError
from hanzaki.experiments.runner import run_experiment
from hanzaki.virtual import write_photographs
from tests.experiments.toys import CLASSIFIER, toy

STREAM = {"individuals": 3, "surveys": 6, "photographs": 2, "size": [160, 120]}


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("salamanders")


def _toy(name: str, place: Path, **scale: object) -> Path:
    return toy(name, place, **{"config": "quick", "changes": CLASSIFIER} | scale)


def test_which_of_them_by_the_light_of_the_day(place):
    stream = STREAM | {"surveys": 12}
    ran = run_experiment(_toy("lights", place, stream=stream), place / "runs")
    records = ran.outcome.records
    assert records["light"].unique().tolist() == ["morning", "afternoon", "evening", "mixed"]
    tested = records.groupby("light")["queries"].first().to_dict()
    assert tested == dict.fromkeys(["morning", "afternoon", "evening"], 12) | {"mixed": 36}  # six of twelve days
    assert np.isfinite(records[["accuracy", "ece_before", "ece"]].to_numpy(float)).all()
    assert len(list(ran.folder.glob("*.svg"))) == 5


def test_a_stranger_among_the_known(place):
    ran = run_experiment(_toy("unknown", place, stream=STREAM), place / "runs")
    records = ran.outcome.records
    assert set(records["stranger"]) == {"hanzaki-01", "hanzaki-02", "hanzaki-03"}
    assert records.groupby("stranger").size().tolist() == [18] * 3  # the last three of six days, of all three
    strangers = records[records["stranger"] == records["identity"]]
    assert len(strangers) == 18
    assert not strangers["known"].any()
    assert not (strangers["given"] == strangers["stranger"]).any()  # nobody can be named who was not learnt
    assert (records["right"] == (records["given"] == records["identity"])).all()
    assert [row[0] for row in ran.outcome.rows] == ["probability", "energy", "margin"]


def test_native_or_hybrid_of_animals_never_seen(place):
    stream = STREAM | {"individuals": 7, "hybrids": 3, "surveys": 1, "seed": 4, "masks": True}
    ran = run_experiment(
        _toy("origin", place, stream=stream, counts=[2], changes=CLASSIFIER | {"split.validation": 0}),
        place / "runs",
    )
    table = pd.read_csv(ran.folder / "table.csv")
    assert table["number"].tolist() == [6, 3]  # two photographs of each of the animals that were not learnt
    assert set(ran.outcome.records["given"]) <= {"native", "hybrid"}
    told = " ".join(ran.outcome.answers)
    assert "Control, shuffled labels" in told
    assert "Control, surroundings only" in told
    assert "dark markings" in told


def test_two_kinds_are_wanted(place):
    with pytest.raises(SettingError, match="the table has 1"):
        run_experiment(_toy("origin", place, stream=STREAM, counts=[1]), place / "runs")


def test_any_label_of_any_table(place):
    write_photographs(place / "any", 4, surveys=2, photographs=2, size=(160, 120), newcomers=0)
    tables = {
        "days": {"table": "any/annotations.csv", "data.label": "individual", "split.validation": 0},
        "sexes": {"table": "any/annotations.csv", "data.label": "sex", "split.validation": 0},
        "not here": {"table": "nowhere/annotations.csv"},
    }
    ran = run_experiment(_toy("tasks", place, variants=tables), place / "runs")
    assert [row[:3] for row in ran.outcome.rows] == [["days", 8, 4], ["sexes", 4, 2]]
    assert ran.outcome.notes == ["not here: nowhere is not here and was left out."]
    with pytest.raises(SettingError, match="none of its tables is here"):
        run_experiment(_toy("tasks", place, variants={"not here": tables["not here"]}), place / "runs")


def test_a_table_that_leaks_is_refused(tmp_path):
    stream = tmp_path / "stream"
    run = tmp_path / "runs"
    table = write_photographs(stream, 3, surveys=4, photographs=2, size=(160, 120), newcomers=0)
    copied = table.iloc[[-1]].assign(path=table["path"].iloc[0], image_id="copy")
    pd.concat([table, copied]).to_csv(stream / "annotations.csv", index=False)
    path = _toy("unknown", tmp_path, tables=[str(stream / "annotations.csv")])
    with pytest.raises(LeakError, match="is the same"):
        run_experiment(path, run)
