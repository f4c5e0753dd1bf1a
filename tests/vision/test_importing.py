"""Other people's ONNX files become model folders, or it is said why not."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from hanzaki import ModelError
from hanzaki.vision.coco import COCO
from hanzaki.vision.detector import Detector
from hanzaki.vision.importing import import_detector, read_labels
from hanzaki.vision.layouts import grid
from hanzaki.vision.model import load_detector_model
from tests.fixtures.detectors import HEIGHT, WIDTH, write_network

CELLS, STRIDES = grid((WIDTH, HEIGHT), (8, 16, 32))
OFFSETS = np.concatenate(
    [np.full((len(CELLS), 2), 0.5), np.zeros((len(CELLS), 2)), np.full((len(CELLS), 3), 0.9)], 1
)
DECODED = np.concatenate([(CELLS + 0.5) * STRIDES, STRIDES, STRIDES, OFFSETS[:, 4:]], axis=1)
SIZE = (WIDTH, HEIGHT)


def test_a_yolox_becomes_a_folder_that_finds_what_it_finds(tmp_path):
    file = write_network(tmp_path / "nano.onnx", {"output": OFFSETS}, 1)
    config = import_detector(file, tmp_path / "m", "yolox", ["hide", "head"], licence="apache-2.0", threshold=0.3)
    model = load_detector_model(tmp_path / "m")
    assert model.config == config
    assert (config.name, config.input_size, config.channels, config.licence) == ("nano", SIZE, "bgr", "apache-2.0")
    detector = Detector(model)
    found = detector.detect([detector.prepare(np.zeros((HEIGHT, WIDTH, 3), np.uint8))])[0]
    assert len(found) == len(CELLS)  # none of the cells overlaps another by as much as 0.45
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["config.json", "model.onnx"]


@pytest.mark.parametrize("names", [("boxes", "scores"), ("pred_boxes", "logits"), ("dets", "labels")])
def test_two_outputs_are_told_apart_even_of_four_labels(tmp_path, names):
    boxes, logits = np.full((5, 4), 0.5), np.zeros((5, 4))
    for position, outputs in enumerate([(0, 1), (1, 0)]):  # in either order
        pair = [(names[0], boxes), (names[1], logits)]
        file = write_network(tmp_path / f"{position}.onnx", dict(pair[at] for at in outputs))
        config = import_detector(file, tmp_path / str(position), "detr", list("abcd"), input_size=SIZE)
        assert config.outputs == names


@pytest.mark.parametrize(
    ("said", "like", "message"),
    [
        (DECODED, "yolox", "do not lie over the input as those of 'yolox'"),
        (DECODED * [1, 1, 9, 9, 1, 1, 1], "yolox", "do not lie over the input as those of 'yolox'"),
        (OFFSETS, "yolov5", "do not lie over the input as those of 'yolov5'"),
        (OFFSETS[:, :6], "yolox", "not the layout 'yolox' with 2 labels"),
        (OFFSETS[:9], "yolox", "gives 9 boxes"),
        (OFFSETS, "detr", "has no outputs of boxes and of scores"),
    ],
)
def test_a_file_that_is_not_what_it_is_said_to_be_makes_no_folder(tmp_path, said, like, message):
    file = write_network(tmp_path / "n.onnx", {"output": said})
    with pytest.raises(ModelError, match=rf"n\.onnx.* {message}"):
        import_detector(file, tmp_path / "m", like, ["hide", "head"], input_size=SIZE)
    assert [path.name for path in tmp_path.iterdir()] == ["n.onnx"]


def test_yolox_with_its_decoding_inside_is_like_yolov5(tmp_path):
    file = write_network(tmp_path / "n.onnx", {"output": DECODED})
    assert import_detector(file, tmp_path / "m", "yolov5", ["a", "b"]).layout == "yolov5"


def test_sizes_that_the_file_does_not_take_are_refused(tmp_path):
    file = write_network(tmp_path / "n.onnx", {"output": OFFSETS})
    with pytest.raises(ModelError, match="takes 64 x 32 pixels and nothing else"):
        import_detector(file, tmp_path / "m", "yolox", ["a", "b"], input_size=(32, 32))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, "h", "w"])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 3, "h", "w"])
    graph = helper.make_graph([helper.make_node("Relu", ["image"], ["out"])], "any", [image], [out])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), tmp_path / "any.onnx"
    )
    with pytest.raises(ModelError, match="any size; say which with --size"):
        import_detector(tmp_path / "any.onnx", tmp_path / "m", "yolov8", ["a"])


def test_a_folder_in_the_way_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ModelError, match="is not empty"):
        import_detector(tmp_path / "n.onnx", tmp_path, "yolox", ["a"])


def test_labels_are_coco_a_file_or_names(tmp_path):
    assert read_labels("coco") == list(COCO)
    assert (len(COCO), len(set(COCO)), COCO[22]) == (80, 80, "zebra")
    assert read_labels("hide, head") == ["hide", "head"]
    (tmp_path / "names.txt").write_text("one\n\ntwo words\n")
    assert read_labels(str(tmp_path / "names.txt")) == ["one", "two words"]
    with pytest.raises(ModelError, match="names no label"):
        read_labels(",")


def test_the_command_makes_the_folder_and_says_so(tmp_path):
    file = write_network(tmp_path / "n.onnx", {"output": OFFSETS})
    words = ["models", "import", file, tmp_path / "m", "--like", "yolox", "--labels", "hide,head"]
    ran = subprocess.run([sys.executable, "-m", "hanzaki", *map(str, words)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "yolox, 64 x 32 pixels, 2 labels" in ran.stdout.replace("\n", "")
    assert load_detector_model(tmp_path / "m").config.labels == ["hide", "head"]
