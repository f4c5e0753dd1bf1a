"""Local features of one network that both finds keypoints and describes them: XFeat, ALIKED, SuperPoint, DISK.

The network is the user's own ONNX file in a model folder; see :class:`hanzaki.vision.model.LearnedPointsConfig`.
(Potje et al., "XFeat", CVPR 2024; Zhao et al., "ALIKED", IEEE TIM 2023; DeTone et al., "SuperPoint", CVPRW 2018.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.errors import ModelError, printable
from hanzaki.keypoints import Keypoints
from hanzaki.vision.crop import Placement, letterbox
from hanzaki.vision.graphs import load_graph
from hanzaki.vision.marks import name_of_keypoints, signed_rows
from hanzaki.vision.model import LearnedPointsConfig, ModelFolder
from hanzaki.vision.rootsift import central_weights
from hanzaki.vision.runtime import RuntimeName

Floats = npt.NDArray[np.float32]

_VERSION = 1  # raised whenever the code below gives other keypoints for the same folder
_PADDED = 4.0  # pixels of the input along which a point is taken for a corner of picture and padding


@dataclass(frozen=True, eq=False)
class PreparedPicture:
    """A picture as the network sees it.

    Attributes:
        pixels: float32 (C, H, W).
        placement: where the picture lies in it.
    """

    pixels: Floats
    placement: Placement


class LearnedPoints:
    """Finds and describes keypoints by a model folder's network.

    Args:
        model: the folder.
        runtime: what runs it.
        threads: how many to use.

    Raises:
        ModelError: if the network cannot be loaded.
    """

    def __init__(
        self, model: ModelFolder[LearnedPointsConfig], runtime: RuntimeName = "openvino", threads: int = 1
    ) -> None:
        self.model = model
        self._graph = load_graph(model.onnx, runtime, threads, (1, *model.config.input_shape))
        if len(self._graph.inputs) != 1:
            raise ModelError(
                f"{printable(model.onnx)} takes {len(self._graph.inputs)} inputs, not one of pictures"
            )
        self._input = next(iter(self._graph.inputs))

    @property
    def name(self) -> str:
        """What identifies its keypoints: the network, how it is fed, and how rows are written."""
        return name_of_keypoints(self.model, str(_VERSION))

    @property
    def kind(self) -> str:
        """It makes keypoints."""
        return "keypoints"

    @property
    def area_fraction(self) -> float:
        """It looks at the whole box; the prior of the animal's place does the rest."""
        return 1.0

    def prepare(self, crop: npt.NDArray[np.uint8]) -> PreparedPicture:
        """Bring a picture to the input's size: uint8 (h, w, 3)."""
        config = self.model.config
        picture, placement = letterbox(crop, config.input_size, config.resize, interpolation="area")
        return PreparedPicture(_normalised(picture, config), placement)

    def describe(self, prepared: Sequence[PreparedPicture]) -> list[Keypoints]:
        """Run the network on each picture.

        Raises:
            ModelError: if the network gives something else than its config says.
        """
        try:
            found = self._graph.run([{self._input: picture.pixels[None]} for picture in prepared])
        except ModelError:
            found = [self._alone(picture) for picture in prepared]
        return [self._keypoints(*pair) for pair in zip(found, prepared, strict=True)]

    def _alone(self, picture: PreparedPicture) -> dict[str, Floats]:
        """The outputs for one picture; none of a picture on which the network fails, though it runs on another.

        Exports of XFeat fail where they find nothing to describe, as in a picture without any contrast.
        """
        try:
            return self._graph.run([{self._input: picture.pixels[None]}])[0]
        except ModelError:
            noise = np.random.default_rng(0).random((1, *picture.pixels.shape), np.float32)
            self._graph.run([{self._input: noise}])
        config = self.model.config
        nothing = (np.zeros((0, 2), np.float32), np.zeros((0, config.embedding_size), np.float32))
        return dict(zip(config.outputs, (*nothing, np.zeros(0, np.float32)), strict=True))

    def _keypoints(self, outputs: dict[str, Floats], picture: PreparedPicture) -> Keypoints:
        config, placement = self.model.config, picture.placement
        places, vectors, scores = self._read(outputs)
        if config.coordinates == "signed":
            last = np.array(config.input_size) - 1
            places = np.asarray((places + 1) / 2 * last, np.float32)
        rows = _best(places, scores, placement, config)
        # whole coordinates are centres of pixels: a resize maps x + 1/2, not x
        scale = np.array(placement.image, np.float32) / np.array(placement.inner, np.float32)
        start = np.array([placement.left, placement.top], np.float32)
        points = np.asarray((places[rows] - start + 0.5) * scale - 0.5, np.float32)
        return Keypoints(
            points=points,
            sizes=np.full(len(rows), config.size * scale.mean(), np.float32),
            angles=np.zeros(len(rows), np.float32),
            weights=central_weights(points, *placement.image, config.spread),
            descriptors=signed_rows(_unit(vectors[rows])),
            extent=placement.image,
        )

    def _read(self, outputs: dict[str, Floats]) -> tuple[Floats, Floats, Floats]:
        """Places (N, 2), vectors (N, D) and scores (N,) of one picture."""
        config = self.model.config
        if missing := [name for name in config.outputs if name not in outputs]:
            raise ModelError(
                f"{printable(self.model.folder)}: the network has no output {missing[0]!r} but"
                f" {', '.join(outputs)}; name them in config.json: outputs"
            )
        places, vectors, scores = (outputs[name] for name in config.outputs)
        places, vectors = (part[0] if part.ndim == 3 else part for part in (places, vectors))
        scores = scores.reshape(-1)
        count = len(scores)
        wanted = ((count, 2), (count, config.embedding_size))
        if (places.shape, vectors.shape) != wanted:
            raise ModelError(
                f"{printable(self.model.folder)}: the network gives places {places.shape} and descriptors"
                f" {vectors.shape} of {count} scores; its config says {wanted[0]} and {wanted[1]}"
            )
        if not all(np.isfinite(part).all() for part in (places, vectors, scores)):
            raise ModelError(f"{printable(self.model.folder)}: the network gives values that are not numbers")
        return places, vectors, scores


