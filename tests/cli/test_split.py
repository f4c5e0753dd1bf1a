"""``hanzaki split``, as a user types it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from hanzaki.evaluation.split_folder import read_split
from hanzaki.exchange.identity_csv import read_identity_csv
from tests.cli.test_cli import done, hanzaki
from tests.fixtures.photographs import write


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """The table of six animals, met three times each, and one photograph of nobody known."""
    rows = ["path,identity,species,encounter"]
    for number in range(18):
        write(tmp_path / "photos" / f"{number}.jpg", number)
        rows.append(f"{number}.jpg,animal {number % 6},Andrias japonicus,met {number // 6}")
    write(tmp_path / "photos" / "nobody.jpg", 99)
    rows.append("nobody.jpg,unknown,Andrias japonicus,")
    (tmp_path / "photos" / "t.csv").write_text("\n".join(rows))
    return tmp_path / "photos" / "t.csv"


def test_a_table_is_split_and_can_be_moved_with_its_pictures(photos, tmp_path):
    text = done("split", photos, tmp_path / "split", "--protocol", "individual", "--validation", 0.25)
    assert "Left out: 1 row, nobody known" in text
    assert "Leaks: none" in text
    shutil.copytree(tmp_path, tmp_path.parent / f"{tmp_path.name} moved")
    moved = tmp_path.parent / f"{tmp_path.name} moved" / "split"
    split = read_split(moved)
    assert {name: len(part) for name, part in split.parts.items()} == {"train": 9, "validation": 3, "test": 6}
    for part in split.parts.values():
        assert all((moved / row.path).is_file() for row in part)
    told = json.loads((tmp_path / "split" / "split.json").read_text())
    assert told["parts"]["test"] == {"rows": 6, "individuals": 2, "encounters": 6, "unseen": 2}


def test_json(photos, tmp_path):
    out = tmp_path / "split"
    printed = json.loads(
        done("split", photos, out, "--protocol", "encounter", "--unknown", 0.3, "--seed", 7, "--json")
    )
    assert printed == json.loads((out / "split.json").read_text())
    assert (printed["seed"], printed["options"], printed["leaks"]) == (7, {"unknown": 0.3}, [])


def test_the_same_seed_writes_the_same_files(photos, tmp_path):
    for name in ("one", "two"):
        done("split", photos, tmp_path / name, "--protocol", "encounter")
    for file in ("train.csv", "test.csv", "split.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_leak_is_listed_and_nothing_is_written_unless_allowed(photos, tmp_path):
    for number in range(1, 18):
        shutil.copy(photos.with_name("0.jpg"), photos.with_name(f"{number}.jpg"))
    words = ("split", photos, tmp_path / "split", "--protocol", "individual")
    result = hanzaki(*words)
    assert result.returncode == 1
    assert "leaks (6 same bytes)" in result.stderr
    assert "(test) is the same file as" in result.stderr
    assert "--allow-leaks" in result.stderr
    assert result.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos"]
    assert "Leaks: 6 same bytes, allowed" in done(*words, "--allow-leaks")
    told = json.loads((tmp_path / "split" / "split.json").read_text())
    assert told["leaks_allowed"] is True
    names = {row.path for row in read_identity_csv(tmp_path / "split" / "test.csv")}
    assert {leak["other"] for leak in told["leaks"]} == names


def test_pictures_that_cannot_be_read_are_listed_and_the_split_is_made(photos, tmp_path):
    photos.with_name("3.jpg").write_bytes(b"")
    result = hanzaki("split", photos, tmp_path / "split", "--protocol", "individual")
    assert result.returncode == 3
    assert "3.jpg: empty: the file has no bytes" in result.stderr
    assert (tmp_path / "split" / "split.json").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--protocol", "luck"), "there is no protocol 'luck'"),
        (("--protocol", "date"), "needs --train-days"),
        (("--protocol", "date", "--train-days", "2022-08-20"), "18 rows: no date"),
        (("--protocol", "miewid", "--unknown", "0.2"), "--unknown means nothing to the protocol miewid"),
    ],
)
def test_errors_are_one_plain_message(photos, tmp_path, words, message):
    result = hanzaki("split", photos, tmp_path / "split", *words)
    assert result.returncode == 1
    assert result.stderr.startswith("hanzaki: ")
    assert message in result.stderr
    assert not (tmp_path / "split").exists()


def test_a_folder_in_the_way_is_left_alone(photos, tmp_path):
    result = hanzaki("split", photos, photos.parent, "--protocol", "individual")
    assert result.returncode == 1
    assert "is in the way" in result.stderr
