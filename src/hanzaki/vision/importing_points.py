"""Other people's networks of keypoints, ONNX files that the user exported, made into model folders."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hanzaki.errors import ModelError, printable
from hanzaki.keypoints import Keypoints
from hanzaki.vision.crop import Placement
from hanzaki.vision.folders import appearing, require_free
from hanzaki.vision.graphs import load_graph
from hanzaki.vision.learned_points import LearnedPoints, PreparedPicture
from hanzaki.vision.marks import signed_rows
from hanzaki.vision.model import (
    CONFIG,
    ONNX,
    LearnedPointsConfig,
    ModelFacts,
    PointMatcherConfig,
    load_learned_points_model,
    load_point_matcher_model,
)
from hanzaki.vision.point_matcher import PointMatcher
from hanzaki.vision.runtime import RuntimeName, input_shape

Finder = Literal["xfeat", "aliked"]

#: How each network writes places; both take colours from 0 to 1.
_LIKE: dict[Finder, dict[str, Any]] = {"xfeat": {"coordinates": "pixels"}, "aliked": {"coordinates": "signed"}}

_SIZE = (480, 480)  # where the file takes pictures of any size
_MULTIPLE = 32  # of pixels, that both networks can halve as often as they do


def import_points(
    onnx: Path,
    folder: Path,
    like: Finder,
    *,
    input_size: tuple[int, int] | None = None,
    licence: str = "unknown",
    training_data: str = "unknown",
    runtime: RuntimeName = "openvino",
) -> LearnedPointsConfig:
    """Make a network that finds and describes keypoints a model folder, after one run that shows that it fits.

    Args:
        onnx: the file, which takes one picture and gives places, descriptors and scores.
        folder: the model folder to make; new or empty.
        like: whose way of taking pictures and writing places it has.
        input_size: width and height, where the file takes any.
        licence: of the weights, as an SPDX name.
        training_data: what they learnt from.
        runtime: what runs it.

    Returns:
        the config of the folder, which can be changed in ``config.json``.

    Raises:
        ModelError: if the file cannot be run, or does not give what such a network gives.
    """
    size = _input_size(onnx, input_size)
    values = _LIKE[like] | {
        "task": "points",
        "kind": "pictures",
        "name": onnx.stem,
        "architecture": like,
        "licence": licence,
        "training_data": training_data,
        "input_size": size,
    }
    # the graph's shapes may be open: one run tells
    shape = LearnedPointsConfig(**values, embedding_size=1).input_shape
    graph = load_graph(onnx, runtime, 1, (1, *shape))
    picture = np.random.default_rng(0).random((1, *shape), np.float32)
    outputs = graph.run([{next(iter(graph.inputs)): picture}])[0]
    names = LearnedPointsConfig.model_fields["outputs"].default
    if missing := [name for name in names if name not in outputs]:
        raise ModelError(
            f"{printable(onnx)} has no output {missing[0]!r} but {', '.join(outputs)}; write config.json by hand"
            " and name them there: outputs"
        )
    config = LearnedPointsConfig(**values, embedding_size=outputs[names[1]].shape[-1])

    def try_out(made: Path) -> None:
        describer = LearnedPoints(load_learned_points_model(made), runtime)
        describer.describe([PreparedPicture(picture[0], Placement(size, size, 0, 0))])

    _make(onnx, folder, config, try_out)
    return config


def import_matcher(
    onnx: Path,
    folder: Path,
    *,
    coordinates: Literal["centred", "unit"] = "centred",
    licence: str = "unknown",
    training_data: str = "unknown",
    runtime: RuntimeName = "openvino",
) -> PointMatcherConfig:
    """Make a network that matches the keypoints of two pictures a model folder, after one run that shows it fits.

    Args:
        onnx: the file, with the inputs ``kpts0 kpts1 desc0 desc1`` and two outputs, pairs and their scores.
        folder: the model folder to make; new or empty.
        coordinates: how it takes places; LightGlue's own way is ``centred``.
        licence: of the weights, as an SPDX name.
        training_data: what they learnt from.
        runtime: what runs it.

    Returns:
        the config of the folder, which can be changed in ``config.json``.

    Raises:
        ModelError: if the file cannot be run, or does not give what such a network gives.
    """
    shapes = load_graph(onnx, runtime, 1).inputs
    names = PointMatcherConfig.model_fields["inputs"].default
    if set(shapes) != set(names) or len(shapes[names[2]]) != 3 or (width := shapes[names[2]][2]) is None:
        said = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ModelError(
            f"{printable(onnx)} takes {said}; a matcher takes {' '.join(names)}: places (1, N, 2) and (1, M, 2),"
            " then descriptors (1, N, D) and (1, M, D)"
        )
    config = PointMatcherConfig(
        task="match",
        name=onnx.stem,
        architecture="lightglue",
        embedding_size=width,
        coordinates=coordinates,
        licence=licence,
        training_data=training_data,
    )

    def try_out(made: Path) -> None:
        sample = _scattered(width)
        PointMatcher(load_point_matcher_model(made), runtime)([(sample, sample)])

    _make(onnx, folder, config, try_out)
    return config


def _input_size(onnx: Path, wanted: tuple[int, int] | None) -> tuple[int, int]:
    shape = input_shape(onnx)
    if len(shape) != 4:
        raise ModelError(f"{printable(onnx)} takes {shape}; what finds keypoints takes (1, 3, height, width)")
    height, width = shape[2:]
    if height is not None and width is not None:
        if wanted not in (None, (width, height)):
            raise ModelError(f"{printable(onnx)} takes {width} x {height} pixels and nothing else")
        return width, height
    size = wanted or _SIZE
    if any(side % _MULTIPLE for side in size):
        raise ModelError(f"--size {size[0]}: {printable(onnx)} takes multiples of {_MULTIPLE} pixels")
    return size


def _make(onnx: Path, folder: Path, config: ModelFacts, try_out: Callable[[Path], None]) -> None:
    """Make a folder that appears whole, after it was tried out, or not at all."""
    require_free(folder)
    with appearing(folder) as incoming:
        shutil.copyfile(onnx, incoming / ONNX)
        (incoming / CONFIG).write_text(config.model_dump_json(indent=2) + "\n", encoding="utf-8")
        try_out(incoming)


def _scattered(width: int) -> Keypoints:
    """Some points of no picture."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(64, width)).astype(np.float32)
    return Keypoints(
        points=rng.random((64, 2), np.float32) * 100,
        sizes=np.ones(64, np.float32),
        angles=np.zeros(64, np.float32),
        weights=np.ones(64, np.float32),
        descriptors=signed_rows(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)),
        extent=(100, 100),
    )
