"""ONNX files of keypoints become model folders, or say why not."""

from __future__ import annotations

import numpy as np
import pytest

from hanzaki.errors import ModelError
from hanzaki.vision.importing_points import import_matcher, import_points
from hanzaki.vision.model import load_learned_points_model, load_point_matcher_model
from tests.fixtures.detectors import write_network
from tests.fixtures.points import SIDE, write_finder, write_matcher

RUNTIMES = pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])


@RUNTIMES
def test_a_finder_becomes_a_folder_that_says_how_it_is_fed(tmp_path, runtime):
    file = write_finder(tmp_path / "cells.onnx", axis=True)
    config = import_points(file, tmp_path / "new" / "m", "aliked", licence="bsd-3-clause", runtime=runtime)
    assert load_learned_points_model(tmp_path / "new" / "m").config == config
    assert (config.name, config.input_size, config.embedding_size) == ("cells", (SIDE, SIDE), 12)
    assert (config.coordinates, config.licence) == ("signed", "bsd-3-clause")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["m"]


@RUNTIMES
def test_a_matcher_becomes_a_folder(tmp_path, runtime):
    config = import_matcher(write_matcher(tmp_path / "likest.onnx", 5), tmp_path / "m", runtime=runtime)
    assert load_point_matcher_model(tmp_path / "m").config == config
    assert (config.embedding_size, config.coordinates) == (5, "centred")


def test_what_does_not_fit_leaves_nothing_behind(tmp_path):
    (tmp_path / "in").mkdir()
    detector = write_network(tmp_path / "in" / "detector.onnx", {"boxes": np.zeros((3, 4))}, 1)
    matcher = write_matcher(tmp_path / "in" / "matcher.onnx")
    finder = write_finder(tmp_path / "in" / "finder.onnx")
    named = write_finder(tmp_path / "in" / "named.onnx", names=("places", "descriptors", "scores"))
    cases = [
        (lambda folder: import_points(detector, folder, "xfeat"), "has no output 'keypoints' but boxes"),
        (lambda folder: import_points(named, folder, "xfeat"), "has no output 'keypoints' but places"),
        (lambda folder: import_points(matcher, folder, "xfeat"), "takes 4 inputs"),
        (
            lambda folder: import_points(finder, folder, "xfeat", input_size=(64, 64)),
            "takes 32 x 32 pixels and nothing",
        ),
        (lambda folder: import_matcher(finder, folder), "a matcher takes kpts0 kpts1 desc0 desc1"),
    ]
    for make, said in cases:
        with pytest.raises(ModelError, match=said):
            make(tmp_path / "out" / "m")
        assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_a_folder_that_stands_is_not_overwritten(tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "notes.txt").write_text("mine")
    with pytest.raises(ModelError, match="is not empty"):
        import_points(write_finder(tmp_path / "cells.onnx"), tmp_path / "m", "xfeat")
    assert (tmp_path / "m" / "notes.txt").read_text() == "mine"
