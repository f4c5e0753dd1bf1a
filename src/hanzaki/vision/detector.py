"""A detection model: a photograph to the boxes of the animals in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hanzaki.boxes import Box
from hanzaki.errors import ModelError, printable
from hanzaki.vision.crop import Pixels, Placement, letterbox
from hanzaki.vision.layouts import read_layout
from hanzaki.vision.model import DetectorConfig, ModelFolder
from hanzaki.vision.runtime import RuntimeName, load_network
from hanzaki.vision.suppression import suppressed

Floats = npt.NDArray[np.float32]


_MOST = 300  # boxes of one photograph that suppression looks at, the likeliest


@dataclass(frozen=True)
class Detection:
    """Something that was found in a photograph.

    Attributes:
        box: in pixels of the photograph as it was given; within it.
        label: what it is, of the model's labels.
        score: from 0 to 1; no probability.
    """

    box: Box
    label: str
    score: float


@dataclass(frozen=True)
class PreparedPhoto:
    """A photograph as a detector's network sees it.

    Attributes:
        pixels: float32 (3, H, W).
        placement: where the photograph lies in them.
    """

    pixels: Floats
    placement: Placement


class Detector:
    """Runs the detection network of a model folder.

    Args:
        model: the folder.
        runtime: what runs it.
        threads: how many to use.
        threshold: least score of what is found; the model's own if None.

    Raises:
        ModelError: if the network cannot be loaded.
    """

    def __init__(
        self,
        model: ModelFolder[DetectorConfig],
        runtime: RuntimeName = "openvino",
        threads: int = 1,
        threshold: float | None = None,
    ) -> None:
        self.model = model
        self.threshold = model.config.threshold if threshold is None else threshold
        self._network = load_network(model.onnx, runtime, threads)

    @property
    def name(self) -> str:
        """What identifies the boxes it finds, but for the threshold: model and preprocessing, by content."""
        return self.model.fingerprint

    def prepare(self, image: Pixels) -> PreparedPhoto:
        """A photograph, uint8 (H, W, 3) RGB of any size, as the network sees it; may be called in threads."""
        return prepared(image, self.model.config)

    def detect(self, photos: Sequence[PreparedPhoto]) -> list[list[Detection]]:
        """Run the network.

        Args:
            photos: of :meth:`prepare`; the photographs' sizes may differ.

        Returns:
            of each photograph what was found, from the highest score to the lowest.

        Raises:
            ModelError: if the network gives something else than its config says.
        """
        found: dict[int, list[Detection]] = {}
        for positions, pixels in stacked(photos):
            boxes, scores = self._run(pixels)
            found |= {
                position: self._found(boxes[i], scores[i], photos[position].placement)
                for i, position in enumerate(positions)
            }
        return [found[position] for position in range(len(photos))]

    def _run(self, pixels: Floats) -> tuple[Floats, Floats]:
        outputs = self._network.outputs(pixels)
        if not all(np.isfinite(output).all() for output in outputs.values()):
            raise ModelError(f"{printable(self.model.folder)}: the network gives values that are not numbers")
        try:
            return read_layout(outputs, self.model.config)
        except ValueError as error:
            raise ModelError(f"{printable(self.model.folder)}: {error}; look at its config.json") from error

    def _found(self, boxes: Floats, scores: Floats, placement: Placement) -> list[Detection]:
        config = self.model.config
        return select(
            placement.to_image(boxes.astype(np.float64)),
            scores,
            labels=config.labels,
            threshold=self.threshold,
            overlap=config.overlap,
            size=placement.image,
        )


def prepared(image: Pixels, config: DetectorConfig) -> PreparedPhoto:
    """A photograph, uint8 (H, W, 3) RGB, as the network of a config sees it."""
    pixels, placement = letterbox(
        image,
        config.size_for(image.shape[1], image.shape[0]),
        config.resize,
        centred=config.centred,
        padding=config.padding,
        interpolation=config.interpolation,
    )
    return PreparedPhoto(standardised_photo(pixels, config), placement)


def stacked(photos: Sequence[PreparedPhoto]) -> Iterator[tuple[list[int], Floats]]:
    """Photographs that a network can see at once, since their inputs are of one shape.

    Args:
        photos: of :func:`prepared`.

    Yields:
        places in ``photos``, and the pixels of those, float32 (N, 3, H, W).
    """
    of_shape: dict[tuple[int, ...], list[int]] = {}
    for position, photo in enumerate(photos):
        of_shape.setdefault(photo.pixels.shape, []).append(position)
    for positions in of_shape.values():
        yield positions, np.stack([photos[position].pixels for position in positions])


def standardised_photo(pixels: Pixels, config: DetectorConfig) -> Floats:
    """uint8 (H, W, 3) RGB of the input's size to float32 (3, H, W), as :class:`DetectorConfig` says."""
    colours = pixels[..., ::-1] if config.channels == "bgr" else pixels
    scale = np.float32(1 / 255) / np.asarray(config.std, np.float32)
    shift = np.asarray(config.mean, np.float32) / np.asarray(config.std, np.float32)
    return np.ascontiguousarray((colours.astype(np.float32) * scale - shift).transpose(2, 0, 1))


def select(
    boxes: npt.NDArray[np.float64],
    scores: Floats,
    *,
    labels: Sequence[str],
    threshold: float,
    overlap: float | None,
    size: tuple[int, int],
) -> list[Detection]:
    """What of all that a network says of one photograph counts as found.

    A box goes under the label of its highest score alone: an animal is of one kind. What is left after suppression
    is clipped to the photograph. A box that somebody drew is never moved, but what a network says of an animal
    beyond the photograph's edge is a guess at what nobody saw, and MegaDetector's format, COCO's measures and the
    networks' own programs have it clipped.

    Args:
        boxes: float64 (A, 4), corners x1 y1 x2 y2 in pixels of the photograph.
        scores: float32 (A, C).
        labels: C names.
        threshold: least score.
        overlap: intersection over union above which the lesser of two boxes of a label goes; None keeps all.
        size: width and height of the photograph.

    Returns:
        from the highest score to the lowest, of equal ones in the network's order.
    """
    classes, best = scores.argmax(axis=1), scores.max(axis=1)
    good = (best >= threshold) & np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    boxes, classes, best = boxes[good], classes[good], best[good]
    if len(best) > _MOST:
        likeliest = np.sort(np.argsort(-best, kind="stable")[:_MOST])
        boxes, classes, best = boxes[likeliest], classes[likeliest], best[likeliest]
    order = np.argsort(-best, kind="stable") if overlap is None else suppressed(boxes, best, classes, overlap)
    width, height = size
    clipped = np.clip(boxes[order], 0, [width, height, width, height])
    return [
        Detection(Box(float(x1), float(y1), float(x2 - x1), float(y2 - y1)), labels[label], float(score))
        for (x1, y1, x2, y2), label, score in zip(clipped, classes[order], best[order], strict=True)
        if x2 > x1 and y2 > y1
    ]
