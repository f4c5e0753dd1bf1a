"""Other people's detectors, ONNX files as their own programs export them, made into model folders."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from hanzaki.errors import ModelError, printable
from hanzaki.vision.coco import COCO
from hanzaki.vision.detector import prepared
from hanzaki.vision.folders import appearing, require_free
from hanzaki.vision.layouts import read_layout
from hanzaki.vision.model import CONFIG, ONNX, DetectorConfig
from hanzaki.vision.runtime import input_shape, load_network

Family = Literal["yolox", "yolov5", "yolov8", "yolov10", "detr", "boxes"]

_ULTRALYTICS = {"resize": "pad", "centred": True}

#: What each family's own program does to a photograph, and when it counts two boxes as one.
_LIKE: dict[str, dict[str, Any]] = {
    # YOLOX's preproc since 0.2: blue, green, red from 0 to 255; thresholds of its demo
    "yolox": {"channels": "bgr", "std": (1 / 255,) * 3, "overlap": 0.45},
    "yolov5": {**_ULTRALYTICS, "overlap": 0.45},
    "yolov8": {**_ULTRALYTICS, "overlap": 0.7},
    "yolov10": _ULTRALYTICS,
    # RT-DETR and D-FINE: any shape becomes a square, and nothing is subtracted
    "detr": {"resize": "squash", "interpolation": "area", "threshold": 0.5},
    "boxes": {"overlap": 0.5},
}

_DENSE = frozenset({"yolox", "yolov5", "yolov8"})
_SPAN = (0.4, 1.5)  # of the input's width, that the middle 90% of the boxes' centres may cover


def import_detector(
    onnx: Path,
    folder: Path,
    like: Family,
    labels: Sequence[str],
    *,
    input_size: tuple[int, int] | None = None,
    threshold: float | None = None,
    overlap: float | None = None,
    licence: str = "unknown",
    training_data: str = "unknown",
) -> DetectorConfig:
    """Make an ONNX file a model folder, after one run that shows that its outputs are what they are said to be.

    Args:
        onnx: the file, as the family's own program exports it, without suppression inside.
        folder: the model folder to make; new or empty.
        like: the family, which says the preprocessing and the layout of the outputs.
        labels: names of the classes, in their order.
        input_size: width and height, where the file takes any.
        threshold: least score of what is found, in place of the family's own.
        overlap: for suppression, likewise.
        licence: of the weights, as an SPDX name.
        training_data: what they learnt from.

    Returns:
        the config of the folder; its preprocessing is the family's, and can be changed in ``config.json``.

    Raises:
        ModelError: if the file cannot be run, or does not give what such a network gives.
    """
    require_free(folder)
    values = _LIKE[like] | {
        "task": "detect",
        "name": onnx.stem,
        "architecture": like,
        "labels": list(labels),
        "input_size": _input_size(onnx, input_size),
        "layout": like,
        "licence": licence,
        "training_data": training_data,
    }
    values |= {} if threshold is None else {"threshold": threshold}
    values |= {} if overlap is None else {"overlap": overlap}
    try:
        config = _named(onnx, DetectorConfig(**values))
    except ValidationError as error:
        raise ModelError("; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors())) from error
    with appearing(folder) as incoming:
        shutil.copyfile(onnx, incoming / ONNX)
        (incoming / CONFIG).write_text(config.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return config


def read_labels(which: str) -> list[str]:
    """Names of classes: ``coco``, a text file with one a line, or names with commas between.

    Raises:
        ModelError: if there are none.
    """
    if which == "coco":
        return list(COCO)
    try:
        text = Path(which).read_text(encoding="utf-8").splitlines() if Path(which).is_file() else which.split(",")
    except UnicodeDecodeError as error:
        raise ModelError(f"{printable(which)} is no text file; write one label a line") from error
    labels = [label.strip() for label in text if label.strip()]
    if not labels:
        raise ModelError(f"{printable(which)!r} names no label: write 'coco', a text file, or names with commas")
    return labels


def _input_size(onnx: Path, wanted: tuple[int, int] | None) -> tuple[int, int]:
    shape = input_shape(onnx)
    if len(shape) != 4 or shape[1] not in (3, None):
        raise ModelError(f"{printable(onnx)} takes {shape}; a detector takes (photographs, 3, height, width)")
    _, _, height, width = shape
    if height is not None and width is not None:
        if wanted not in (None, (width, height)):
            raise ModelError(f"{printable(onnx)} takes {width} x {height} pixels and nothing else")
        return width, height
    if wanted is None:
        raise ModelError(f"{printable(onnx)} takes photographs of any size; say which with --size")
    return wanted


def _outputs(onnx: Path, config: DetectorConfig) -> dict[str, npt.NDArray[np.float32]]:
    """What a network gives of a picture of blotches."""
    photo = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return load_network(onnx, "openvino", 1).outputs(prepared(photo, config).pixels[None])


def _named(onnx: Path, config: DetectorConfig) -> DetectorConfig:
    """The config with the names of two outputs, where it wants two; checked."""
    if config.layout in ("detr", "boxes"):
        outputs = _outputs(onnx, config)
        wide = [name for name, output in outputs.items() if output.ndim == 3 and output.shape[2] == 4]
        boxes = next((name for name in wide if "box" in name or "det" in name), next(iter(wide), None))
        scores = next((name for name, output in outputs.items() if output.ndim == 3 and name != boxes), None)
        if boxes is None or scores is None:
            shapes = ", ".join(f"{name} {output.shape}" for name, output in outputs.items())
            raise ModelError(f"{printable(onnx)} has no outputs of boxes and of scores, but {shapes}")
        config = config.model_copy(update={"outputs": (boxes, scores)})
    check_outputs(onnx, config)
    return config


def check_outputs(onnx: Path, config: DetectorConfig) -> None:
    """Run a network once, to see that it gives what its config says.

    Raises:
        ModelError: if it cannot be run, or does not.
    """
    outputs = _outputs(onnx, config)
    try:
        corners, _ = read_layout(outputs, config)
    except ValueError as error:
        raise ModelError(f"{printable(onnx)}: {error}") from error
    if config.layout in _DENSE:
        with np.errstate(invalid="ignore"):  # pixels that are read as logarithms of pixels have no end
            centres = (corners[..., 0] + corners[..., 2]) / 2
        low, high = np.percentile(centres, [5, 95]) / config.input_size[0]
        if not _SPAN[0] <= high - low <= _SPAN[1]:
            raise ModelError(
                f"{printable(onnx)} gives boxes that do not lie over the input as those of {config.layout!r} do;"
                " YOLOX that was exported with its decoding is like yolov5, and no other is like yolox"
            )
