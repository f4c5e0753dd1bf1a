"""How detection networks write down what they found: each layout read into corners and scores.

========= ======================= ================================================================================
layout    outputs                 read as
========= ======================= ================================================================================
boxes     (N, A, 4), (N, A, C)    hanzaki's own: corners in pixels of the input, and scores
yolox     (N, A, 5 + C)           offsets in the cells of three grids (YOLOX, ``decode_outputs``): centre and the
                                  logarithm of the size; whether there is anything, times the score of each class
yolov5    (N, A, 5 + C)           the same in pixels: YOLOv5, MegaDetector 5, YOLOX exported with its decoding
yolov8    (N, 4 + C, A)           centre and size in pixels, a score for each class: YOLOv8 to YOLO12
yolov10   (N, A, 6)               corners in pixels, score, class: YOLOv10 and others that need no suppression
detr      (N, A, 4), (N, A, C)    centre and size as shares of the input, and what becomes a score by a sigmoid
                                  (RT-DETR, D-FINE) or by a softmax with "nothing" as last class (DETR)
========= ======================= ================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from hanzaki.vision.model import DetectorConfig

Floats = npt.NDArray[np.float32]
#: Of a batch: corners x1 y1 x2 y2 in pixels of the input, float32 (N, A, 4), and scores, float32 (N, A, C).
Found = tuple[Floats, Floats]

#: Names of the outputs of boxes and of scores, where a layout has two and the config does not name them.
_NAMES: dict[str, tuple[str, ...]] = {"boxes": ("boxes", "scores"), "detr": ("boxes", "logits")}


def read_layout(outputs: Mapping[str, Floats], config: DetectorConfig) -> Found:
    """What a network gave, as corners and scores.

    Args:
        outputs: of the network, by name.
        config: says which layout they have.

    Raises:
        ValueError: if they do not have it, with the shapes that were found.
    """
    names = output_names(config)
    if len(names) > 1:
        if missing := [name for name in names if name not in outputs]:
            raise ValueError(f"there is no output {missing[0]!r} (there are: {', '.join(outputs)})")
        boxes, scores = (outputs[name] for name in names)
    else:
        boxes = scores = next(iter(outputs.values()))
    if (
        boxes.ndim != 3
        or scores.ndim != 3
        or boxes.shape[:2] != scores.shape[:2]
        or _width(boxes, scores, config) != _expected(config)
    ):
        shapes = " and ".join(str(output.shape) for output in outputs.values())
        raise ValueError(
            f"its output is of shape {shapes}, which is not the layout {config.layout!r} with"
            f" {len(config.labels)} labels"
        )
    match config.layout:
        case "boxes":
            return boxes, scores
        case "yolox":
            return _corners(_decoded(boxes, config)), boxes[..., 4:5] * boxes[..., 5:]
        case "yolov5":
            return _corners(boxes), boxes[..., 4:5] * boxes[..., 5:]
        case "yolov8":
            turned = boxes.transpose(0, 2, 1)
            return _corners(turned), turned[..., 4:]
        case "yolov10":
            return boxes[..., :4], _spread(boxes[..., 4:5], boxes[..., 5:6], len(config.labels))
        case "detr":
            corners = _corners(boxes) * np.array(config.input_size * 2, np.float32)
            return corners, _sigmoid(scores) if config.activation == "sigmoid" else _softmax(scores)


def output_names(config: DetectorConfig) -> tuple[str, ...]:
    """Names of the outputs that are read: of boxes and of scores, or the one that has both."""
    return config.outputs if config.outputs is not None else _NAMES.get(config.layout, ("output",))


def _width(boxes: Floats, scores: Floats, config: DetectorConfig) -> tuple[int, int]:
    """How many numbers a box has, and what its scores are taken from."""
    axis = 1 if config.layout == "yolov8" else 2
    return (boxes.shape[axis] if config.layout in _NAMES else 4), scores.shape[axis]


def _expected(config: DetectorConfig) -> tuple[int, int]:
    classes = len(config.labels)
    nothing = config.layout == "detr" and config.activation == "softmax"
    beside = {"yolox": 5, "yolov5": 5, "yolov8": 4, "detr": int(nothing)}
    return 4, 6 if config.layout == "yolov10" else classes + beside.get(config.layout, 0)


def _decoded(boxes: Floats, config: DetectorConfig) -> Floats:
    """YOLOX's offsets to centres and sizes in pixels."""
    cells, strides = grid(config.input_size, tuple(config.strides))
    if boxes.shape[1] != len(cells):
        raise ValueError(
            f"it gives {boxes.shape[1]} boxes, where grids of strides {config.strides} over {config.input_size}"
            f" have {len(cells)}"
        )
    with np.errstate(over="ignore"):  # a box without an end is none, and is left out
        sizes = np.exp(boxes[..., 2:4]) * strides
    return np.concatenate([(boxes[..., :2] + cells) * strides, sizes], axis=-1)


def grid(size: tuple[int, int], strides: tuple[int, ...]) -> tuple[Floats, Floats]:
    """The cells of YOLOX's grids, row by row, the finest grid first.

    Args:
        size: width and height of the input.
        strides: pixels between cells, of each grid.

    Returns:
        float32 (A, 2) column and row of each cell, and float32 (A, 1) its stride.
    """
    cells, steps = [], []
    for stride in strides:
        rows, columns = np.mgrid[: size[1] // stride, : size[0] // stride]
        cells.append(np.stack([columns.ravel(), rows.ravel()], axis=1))
        steps.append(np.full((rows.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(steps).astype(np.float32)


def _spread(scores: Floats, classes: Floats, count: int) -> Floats:
    """A score and a class, (N, A, 1) each, to a score for each class, (N, A, count)."""
    named = np.rint(classes)
    if named.size and not 0 <= named.min() <= named.max() < count:
        raise ValueError(f"it gives the class {named.max():.0f}, and there are {count} labels")
    return np.where(named == np.arange(count), scores, np.float32(0))


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)), np.float32)  # which does not overflow


def _softmax(logits: Floats) -> Floats:
    """Scores of the classes but the last one, which is "nothing"."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray((powers / powers.sum(axis=-1, keepdims=True))[..., :-1], np.float32)


def _corners(centred: Floats) -> Floats:
    """Centre x, centre y, width, height, the first four of the last axis, to corners."""
    half = centred[..., 2:4] / 2
    return np.concatenate([centred[..., :2] - half, centred[..., :2] + half], axis=-1)
