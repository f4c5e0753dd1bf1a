"""``hanzaki models import`` of networks of keypoints."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from hanzaki.cli.models import app
from hanzaki.errors import SettingError
from hanzaki.vision.model import load_learned_points_model, load_point_matcher_model
from tests.fixtures.points import write_finder, write_matcher


def imported(file: Path, folder: Path, *words: str) -> str:
    result = CliRunner().invoke(app, ["import", str(file), str(folder), *words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_what_finds_keypoints_and_what_matches_them_become_model_folders(tmp_path):
    finder = write_finder(tmp_path / "cells.onnx")
    said = imported(finder, tmp_path / "finder", "--like", "xfeat", "--licence", "apache-2.0")
    assert "32 x 32 pixels, 12 numbers a point" in said
    assert load_learned_points_model(tmp_path / "finder").config.licence == "apache-2.0"
    said = imported(write_matcher(tmp_path / "likest.onnx"), tmp_path / "matcher", "--like", "lightglue")
    assert "for points of 3 numbers" in said
    assert load_point_matcher_model(tmp_path / "matcher").config.architecture == "lightglue"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--like", "xfeat", "--labels", "zebra"], "--labels is for detectors"),
        (["--like", "lightglue", "--overlap", "0.5"], "--overlap is for detectors"),
        (["--like", "lightglue", "--size", "320"], "--size is of pictures"),
        (["--like", "yolox"], "name the classes of its boxes with --labels"),
    ],
)
def test_options_of_another_kind_of_network_are_refused(tmp_path, words, said):
    with pytest.raises(SettingError, match=said):
        imported(write_finder(tmp_path / "cells.onnx"), tmp_path / "m", *words)
    assert not (tmp_path / "m").exists()
