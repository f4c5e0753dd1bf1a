"""Model folders: what a model is and how its input is prepared, read from the folder and never guessed.

``config.json`` and ``model.onnx`` make one; ``model.safetensors`` (for training on) and ``README.md`` (the model
card) may stand beside them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from math import ceil
from pathlib import Path
from typing import Any, Generic, Literal, Self, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator

from hanzaki.errors import ModelError, printable
from hanzaki.vision.crop import Interpolation, ResizeMode
from hanzaki.vision.facts import ModelFacts as ModelFacts
from hanzaki.vision.facts import Triple as Triple
from hanzaki.vision.learned_config import LearnedPointsConfig as LearnedPointsConfig
from hanzaki.vision.learned_config import PointMatcherConfig as PointMatcherConfig

CONFIG = "config.json"
ONNX = "model.onnx"
WEIGHTS = "model.safetensors"
CARD = "README.md"

_CHUNK = 1 << 20
_ROUNDED = 1e-6  # of a step, which is no reason for another one

#: What a classifier says of an animal.
Column = Literal["species", "orientation", "quality", "origin", "sex", "individual"]

#: How a detector's network writes its boxes; see :mod:`hanzaki.vision.layouts`.
Layout = Literal["boxes", "yolox", "yolov5", "yolov8", "yolov10", "detr"]


class CropConfig(ModelFacts):
    """``config.json`` of a network that looks at the picture of one animal.

    The pixels that the network sees are ``(rgb / 255 - mean) / std`` of the animal's box, of which
    ``crop_fraction`` of the area is kept, resized to ``input_size`` by ``resize``.
    """

    seen = frozenset({"input_size", "mean", "std", "resize", "crop_fraction"})

    input_size: tuple[int, int] = Field(description="Width and height in pixels.")
    mean: Triple
    std: Triple
    resize: ResizeMode = "squash"
    crop_fraction: float = Field(1.0, gt=0, le=1, description="Share of the box's area that is kept.")

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Three colours, height and width."""
        width, height = self.input_size
        return 3, height, width

    @property
    def input_text(self) -> str:
        """How a picture is prepared."""
        width, height = self.input_size
        how = "without regard to its shape" if self.resize == "squash" else "padded with black"
        return (
            f"{width} x {height} pixels ({how}), mean {self.mean}, std {self.std}, of {self.crop_fraction:.0%} of"
            " the box's area"
        )


class ModelConfig(CropConfig):
    """``config.json`` of an embedder's folder."""

    task: Literal["embed"]
    embedding_size: int = Field(gt=0)
    labels: list[str] | None = Field(None, description="Of a classifier's outputs.")
    calibration: dict[str, Any] | None = Field(None, description="From score to probability, where fitted.")

    @property
    def output_text(self) -> str:
        """What a picture becomes."""
        return f"A picture of an animal becomes {self.embedding_size} numbers, to be compared by their angle."


class ClassifierConfig(CropConfig):
    """``config.json`` of a classifier's folder.

    The network gives logits, float32 (N, C); divided by ``temperature``, their softmax is how probable each of the
    ``labels`` is (Guo et al., "On calibration of modern neural networks", ICML 2017).
    """

    seen = CropConfig.seen | {"label", "labels", "temperature"}

    task: Literal["classify"]
    label: Column = Field(description="What the labels are of: the column that they fill.")
    labels: list[str] = Field(min_length=2, description="Names of the classes, in the order of the outputs.")
    temperature: float = Field(1.0, gt=0, allow_inf_nan=False, description="Of the softmax; fitted on other data.")

    @field_validator("labels")
    @classmethod
    def _named_once(cls, labels: list[str]) -> list[str]:
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice or "" in labels:
            raise ValueError(
                f"each class needs a name of its own; {', '.join(twice) or 'an empty name'} is not one"
            )
        return labels

    @property
    def output_text(self) -> str:
        """What a picture becomes."""
        return f"A picture of an animal becomes the probability of each {self.label}: {', '.join(self.labels)}."


