"""From a record's number to a table, step by step, each done once."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from types import SimpleNamespace

import pytest

from hanzaki.datasets import published
from hanzaki.datasets.errors import DatasetError
from hanzaki.datasets.published import fetch, lay_out_here
from hanzaki.exchange.identity_csv import read_identity_csv
from tests.fixtures.zenodo import RECORD


def archive(*paths: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for path in paths:
            file.writestr(path, path)
    return made.getvalue()


@pytest.fixture
def record(zenodo):
    """As the paper tells of its photographs: other individuals to train with than to test with."""
    paths = [
        f"set/{part}/{origin}/{n}/{k}.jpg"
        for part in ("train", "test")
        for origin in ("native", "hybrid")
        for n in "12"
        for k in "ab"
    ]
    zenodo.files = {"photographs.zip": archive(*paths), "code/README.md": b"# code", "model.7z": b"7z"}
    return zenodo


def get(zenodo, transfer, folder, **words):
    words = {"accept": lambda _facts: True, **words}
    return fetch(RECORD, folder, base=zenodo.address, transfer=transfer, **words)


def test_a_record_becomes_a_table_with_its_parts(record, transfer, tmp_path):
    shown: list[str] = []
    fetched = get(record, transfer, tmp_path / "set", accept=lambda facts: shown.extend(facts) or True)
    assert "licence: cc-by-4.0" in shown
    assert fetched.notes == {"archives that other programs must unpack, then `hanzaki data lay-out`": 1}
    lay_out_here(tmp_path / "set")
    table = read_identity_csv(tmp_path / "set" / "annotations.csv")
    assert (len(table), table.frame["identity"].nunique()) == (16, 8)
    assert set(table.frame["origin"]) == {"native", "hybrid"}
    assert set(table.frame["species"]) == {"Andrias japonicus", "Andrias japonicus × Andrias davidianus"}
    assert all((table.folder / row.path).is_file() for row in table)
    train, test = (read_identity_csv(tmp_path / "set" / f"{part}.csv") for part in ("train", "test"))
    assert len(train) == len(test) == 8
    assert not set(train.frame["identity"]) & set(test.frame["identity"])


def test_what_must_be_known_stays_beside_the_files(record, transfer, tmp_path):
    get(record, transfer, tmp_path / "set")
    told = json.loads((tmp_path / "set" / "dataset.json").read_text())
    assert (told["record"], told["licence"], told["authors"]) == (RECORD, "cc-by-4.0", ["Doe, Jane", "Roe, Ren"])
    assert told["files"][1]["name"] == "code/README.md"
    text = (tmp_path / "set" / "README.md").read_text()
    for word in ("# Native and hybrid", "licence: cc-by-4.0", "cite as: Takaya", "10.5281/zenodo.7878678"):
        assert word in text
    assert (tmp_path / "set" / "files" / "code" / "README.md").read_bytes() == b"# code"


def test_whoever_declines_gets_nothing(record, transfer, tmp_path):
    with pytest.raises(DatasetError, match="was not fetched"):
        get(record, transfer, tmp_path / "set", accept=lambda _facts: False)
    assert list(tmp_path.iterdir()) == []
    assert len(record.asked) == 1


def test_a_second_call_fetches_nothing_again(record, transfer, tmp_path):
    get(record, transfer, tmp_path / "set")
    lay_out_here(tmp_path / "set")
    before = {path: path.read_bytes() for path in (tmp_path / "set").rglob("*.csv")}
    count = len(record.asked)
    get(record, transfer, tmp_path / "set")
    lay_out_here(tmp_path / "set")
    assert len(record.asked) == count + 1  # the record alone
    assert {path: path.read_bytes() for path in (tmp_path / "set").rglob("*.csv")} == before


def test_only_what_is_asked_for(record, transfer, tmp_path):
    get(record, transfer, tmp_path / "set", files=["*.ZIP"], only=["*/native/*"])
    assert [path.name for path in (tmp_path / "set" / "files").iterdir()] == ["photographs.zip"]
    layout = lay_out_here(tmp_path / "set")
    assert {row.origin for row in layout.annotations} == {"native"}
    with pytest.raises(
        DatasetError, match=r"no file .* is called \*.tar; there are: photographs.zip, code/README.md"
    ):
        get(record, transfer, tmp_path / "set", files=["*.tar"])


def test_a_folder_of_something_else_is_left_alone(record, transfer, tmp_path):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(DatasetError, match="is not empty and not of 10.5281/zenodo.7878678: name a new folder"):
        get(record, transfer, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil"])
def test_a_file_that_would_lie_elsewhere_ends_it(zenodo, transfer, tmp_path, name):
    zenodo.files = {name: b"evil"}
    with pytest.raises(DatasetError, match="would lie outside its folder"):
        get(zenodo, transfer, tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_cannot_hold_it_is_told_before_anything_comes(record, transfer, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=10))
    with pytest.raises(DatasetError, match="are to come, and the disk has room for 10 bytes"):
        get(record, transfer, tmp_path / "set")
    assert len(record.asked) == 1


def test_a_table_that_somebody_worked_on_is_kept(record, transfer, tmp_path):
    get(record, transfer, tmp_path / "set")
    lay_out_here(tmp_path / "set")
    table = tmp_path / "set" / "annotations.csv"
    table.write_text(table.read_text().replace("native,", "hybrid,", 1))
    with pytest.raises(
        DatasetError, match="annotations.csv is there and says otherwise: move it, or say --replace"
    ):
        lay_out_here(tmp_path / "set")
    assert sorted(path.name for path in (tmp_path / "set").glob(".*")) == []
    lay_out_here(tmp_path / "set", replace=True)
    lay_out_here(tmp_path / "set")


def test_a_record_that_changed_is_fetched_anew(record, transfer, tmp_path):
    get(record, transfer, tmp_path / "set")
    record.files["photographs.zip"] = archive("native/1.jpg", "hybrid/1.jpg")
    get(record, transfer, tmp_path / "set")
    assert len(published.lay_out_here(tmp_path / "set").annotations) == 2
