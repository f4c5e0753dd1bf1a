"""The real command line, as a user types it."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.fixtures.animals import write_animals
from tests.fixtures.photographs import write


def hanzaki(*words: object, where: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hanzaki", *map(str, words)]
    return subprocess.run(
        command, cwd=where, capture_output=True, text=True, env=os.environ | environment, stdin=subprocess.DEVNULL
    )


def done(*words: object, where: Path | None = None, status: int = 0, **environment: str) -> str:
    result = hanzaki(*words, where=where, **environment)
    assert result.returncode == status, result.stderr
    assert "Traceback" not in result.stderr
    return result.stdout


@pytest.fixture
def river(tmp_path: Path) -> Path:
    """Two named animals in two encounters each, one encounter of nobody known, three animals in one each."""
    photos = tmp_path / "photos"
    rows = ["path,identity,species,encounter,date"]
    for number, name in enumerate(["Sakura", "Ume", "Sakura", "Ume", "", "Momo", "Kiku", "Yuri"]):
        write(photos / f"IMG_{number}.jpg", number % 2 if number < 5 else number, size=(64 + number, 48))
        rows.append(f"IMG_{number}.jpg,{name},Andrias japonicus,e{number},2022-08-2{number}")
    (photos / "t.csv").write_text("\n".join(rows))
    done("init", tmp_path / "river")
    done("add", photos, "--table", photos / "t.csv", where=tmp_path / "river")
    return tmp_path / "river"


def test_the_whole_job(river, model_folder):
    found = json.loads(done("identify", 5, "--with", model_folder, "--json", where=river))
    assert found[0]["query"] == "encounter 5"
    best = found[0]["candidates"][0]
    assert best["individual"] == "Sakura"
    assert best["probability"] > 2 * found[0]["candidates"][1]["probability"]
    assert Path(best["photograph_path"]).is_file()
    assert found[0]["scope"]["individuals"] == 5
    assert "Encounter 5 is Sakura" in done("confirm", 5, "Sakura", where=river)
    assert "Encounter 5 is nobody known again (was Sakura)" in done("undo", where=river)
    assert "AJ-001, a new individual" in done("confirm", 5, "new", where=river)
    individuals = json.loads(done("individuals", "--json", where=river))
    encounters = {row["individual"]: row["encounters"] for row in individuals}
    assert encounters == {"Sakura": 2, "Ume": 2, "AJ-001": 1, "Momo": 1, "Kiku": 1, "Yuri": 1}


def test_answers_as_text_show_probability_photograph_and_scope(river, model_folder):
    text = done("identify", 5, "--with", model_folder, where=river)
    assert "looked among 7 photographs of 5 individuals: Andrias japonicus, any side" in text
    assert re.search(r"^\d +Sakura +[\d.]+ % +IMG_[02]\.jpg +[13]$", text, re.MULTILINE)
    assert re.search(r"^\d +somebody new +[\d.]+ %", text, re.MULTILINE)
    assert "Probabilities are learnt from" in text


def test_candidates_as_csv(river, model_folder):
    rows = list(csv.DictReader(io.StringIO(done("identify", 5, 1, "--with", model_folder, "--csv", where=river))))
    assert [row["query"] for row in rows] == ["encounter 5"] * 6 + ["encounter 1"] * 6
    assert [row["rank"] for row in rows] == list("123456") * 2
    for asked in (rows[:6], rows[6:]):
        assert [row["individual"] for row in asked if row["answer"] == "new"] == [""]
        assert sum(float(row["probability"]) for row in asked) == pytest.approx(1)
    assert rows[0]["scope"] == "Andrias japonicus, any side"


def test_a_picture_of_the_answers(river, model_folder, tmp_path):
    done("identify", 5, "--with", model_folder, "--picture", tmp_path / "answers.png", where=river)
    assert (tmp_path / "answers.png").read_bytes().startswith(b"\x89PNG")


def test_lists(river):
    rows = list(csv.DictReader(io.StringIO(done("encounters", "--csv", where=river))))
    assert [row["label"] for row in rows] == [f"e{number}" for number in range(8)]
    unnamed = json.loads(done("encounters", "--unnamed", "--json", where=river))
    assert [row["encounter"] for row in unnamed] == [5]
    assert "Sakura" in done("individuals", where=river)


def test_adding_says_what_was_added_known_and_skipped(river, tmp_path):
    (tmp_path / "photos" / "empty.jpg").touch()
    result = hanzaki("add", tmp_path / "photos", "--json", where=river)
    assert result.returncode == 3
    report = json.loads(result.stdout)
    assert (report["added"], report["known"]) == (0, 8)
    assert report["skipped"][0]["reason"] == "empty: the file has no bytes"
    text = hanzaki("add", tmp_path / "photos", where=river)
    assert "known already" in text.stdout
    assert "empty.jpg" in text.stderr


def test_nothing_but_answers_on_standard_output(river, model_folder, tmp_path):
    (tmp_path / "bad.jpg").write_text("no photograph")
    result = hanzaki("identify", 5, tmp_path / "bad.jpg", "--with", model_folder, "--json", where=river)
    assert result.returncode == 3
    assert len(json.loads(result.stdout)) == 1
    assert "not an image" in result.stderr


def test_photographs_are_named_by_a_reference_that_does_not_leak(model_folder, tmp_path):
    table = pd.read_csv(write_animals(tmp_path, 5, 3), dtype=str)
    of_the_first = table["path"].str.contains("_0")
    known = table[of_the_first & (table["identity"] != "animal 4")]
    known.to_csv(tmp_path / "known.csv", index=False)
    table[~of_the_first].to_csv(tmp_path / "asked.csv", index=False)
    known.iloc[[0]].to_csv(tmp_path / "copy.csv", index=False)
    asked = ("evaluate", "--table", tmp_path / "asked.csv", "--against", tmp_path / "known.csv")
    text = done(*asked, "--with", model_folder, "--allow-leaks")
    for told in ("accuracy", "Cohen's kappa", "macro F1", "AUROC", "where 5% of strangers pass"):
        assert told in text
    values = json.loads(done(*asked, "--with", model_folder, "--allow-leaks", "--json"))
    assert (values["closed"]["queries"], values["open"]["unknown"]) == (8, 2)
    copied = hanzaki("evaluate", "--table", tmp_path / "copy.csv", "--against", tmp_path / "known.csv")
    assert copied.returncode == 1
    assert "is the same file as" in copied.stderr
    assert "--allow-leaks" in copied.stderr
    assert hanzaki(*asked, "--group", "species").returncode == 1


def test_leaks_of_a_table_are_told(model_folder, tmp_path):
    table = write_animals(tmp_path, 3, 3)
    (tmp_path / "copy.png").write_bytes((tmp_path / "0_0.png").read_bytes())
    text = table.read_text().splitlines()
    table.write_text("\n".join([*text, text[1].replace("0_0.png", "copy.png")]))
    told = hanzaki("evaluate", "--table", table, "--with", model_folder)
    assert told.returncode == 0, told.stderr
    assert "these numbers are too good: 1 same bytes" in told.stderr
    assert (
        "copy.png is the same file as 0_0.png" in told.stderr
        or "0_0.png is the same file as copy.png" in told.stderr
    )


def test_evaluate_as_json_and_text(river, model_folder, tmp_path):
    table = tmp_path / "photos" / "t.csv"
    values = json.loads(done("evaluate", "--table", table, "--with", model_folder, "--json"))
    assert (values["queries"], values["skipped"], values["individuals"]) == (4, 4, 2)
    value, low, high = values["top1"]
    assert 0 <= low <= value <= high <= 1
    text = done("evaluate", "--table", table, "--with", model_folder, "--group", "orientation")
    assert "orientation unknown" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("individuals",), "is not in a catalogue; make one with `hanzaki init DIR`"),
        (("add", "x.jpg"), "is not in a catalogue"),
        (("init", "."), "holds other files"),
        (("evaluate", "--table", "gone.csv"), "gone.csv cannot be used:\n  no such file"),
        (("models", "export", "no_such_network", "out"), "no_such_network"),
    ],
)
def test_errors_are_one_plain_message(tmp_path, words, message):
    (tmp_path / "something").touch()
    result = hanzaki(*words, where=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith("hanzaki: ")
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_the_catalogue_may_be_named_by_option_or_environment(river, tmp_path):
    assert "Sakura" in done("individuals", "--catalogue", river, where=tmp_path)
    assert "Sakura" in done("individuals", where=tmp_path, HANZAKI_CATALOGUE=str(river))
    assert "Sakura" in done("individuals", where=river / "media")


def test_a_wrong_setting_says_which(river):
    result = hanzaki("describe", where=river, HANZAKI_THREADS="many")
    assert result.returncode == 1
    assert "HANZAKI_THREADS" in result.stderr


def test_version():
    assert done("--version").startswith("hanzaki ")


def test_the_demo_ends_by_itself_and_can_be_run_again(tmp_path):
    words = ("demo", tmp_path / "demo", "--individuals", 5)
    first = done(*words)
    right, known = map(int, re.search(r"(\d+) of (\d+) encounters of known animals right", first).groups())
    assert known >= 7  # of three animals by three lights, of which one or the other may not show its head
    assert right >= known - 2
    told, new = map(
        int, re.search(r"(\d+) of (\d+) encounters of new animals called somebody new", first).groups()
    )
    assert new >= 4  # of two animals; how many are told depends on how many are known, and three are few
    assert f"{new - told} called by a known animal's name" in first
    assert (tmp_path / "demo" / "answers.jpg").is_file()
    assert done(*words) == first


def test_what_a_table_leaves_out_is_told(tmp_path):
    write(tmp_path / "one.jpg", 1)
    images = [{"id": 1, "file_name": "one.jpg"}, {"id": 2, "file_name": "two.jpg", "corrupt": True}]
    annotations = [{"id": number, "image_id": number, "category_id": 1} for number in (1, 2)]
    coco = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "newt"}]}
    (tmp_path / "coco.json").write_text(json.dumps(coco))
    done("init", tmp_path / "river")
    added = hanzaki("add", "--table", tmp_path / "coco.json", where=tmp_path / "river")
    assert added.returncode == 0, added.stderr
    assert "coco.json: corrupt images left out: 1" in added.stderr
