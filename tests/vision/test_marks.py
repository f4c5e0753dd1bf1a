"""Keypoints described by a network: here one that takes four corners of each patch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from hanzaki.errors import ModelError
from hanzaki.keypoints import Keypoints
from hanzaki.vision.describing import describe_all, load_describer
from hanzaki.vision.marks import Marks, signed_rows
from hanzaki.vision.model import load_model, load_points_model
from hanzaki.vision.rootsift import RootSift
from tests.vision.test_rootsift import spotted

PATCH = 8


def write_points_model(folder: Path, **config: object) -> Path:
    """A folder whose network gives the mean of each quarter of a patch, brought to length one."""
    folder.mkdir(parents=True)
    kernel = np.full((1, 1, PATCH // 2, PATCH // 2), 1 / 16, np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["image", "kernel"], ["quarters"], strides=[PATCH // 2, PATCH // 2]),
            helper.make_node("Flatten", ["quarters"], ["flat"]),
            helper.make_node("LpNormalization", ["flat"], ["embedding"], axis=1, p=2),
        ],
        "quarters",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, PATCH, PATCH])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(kernel, "kernel")],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), folder / "model.onnx"
    )
    values = {"task": "points", "name": "quarters", "architecture": "none", "embedding_size": 4, "patch": PATCH,
              "reach": 6.0}  # fmt: skip
    (folder / "config.json").write_text(json.dumps(values | config))
    return folder


@pytest.fixture
def marks(tmp_path) -> Marks:
    describer = load_describer(write_points_model(tmp_path / "model"))
    assert isinstance(describer, Marks)
    return describer


def test_the_points_are_those_of_rootsift_and_only_what_they_look_like_is_new(marks):
    (keypoints,) = marks.describe([marks.prepare(spotted())])
    plain = RootSift()(spotted())
    for name in ("points", "sizes", "angles", "weights"):
        np.testing.assert_array_equal(getattr(keypoints, name), getattr(plain, name))
    assert keypoints.extent == plain.extent
    assert keypoints.descriptors.dtype == np.int8
    assert keypoints.descriptors.shape == (len(plain), 4 + 4)


def test_a_batch_gives_each_picture_its_own(marks):
    pictures = [spotted(1), np.full((50, 60, 3), 90, np.uint8), spotted(2)]
    together = marks.describe([marks.prepare(picture) for picture in pictures])
    apart = [marks.describe([marks.prepare(picture)])[0] for picture in pictures]
    assert [one.to_bytes() for one in together] == [one.to_bytes() for one in apart]
    assert len(together[1]) == 0


def test_keypoints_of_signed_rows_are_stored_and_read_back(marks):
    (keypoints,) = marks.describe([marks.prepare(spotted())])
    again = Keypoints.from_bytes(keypoints.to_bytes())
    np.testing.assert_array_equal(again.descriptors, keypoints.descriptors)
    assert again.descriptors.dtype == np.int8


def test_it_is_a_describer_like_any_other(marks):
    ((item, described),) = describe_all(marks, ["one"], lambda _: spotted(), threads=1)
    assert item == "one"
    assert isinstance(described, Keypoints)
    assert (marks.kind, marks.area_fraction) == ("keypoints", 1.0)


def test_another_network_has_another_name(marks, tmp_path):
    other = load_describer(write_points_model(tmp_path / "other", reach=7.0))
    assert marks.name.startswith("quarters-")
    assert other.name != marks.name


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_likeness_is_brought_to_the_range_of_rootsift(seed):
    vectors = np.random.default_rng(seed).normal(size=(2, 128)).astype(np.float32)
    vectors[1] = 0.5 * vectors[0] + vectors[1]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    one, other = signed_rows(vectors).astype(float)
    cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    assert cosine == pytest.approx(0.6 + 0.4 * float(vectors[0] @ vectors[1]), abs=0.01)


def test_a_network_that_gives_something_else_is_an_error(tmp_path):
    wrong = load_describer(write_points_model(tmp_path / "model", embedding_size=5))
    with pytest.raises(ModelError, match="does not give what its config says"):
        wrong.describe([wrong.prepare(spotted())])


def test_a_model_of_another_task_is_refused_by_name(tmp_path):
    folder = write_points_model(tmp_path / "model")
    with pytest.raises(ModelError, match="task 'points'; 'embed' is wanted"):
        load_model(folder)
    assert load_points_model(folder).config.patch == PATCH


def test_a_key_that_is_missing_is_named(tmp_path):
    folder = write_points_model(tmp_path / "model")
    values = json.loads((folder / "config.json").read_text())
    del values["reach"]
    (folder / "config.json").write_text(json.dumps(values))
    with pytest.raises(ModelError, match="reach: Field required"):
        load_describer(folder)
