"""The config of a detector's training; what it shares with an embedder's stands there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from hanzaki.learning.config import (
    AbsolutePath,
    Batches,
    Beginning,
    ModelToMake,
    OptimiserConfig,
    Part,
    RunConfig,
    ScheduleConfig,
    Triple,
)
from hanzaki.learning.detector.augment import SceneAugmentation
from hanzaki.learning.reading_config import read_training

Unit = Literal["auto", "identity", "encounter", "video", "date", "name"]

#: Pixels of the input to a place of the backbone's last features.
COARSEST = 32


class DataConfig(Part):
    """What is learnt from."""

    tables: list[AbsolutePath] = Field([], description="Tables of drawn boxes, in any format that hanzaki reads.")
    negatives: list[AbsolutePath] = Field(
        [], description="Folders of pictures that show nothing to be found; those that a table names are left out."
    )
    labels: list[str] | None = Field(
        None, description="Labels to learn; all others are background. null: all that the tables name."
    )
    validation: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="Share of the pictures kept aside to choose epoch and threshold; 0: the last, 0.3.",
    )
    aside_by: Unit = Field(
        "auto",
        description="What is kept aside whole: identity, encounter, video or date; name: the last by file name."
        " auto: the first of these that is known of every picture.",
    )
    orientation: str | None = Field(None, description="Side that all the boxes show, as top; null: any.")
    licence: str = Field("unknown", description="Of the pictures, for the model card.")

    @field_validator("labels")
    @classmethod
    def _some_labels(cls, labels: list[str] | None) -> list[str] | None:
        if labels is not None and (not labels or len(set(labels)) < len(labels)):
            raise ValueError("name each label once, or none (null) for all")
        return labels


class NetworkConfig(Beginning):
    """The network and what it sees."""

    input_size: tuple[int, int] = Field((320, 320), description="Width and height in pixels, multiples of 32.")
    mean: Triple = (0.485, 0.456, 0.406)
    std: Triple = (0.229, 0.224, 0.225)
    padding: int = Field(114, ge=0, le=255, description="Grey of what the photograph does not fill of the input.")
    channels: int = Field(64, ge=32, multiple_of=32, description="Width of pyramid and head.")
    convolutions: int = Field(2, ge=1, description="Of each branch of the head, before its last.")
    levels: Literal[3, 4] = Field(4, description="Of the pyramid: 4 for what may fill the whole photograph.")
    overlap: float = Field(0.5, gt=0, le=1, description="IoU above which the lesser of two boxes of a label goes.")
    frozen: int = Field(0, ge=0, description="First stages of the backbone that stay as they are.")
    frozen_norms: bool = Field(True, description="Batch norms of the backbone keep their means.")

    @field_validator("input_size")
    @classmethod
    def _whole_places(cls, size: tuple[int, int]) -> tuple[int, int]:
        if any(side < COARSEST or side % COARSEST for side in size):
            raise ValueError(f"width and height must be multiples of {COARSEST}")
        return size


class SamplingConfig(Batches):
    """How batches are made up."""

    batch: int = Field(16, ge=2, description="Pictures a step, over all devices.")


class DetectorOptimiser(OptimiserConfig):
    """AdamW, and what goes beside it."""

    classes_factor: float = Field(1.0, gt=0, description="Factor on the rate of pyramid and head.")


class DetectorTraining(ModelToMake):
    """All that decides a detector's training."""

    name: str = Field("detector", min_length=1, description="The model's name, for people.")
    half: bool = Field(True, description="Keep the weights that come out in 16 bits: half the size.")
    data: DataConfig = DataConfig()
    network: NetworkConfig = NetworkConfig()
    augmentation: SceneAugmentation = SceneAugmentation()
    sampling: SamplingConfig = SamplingConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    optimiser: DetectorOptimiser = DetectorOptimiser()
    run: RunConfig = RunConfig()


def detector_config(
    which: str | Path,
    *,
    tables: Sequence[Path | str] = (),
    start: Path | str | None = None,
    changes: Mapping[str, Any] | None = None,
) -> DetectorTraining:
    """A detector's training's config, with what is most often said beside it; ``changes`` have the last word.

    Args:
        which: a YAML file, or the name of a shipped config.
        tables: tables of boxes to learn from, in place of the config's.
        start: a model folder, or a shipped model's name, to go on from.
        changes: values by dotted key.

    Raises:
        SettingError: if there is no such config, or it has keys or values that cannot be used.
    """
    return read_training(which, DetectorTraining, tables=tables, start=start, changes=changes)
