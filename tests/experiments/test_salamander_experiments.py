"""The salamander papers' experiments, each run whole at toy size."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from hanzaki.errors import SettingError
from hanzaki.evaluation.leaks import LeakError
from hanzaki.experiments.runner import run_experiment
from hanzaki.virtual import write_photographs
from tests.experiments.toys import CHANGES, toy

STREAM = {"individuals": 3, "surveys": 6, "photographs": 2, "size": [160, 120]}


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("salamanders")


def test_which_of_them_by_the_light_of_the_day(place):
    ran = run_experiment(toy("lights", place, stream=STREAM, config="salamander", changes=CHANGES), place / "runs")
    records = ran.outcome.records
    assert records["light"].unique().tolist() == ["morning", "afternoon", "evening", "mixed"]
    assert records.groupby("light")["queries"].first().to_dict()["mixed"] == 18  # the last three of six days
    assert records["accuracy"].between(0, 1).all()
    assert len(list(ran.folder.glob("*.svg"))) == 4


def test_a_stranger_among_the_known(place):
    ran = run_experiment(
        toy("unknown", place, stream=STREAM, config="salamander", changes=CHANGES), place / "runs"
    )
    records = ran.outcome.records
    assert set(records["stranger"]) == {"hanzaki-01", "hanzaki-02", "hanzaki-03"}
    strangers = records[records["stranger"] == records["identity"]]
    assert not strangers["known"].any()
    assert not (strangers["given"] == strangers["stranger"]).any()  # nobody can be named who was not learnt
    assert (records["right"] == (records["given"] == records["identity"])).all()


def test_native_or_hybrid_of_animals_never_seen(place):
    stream = STREAM | {"individuals": 5, "hybrids": 2, "surveys": 1, "seed": 4}
    ran = run_experiment(
        toy("origin", place, stream=stream, counts=[1], config="salamander", changes=CHANGES), place / "runs"
    )
    table = pd.read_csv(ran.folder / "table.csv")
    assert table["number"].tolist() == [6, 3]  # two photographs of each of the animals that were not learnt
    assert set(ran.outcome.records["given"]) <= {
        "Andrias japonicus", "Andrias japonicus × Andrias davidianus"
    }  # fmt: skip


def test_two_kinds_are_wanted(place):
    with pytest.raises(SettingError, match="the table has 1"):
        run_experiment(toy("origin", place, stream=STREAM, counts=[1]), place / "runs")


def test_a_table_that_leaks_is_refused(tmp_path):
    stream = tmp_path / "stream"
    run = tmp_path / "runs"
    table = write_photographs(stream, 3, surveys=4, photographs=2, size=(160, 120), newcomers=0)
    copied = table.iloc[[-1]].assign(path=table["path"].iloc[0], image_id="copy")
    pd.concat([table, copied]).to_csv(stream / "annotations.csv", index=False)
    path = toy("unknown", tmp_path, tables=[str(stream / "annotations.csv")], config="salamander", changes=CHANGES)
    with pytest.raises(LeakError, match="is the same"):
        run_experiment(path, run)