def _normalised(picture: npt.NDArray[np.uint8], config: LearnedPointsConfig) -> Floats:
    """uint8 (H, W, 3) to float32 (C, H, W): ``(colours / 255 - mean) / std``; grey takes the first of each."""
    pixels = picture if config.channels == "rgb" else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None]
    count = pixels.shape[2]
    mean, std = (np.asarray(part[:count], np.float32) for part in (config.mean, config.std))
    values = (pixels.astype(np.float32) / np.float32(255) - mean) / std
    return np.ascontiguousarray(values.transpose(2, 0, 1), np.float32)


def _best(
    places: Floats, scores: Floats, placement: Placement, config: LearnedPointsConfig
) -> npt.NDArray[np.intp]:
    """Positions of the points that are kept, the best first in a fixed order; none on padding or its edge."""
    start = np.array([placement.left, placement.top], np.float32)
    end = start + np.array(placement.inner, np.float32) - 1
    padded_before, padded_after = start > 0, end + 1 < np.array(config.input_size)
    low = start + np.where(padded_before, _PADDED, -0.5)
    high = end - np.where(padded_after, _PADDED, -0.5)
    kept = ((places >= low) & (places <= high)).all(axis=1) & (scores >= config.threshold)
    weights = central_weights(places - start, *placement.inner, config.spread)
    strength = np.where(kept, scores * weights, -np.inf)
    order = np.lexsort((places[:, 1], places[:, 0], -strength))
    return order[: min(config.most, int(kept.sum()))]


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.float32(1e-9)), np.float32)
