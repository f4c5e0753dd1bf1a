"""`hanzaki accept`, `queue` and `reidentify`, as a user types them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

import hanzaki
from hanzaki.fieldwork.identity.method import load_method
from tests.cli.test_cli import done
from tests.cli.test_cli import hanzaki as call
from tests.fixtures.mosaic import calibrate, meet, write_mosaic_model


@pytest.fixture(scope="module")
def mosaic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mosaic_model(tmp_path_factory.mktemp("models") / "mosaic")


@pytest.fixture
def river(tmp_path: Path, mosaic: Path) -> Path:
    """Twelve named animals; 13 is animal 2, 14 like two of them, 15 and 16 one new animal."""
    with hanzaki.init(tmp_path / "river") as catalogue:
        meet(catalogue, tmp_path / "told", range(12), named=True)
        meet(catalogue, tmp_path / "met", [2, (0, 1), 40, 40], named=False)
        calibrate(catalogue, load_method(mosaic))
    return tmp_path / "river"


def test_sure_answers_are_accepted_and_others_asked(river, mosaic):
    asked = ("accept", "--tolerate", "1%", "--with", mosaic)
    text = done(*asked, where=river)
    assert "Nothing is written yet; --apply writes it" in text
    assert "1 encounter with known animals accepted" in text
    assert "2 encounters with 1 new animal accepted" in text
    assert "this catalogue: 99 decisions" in text
    found = json.loads(done(*asked, "--json", "--apply", where=river))
    assert found["tolerated"] == 0.01
    assert [(each["encounter"], each["individual"]) for each in found["named"]] == [
        (13, "animal 2"), (15, "AJ-001"), (16, "AJ-001"),
    ]  # fmt: skip
    assert [question["encounter"] for question in found["review"]] == [14]
    assert "Encounter 16 is nobody known again (was AJ-001)" in done("undo", "--machine", where=river)


def test_the_queue_says_what_to_ask_and_what_to_look_at(river, mosaic):
    text = done("queue", "--with", mosaic, where=river)
    assert "Next: hanzaki explain 14 " in text
    found = json.loads(done("queue", "--with", mosaic, "--top", 1, "--json", where=river))
    (question,) = found["questions"]
    assert question["question"].startswith("is encounter 14 ")


def test_what_a_better_model_would_change(river, mosaic):
    asked = ("reidentify", "--tolerate", 0.01, "--with", mosaic)
    text = done(*asked, where=river)
    assert "3 asked: 0 the same, 0 somebody else, 0 somebody new, 3 of nobody until now; 3 would change" in text
    rows = list(csv.DictReader(io.StringIO(done(*asked, "--csv", "--all", where=river))))
    assert {row["outcome"] for row in rows} == {"same", "named"}
    assert len(rows) == 15
    written = json.loads(done(*asked, "--apply", "--json", where=river))
    assert written["decision"] is not None
    assert "would change" not in done(*asked, "--apply", where=river).replace("0 would change", "")


def test_what_cannot_be_meant_is_said(river):
    wrong = call("accept", "--tolerate", "few", where=river)
    assert wrong.returncode == 1
    assert "write 1% or 0.01" in wrong.stderr
    assert call("accept", where=river).returncode == 2
