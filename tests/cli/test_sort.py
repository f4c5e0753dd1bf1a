from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from hanzaki.cli import sort as command
from hanzaki.fieldwork.identity import sort as sorting
from tests.cli.test_cli import done
from tests.cli.test_cli import hanzaki as call
from tests.fixtures.photographs import write


@pytest.fixture
def river(tmp_path: Path) -> Path:
    """A catalogue of six encounters that nobody has named."""
    rows = ["path,species,encounter"]
    for number in range(6):
        write(tmp_path / "photos" / f"{number}.jpg", number % 2, size=(64 + number, 48))
        rows.append(f"{number}.jpg,Andrias japonicus,e{number}")
    (tmp_path / "photos" / "t.csv").write_text("\n".join(rows))
    done("init", tmp_path / "river")
    done("add", tmp_path / "photos", "--table", tmp_path / "photos" / "t.csv", where=tmp_path / "river")
    return tmp_path / "river"


def test_a_pile_is_sorted_drawn_and_named(river, model_folder):
    sort = ("sort", "--with", model_folder)
    text = done(*sort, "--picture", "pile.jpg", where=river)
    assert "6 encounters (with tiny)" in text
    assert "new animals:" in text
    assert "nothing was written" in text
    assert (river / "pile.jpg").is_file()
    found = json.loads(done(*sort, "--json", where=river))
    members = [member["encounter"] for each in found["individuals"] for member in each["encounters"]]
    assert sorted(members) == [1, 2, 3, 4, 5, 6]
    rows = list(csv.DictReader(io.StringIO(done(*sort, "--csv", where=river))))
    assert sorted(int(row["encounter"]) for row in rows) == [1, 2, 3, 4, 5, 6]
    assert "`hanzaki undo` takes it back" in done(*sort, "--apply", "--sure", "0.000001", where=river)
    wrong = call(*sort, where=river)
    assert wrong.returncode == 1
    assert "no encounter without a name" in wrong.stderr


def test_what_cannot_be_written_or_be_sure_is_refused_before_the_work(river):
    wrong = call("sort", "--apply", "--picture", "missing/pile.jpg", where=river)
    assert wrong.returncode == 1
    assert "there is no folder missing" in wrong.stderr
    assert call("sort", "--picture", "pile.txt", where=river).returncode == 1
    wrong = call("sort", "--sure", 95, where=river)
    assert wrong.returncode == 1
    assert "sure 95.0" in wrong.stderr


def test_a_picture_that_fails_after_all_takes_nothing_away(river, model_folder):
    far_too_long = "p" * 300 + ".jpg"
    failed = call("sort", "--with", model_folder, "--json", "--picture", far_too_long, where=river)
    assert failed.returncode == 1
    assert "the picture cannot be written" in failed.stderr
    assert json.loads(failed.stdout)["encounters"] == 6


def test_one_form_of_answer_at_a_time(river):
    wrong = call("sort", "--json", "--csv", where=river)
    assert wrong.returncode != 0
    assert "one of --json and --csv" in wrong.stderr


def test_the_command_and_python_are_as_careful():
    assert command._SURE == sorting.SURE
