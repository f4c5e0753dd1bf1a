"""`hanzaki classify` and `hanzaki tell`, as a user types them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.test_cli import done
from tests.cli.test_cli import hanzaki as call
from tests.fieldwork.test_classify import BLUE, RED, VIOLET, paint
from tests.fixtures.colours import write_colour_teller


@pytest.fixture
def river(tmp_path: Path) -> Path:
    """A catalogue of a red, a blue and a violet photograph, an encounter each; ``../origins`` tells origins."""
    for name, colour in (("a.png", RED), ("b.png", BLUE), ("c.png", VIOLET)):
        paint(tmp_path / "photos" / name, colour)
    write_colour_teller(tmp_path / "origins", "origin", ["hybrid", "native"], explains=True)
    done("init", tmp_path / "river")
    done("add", tmp_path / "photos", where=tmp_path / "river")
    return tmp_path / "river"


def column(where: Path, name: str) -> list[str]:
    return [row[name] for row in csv.DictReader(io.StringIO(done("encounters", "--csv", where=where)))]


def test_the_machine_and_the_keeper_have_their_say(river):
    text = done("classify", "--with", "../origins", "--sure", 0.9, where=river)
    assert "encounter 1: a.png" in text
    assert "unsure" in next(line for line in text.splitlines() if "c.png" in line)
    listed = done("encounters", where=river).splitlines()
    assert "hybrid 100% (colours-" in listed[2]
    assert ", unsure (colours-" in listed[4]
    assert "Encounter 1 has origin native" in done("tell", 1, "--origin", "native", where=river)
    assert "hybrid" not in done("encounters", where=river).splitlines()[2]
    assert column(river, "origin") == ["native", "", ""]
    assert column(river, "origin_by_machine") == ["hybrid", "native", "native"]
    assert "Encounter 1 has origin unknown again (was native)" in done("undo", where=river)
    assert column(river, "origin") == ["", "", ""]
    assert "told of before" in done("classify", "--with", "../origins", where=river)
    assert "Forgot what it told of 3 pictures" in done("classify", "--with", "../origins", "--forget", where=river)
    assert column(river, "origin_by_machine") == ["", "", ""]


def test_opinions_are_forgotten_by_fingerprint_when_the_model_is_gone(river):
    model = json.loads(done("classify", "--with", "../origins", "--json", where=river))["model"]
    assert "3 pictures" in done("classify", "--with", model, "--forget", where=river)
    nothing = call("classify", "--with", "../origins", "--forget", where=river)
    assert (nothing.returncode, "has told nothing" in nothing.stderr) == (1, True)


def test_json_and_csv_say_the_same(river):
    asked = ("classify", 1, "../photos/b.png", "--with", "../origins")
    document = json.loads(done(*asked, "--json", where=river))
    assert [animal["value"] for animal in document["animals"]] == ["hybrid", "native"]
    rows = list(csv.DictReader(io.StringIO(done(*asked, "--csv", where=river))))
    assert [(row["encounter"], row["value"], row["sure"]) for row in rows] == [
        ("1", "hybrid", "True"),
        ("2", "native", "True"),
    ]
    assert float(rows[0]["probability"]) == document["animals"][0]["pictures"][0]["probability"]


def test_files_need_no_catalogue_and_are_drawn(tmp_path, river):
    (tmp_path / "photos" / "empty.jpg").touch()
    result = call("classify", "photos", "--with", "origins", "--explain", "why", where=tmp_path)
    assert result.returncode == 3
    assert "empty.jpg" in result.stderr
    assert sorted(path.name for path in (tmp_path / "why").iterdir()) == ["a.png.jpg", "b.png.jpg", "c.png.jpg"]
    assert "hybrid" in result.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--with", "../origins", "9"), "there is no encounter 9"),
        (("--with", "nothing"), "no model folder"),
        (("--with", "../origins", "--json", "--csv"), "choose one"),
        (("--with", "../origins", "--forget", "1"), "name no PATH"),
        (("--with", "../origins", "--explain", "catalogue.sqlite"), "no folder for the drawings"),
    ],
)
def test_what_cannot_be_asked_says_why(river, words, message):
    result = call("classify", *words, where=river)
    assert (result.returncode, message in result.stderr) == (1, True), result.stderr


def test_without_a_catalogue_something_must_be_named(tmp_path, river):
    result = call("classify", "--with", "origins", where=tmp_path)
    assert (result.returncode, "is not in a catalogue" in result.stderr) == (1, True)
    number = call("classify", "7", "--with", "origins", where=tmp_path)
    assert (number.returncode, "no catalogue to look for encounter 7" in number.stderr) == (1, True)


def test_pictures_show_who_told_the_side(river, tmp_path):
    write_colour_teller(tmp_path / "sides", "orientation", ["left", "right"])
    text = done("classify", "--with", "../sides", where=river)
    assert "a.png (encounter 1)" in text
    assert "left 100% (colours-" in done("pictures", 1, where=river)
    assert "Picture 1 has orientation right" in done("tell", "--picture", 1, "--side", "right", where=river)
    (row,) = json.loads(done("pictures", 1, "--json", where=river))
    assert (row["side"], row["side_by_machine"]) == ("right", "left")


def test_what_is_told_of_an_individual_stands_in_its_list(river):
    done("confirm", 1, "new", "--name", "Sakura", where=river)
    assert "Sakura has sex female" in done("tell", "--individual", "Sakura", "--sex", "female", where=river)
    (row,) = json.loads(done("individuals", "--json", where=river))
    assert row["sex"] == "female"
    wrong = call("tell", 1, "--sex", "male", where=river)
    assert (wrong.returncode, "of whom female was told" in wrong.stderr) == (1, True)
