"""`hanzaki evaluate --with CLASSIFIER`, as a user types it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from hanzaki.cli import main
from tests.fixtures.colours import write_colour_teller

Answer = tuple[int, str, str]
RED, BLUE = (200, 0, 40), (30, 0, 190)


@pytest.fixture
def hanzaki(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """The command line in this process: exit status, output, errors."""

    def run(*words: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["hanzaki", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out, said.err

    return run


@pytest.fixture
def words(tmp_path: Path) -> tuple[object, ...]:
    """A table of five animals, one of them of a label never learnt and one of none, and a classifier of origin."""
    for name, colour in (("red", RED), ("blue", BLUE)):
        Image.new("RGB", (12, 10), colour).save(tmp_path / f"{name}.png")
    rows = ["path,identity,origin", "red.png,ann,hybrid", "blue.png,bob,native", "red.png,cid,native"]
    rows += ["red.png,dan,alien", "blue.png,eve,"]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    write_colour_teller(tmp_path / "m", "origin", ["hybrid", "native"], explains=True)
    return ("evaluate", "--table", tmp_path / "t.csv", "--with", tmp_path / "m")


def test_measures_and_the_confusion_matrix_are_printed(hanzaki, words):
    status, out, err = hanzaki(*words)
    assert status == 0, err
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert any(line.startswith("accuracy 3 0.667") for line in lines)
    assert any(line.startswith("accuracy of animals 3 0.667") for line in lines)
    assert any(line.startswith("calibration error, at a temperature of 1 3 ") for line in lines)
    assert "truly as hybrid as native" in lines
    assert lines[-2:] == ["hybrid 1 0", "native 1 1"]
    assert "never learnt, and not judged: alien (1)" in err
    assert "not told by the table: the origin of 1" in err


def test_all_of_it_comes_as_json_and_as_a_page(hanzaki, words, tmp_path):
    status, out, err = hanzaki(*words, "--json", "--report", tmp_path / "report")
    assert status == 0, err
    values = json.loads(out)
    assert (values["label"], values["queries"], values["confusion_matrix"]) == ("origin", 3, [[1, 0], [1, 1]])
    assert values["calibration"]["temperature"] == 1
    assert "How well colours tells origin" in (tmp_path / "report" / "index.html").read_text()
    assert f"report: {tmp_path / 'report' / 'index.html'}" in err.replace("\n", "")


def test_pictures_that_cannot_be_read_are_told_and_the_rest_is_judged(hanzaki, words, tmp_path):
    (tmp_path / "blue.png").write_bytes(b"")
    status, out, err = hanzaki(*words)
    assert status == 3
    assert "accuracy" in out
    assert "blue.png" in err


@pytest.mark.parametrize("more", [("--group", "species"), ("--against", "t.csv")])
def test_what_goes_with_models_that_compare_is_refused(hanzaki, words, more):
    status, _, err = hanzaki(*words, *more)
    assert status == 1
    assert "not with a classifier" in err


def test_a_table_that_does_not_tell_is_an_error(hanzaki, words, tmp_path):
    (tmp_path / "t.csv").write_text("path,identity\nred.png,ann")
    status, _, err = hanzaki(*words)
    assert status == 1
    assert "no row has the column 'origin', which this model tells (hybrid, native)" in err
