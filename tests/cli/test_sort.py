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


def test_one_form_of_answer_at_a_time(river):
    wrong = call("sort", "--json", "--csv", where=river)
    assert wrong.returncode != 0
    assert "one of --json and --csv" in wrong.stderr


def test_the_command_and_python_are_as_careful():
    assert command._SURE == sorting.SURE