class PointsConfig(ModelFacts):
    """``config.json`` of a folder whose network describes keypoints by patches.

    A patch is a square of ``reach`` times the point's size, turned to its direction, of ``patch`` pixels a side.
    The network takes float32 (N, 1, patch, patch), 0 to 255, and gives vectors of length one.
    """

    seen = frozenset({"patch", "reach"})

    task: Literal["points"]
    embedding_size: int = Field(gt=0)
    patch: int = Field(gt=0, description="Side of a patch in pixels.")
    reach: float = Field(gt=0, description="Side of a patch in sizes of its point.")

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Lightness, height and width."""
        return 1, self.patch, self.patch

    @property
    def input_text(self) -> str:
        """How a patch is cut."""
        return f"patches of {self.patch} x {self.patch} pixels, {self.reach:g} sizes of their keypoint a side"

    @property
    def output_text(self) -> str:
        """What a patch becomes."""
        return f"The patch of a keypoint becomes {self.embedding_size} numbers, to be compared by their angle."


class DetectorConfig(ModelFacts):
    """``config.json`` of a folder whose network finds animals in photographs.

    The pixels that the network sees are ``(colours / 255 - mean) / std`` of the whole photograph, brought to
    ``input_size``; ``mean`` and ``std`` are in the order of ``channels``. YOLOX, which takes blue, green, red from
    0 to 255, has a mean of 0 and a std of 1/255.
    """

    seen = frozenset(
        {"labels", "input_size", "multiple", "mean", "std", "channels", "resize", "centred", "padding"}
        | {"interpolation", "layout", "strides", "activation", "outputs", "overlap"}
    )

    task: Literal["detect"]
    labels: list[str] = Field(min_length=1, description="Names of the classes, in the order of the scores.")
    input_size: tuple[int, int] = Field(description="Width and height in pixels.")
    multiple: int | None = Field(
        None,
        ge=1,
        description="Where the network takes inputs of any size: they are no larger, in multiples of so many"
        " pixels, than what the photograph fills of input_size. null: they all are of input_size.",
    )
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)
    channels: Literal["rgb", "bgr"] = "rgb"
    resize: ResizeMode = "pad"
    centred: bool = Field(False, description="Whether padding lies on both sides, not at right and bottom.")
    padding: int = Field(114, ge=0, le=255, description="Grey of the padding.")
    interpolation: Interpolation = "linear"
    layout: Layout
    strides: list[int] = Field([8, 16, 32], min_length=1, description="Pixels between the cells of yolox's grids.")
    activation: Literal["sigmoid", "softmax"] = Field("sigmoid", description="Of detr's scores.")
    outputs: tuple[str, str] | None = Field(None, description="Names of the outputs of boxes and of scores.")
    threshold: float = Field(0.25, ge=0, le=1, description="Least score of what is found.")
    orientation: str | None = Field(
        None, description="Side that is seen of all it finds: top of a head from above."
    )
    overlap: float | None = Field(
        None, ge=0, le=1, description="Intersection over union above which the lesser of two boxes goes."
    )

    @model_validator(mode="after")
    def _sizes(self) -> Self:
        if min(*self.input_size, *self.strides) < 1:
            raise ValueError("input_size and strides must be above zero")
        if min(self.std) <= 0:
            raise ValueError("std must be above zero")
        if self.outputs is not None and self.layout not in ("boxes", "detr"):
            raise ValueError(f"outputs are named for the layouts 'boxes' and 'detr'; {self.layout!r} has one")
        if self.multiple is not None and (self.layout != "boxes" or self.resize != "pad"):
            raise ValueError("multiple is for the layout 'boxes' and photographs that are padded")
        return self

    def size_for(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the input for a photograph of a width and height."""
        if self.multiple is None:
            return self.input_size
        scale = min(self.input_size[0] / width, self.input_size[1] / height)
        across, down = (
            min(whole, max(1, ceil(side * scale / self.multiple - _ROUNDED)) * self.multiple)
            for side, whole in zip((width, height), self.input_size, strict=True)
        )
        return across, down

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Three colours, height and width."""
        width, height = self.input_size
        return 3, height, width

    @property
    def input_text(self) -> str:
        """How a photograph is prepared."""
        width, height = self.input_size
        where = "on both sides" if self.centred else "at right and bottom"
        how = "without regard to its shape" if self.resize == "squash" else f"padded {where} with {self.padding}"
        return (
            f"the whole photograph, {width} x {height} pixels ({how}), {self.channels.upper()}, mean {self.mean},"
            f" std {self.std}"
        )

    @property
    def output_text(self) -> str:
        """What a photograph becomes."""
        kinds = self.labels[0] if len(self.labels) == 1 else f"{len(self.labels)} kinds of things"
        return f"A photograph becomes boxes around {kinds}, each with a score from 0 to 1."


Config = TypeVar("Config", bound=ModelFacts)
_KINDS: dict[str, type[ModelFacts]] = {
    "embed": ModelConfig,
    "points": PointsConfig,
    "match": PointMatcherConfig,
    "detect": DetectorConfig,
    "classify": ClassifierConfig,
}

#: What a model of hanzaki can be for.
TASKS = frozenset(_KINDS)


@dataclass(frozen=True)
class ModelFolder(Generic[Config]):
    """A model folder that was read and found whole.

    Attributes:
        folder: where it is.
        config: its ``config.json``.
        fingerprint: name and first digits of a SHA-256 over network and preprocessing; whatever a model computes
            is kept under it, so that a changed model never reads an older one's results.
    """

    folder: Path
    config: Config
    fingerprint: str

    @property
    def onnx(self) -> Path:
        """The network."""
        return self.folder / ONNX


def shipped_models() -> dict[str, Path]:
    """The model folders that come with hanzaki, by name."""
    folder = Path(str(resources.files("hanzaki"))) / "models"
    return {path.parent.name: path.parent for path in sorted(folder.glob(f"*/{CONFIG}"))}


def find_model(which: str | Path) -> Path:
    """The folder of a model that is named by its path, or as one that comes with hanzaki.

    Raises:
        ModelError: if it is neither.
    """
    if Path(which).is_dir():
        return Path(which)
    shipped = shipped_models()
    if str(which) in shipped:
        return shipped[str(which)]
    names = f" and no shipped model ({', '.join(shipped)})" if shipped else ""
    raise ModelError(f"{printable(which)!r} is no model folder{names}")


def load_model(folder: Path | str) -> ModelFolder[ModelConfig]:
    """Read an embedder's folder.

    Raises:
        ModelError: if it is none, naming what is missing or wrong.
    """
    return _of_kind(load_any_model(folder), ModelConfig)


def load_classifier_model(folder: Path | str) -> ModelFolder[ClassifierConfig]:
    """Read the folder of a network that says what kind an animal is of.

    Raises:
        ModelError: if it is none, naming what is missing or wrong.
    """
    return _of_kind(load_any_model(folder), ClassifierConfig)


def load_points_model(folder: Path | str) -> ModelFolder[PointsConfig]:
    """Read the folder of a network that describes keypoints.

    Raises:
        ModelError: if it is none, naming what is missing or wrong.
    """
    return _of_kind(load_any_model(folder), PointsConfig)


def load_learned_points_model(folder: Path | str) -> ModelFolder[LearnedPointsConfig]:
    """Read the folder of a network that finds keypoints and describes them.

    Raises:
        ModelError: if it is none, naming what is missing or wrong.
    """
    return _of_kind(load_any_model(folder), LearnedPointsConfig)


def load_point_matcher_model(folder: Path | str) -> ModelFolder[PointMatcherConfig]:
    """Read the folder of a network that says which keypoints of two pictures belong together.

    Raises:
        ModelError: if it is none, naming what is missing or wrong.
    """
    return _of_kind(load_any_model(folder), PointMatcherConfig)


def load_detector_model(folder: Path | str) -> ModelFolder[DetectorConfig]:
    """Read the folder of a network that finds animals.

    Raises:
        ModelError: if it is none, naming what is missing or wrong.
    """
    return _of_kind(load_any_model(folder), DetectorConfig)


def load_any_model(folder: Path | str) -> ModelFolder[ModelFacts]:
    """Read a model folder of whatever task.

    Raises:
        ModelError: if it is none, naming what is missing or wrong.
    """
    folder = Path(folder)
    if not (folder / CONFIG).is_file():
        raise ModelError(f"{printable(folder)} is not a model folder: it has no {CONFIG}")
    if not (folder / ONNX).is_file():
        raise ModelError(f"{printable(folder)} has no {ONNX}; export it with `hanzaki models export`")
    text = (folder / CONFIG).read_bytes()
    try:
        config = _config_class(text).model_validate_json(text)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors())
        raise ModelError(f"{printable(folder / CONFIG)}: {wrong}") from error
    return ModelFolder(folder, config, f"{config.name}-{_digest(folder / ONNX, config)[:12]}")


def _of_kind(model: ModelFolder[ModelFacts], kind: type[Config]) -> ModelFolder[Config]:
    if not isinstance(model.config, kind):
        raise ModelError(
            f"{printable(model.folder)} is a model of task {_said(type(model.config))};"
            f" {_said(kind)} is wanted here"
        )
    return ModelFolder(model.folder, model.config, model.fingerprint)


def _said(kind: type[ModelFacts]) -> str:
    """A kind of model in words: its task, and what of it where a task has two."""
    if kind is LearnedPointsConfig:
        return "'points' of whole pictures"
    return repr(next(task for task, config in _KINDS.items() if config is kind))


def _config_class(text: bytes) -> type[ModelFacts]:
    """The class of what a config names; where it names none that is known, an embedder's says what is wrong."""
    try:
        values = json.loads(text)
        task, kind = values["task"], values.get("kind")
    except (ValueError, KeyError, TypeError):
        return ModelConfig
    if task == "points" and kind is not None:
        return LearnedPointsConfig
    return _KINDS[task] if task in TASKS else ModelConfig


def _digest(onnx: Path, config: ModelFacts) -> str:
    seen_by_network = config.model_dump(include=set(config.seen))
    digest = hashlib.sha256(json.dumps(seen_by_network, sort_keys=True).encode())
    with onnx.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
