from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from tests.cli.test_cli import done, river  # noqa: F401 - a fixture
from tests.cli.test_cli import hanzaki as call
from tests.fixtures.telling import write_telling_model


def test_why_two_pictures_are_alike(river, tmp_path: Path):  # noqa: F811
    said = json.loads(done("explain", 1, 3, "-o", tmp_path / "why.png", "--json", where=river))
    assert said["pairs"] > 0
    assert said["pictures"] == ["1: IMG_0.jpg", "3: IMG_2.jpg"]
    with Image.open(said["drawing"]) as drawn:
        assert drawn.size[0] > 700
    photos = tmp_path / "photos"
    text = done("explain", photos / "IMG_0.jpg", photos / "IMG_2.jpg", "--with", "hides", "-o", tmp_path / "w.jpg")
    assert text.startswith("similarity ")
    assert "w.jpg" in text


def test_why_a_classifier_says_so(river, tmp_path: Path):  # noqa: F811
    write_telling_model(tmp_path / "telling")
    text = done("explain", 1, "--with", tmp_path / "telling", "--label", "red", "-o", "why.png", where=river)
    assert text.startswith("red, ")
    assert (river / "why.png").is_file()


def test_what_is_wrong_is_said(tmp_path: Path):
    wrong = call("explain", 1, 2, "-o", "why.png", where=tmp_path)
    assert wrong.returncode == 1
    assert "Traceback" not in wrong.stderr
    assert "catalogue" in wrong.stderr
