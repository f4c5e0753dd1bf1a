from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_cli import done
from tests.cli.test_cli import hanzaki as call
from tests.fieldwork.identity.test_drift import ANIMALS, write_changing


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue of animals that slowly turn into others."""
    folder = tmp_path_factory.mktemp("changing")
    table = write_changing(folder / "photos")
    done("init", folder / "river")
    done("add", "--table", table, where=folder / "river")
    return folder / "river"


def test_the_change_of_all_and_of_each_as_text_and_picture(changing, model_folder, tmp_path):
    text = done("drift", "--with", model_folder, "--picture", tmp_path / "drift.svg", where=changing)
    assert f"{ANIMALS * 10} pairs of encounters of {ANIMALS} individuals, up to 14 years apart (with tiny)" in text
    assert "for each year between: " in text
    assert "times less likely" in text
    assert all(f"animal {number:02}" in text for number in range(ANIMALS))
    assert (tmp_path / "drift.svg").read_text("utf-8").startswith("<?xml")


def test_the_change_of_one_as_json(changing, model_folder):
    said = json.loads(done("drift", "animal 03", "--with", model_folder, "--json", where=changing))
    assert [one["individual"] for one in said["individuals"]] == ["animal 03"]
    assert said["drift"]["low"] < said["drift"]["slope"] < said["drift"]["high"] < 0
    assert said["seen"] is True
    assert said["individuals"][0]["years"] == pytest.approx(14, abs=0.02)


def test_a_drift_that_is_kept_is_to_be_measured_again_after_a_calibration(changing, model_folder):
    model = ("--with", model_folder)
    assert "drift --keep" not in done("calibrate", *model, where=changing)
    done("drift", "--keep", *model, where=changing)
    assert "run `hanzaki drift --keep` again" in done("calibrate", *model, where=changing)
    done("calibrate", "--forget", *model, where=changing)


def test_what_is_wrong_is_said(changing, model_folder, tmp_path):
    for words, text in [
        (["--picture", tmp_path / "drift.png"], ".svg"),
        (["nobody"], "no individual 'nobody'"),
        (["--keep"], "hanzaki calibrate"),
    ]:
        wrong = call("drift", *words, "--with", model_folder, where=changing)
        assert wrong.returncode == 1
        assert text in wrong.stderr
        assert "Traceback" not in wrong.stderr
