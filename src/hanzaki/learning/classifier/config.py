"""The config of a classifier's training; what it shares with an embedder's stands there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from hanzaki.evaluation.labelling import OF_THE_ANIMAL
from hanzaki.evaluation.ranges import ranges_between
from hanzaki.evaluation.splits import Unit
from hanzaki.learning import config as shared
from hanzaki.learning.augment import Augmentation
from hanzaki.learning.config import AbsolutePath, Batches, ModelToMake, OptimiserConfig, Part, RunConfig
from hanzaki.learning.network import Pooling
from hanzaki.learning.reading_config import read_training
from hanzaki.vision.model import Column

SplitBy = Literal["auto", "individual", "date", "daytime", "encounter", "photograph", "none"]

Balance = Literal["none", "weights", "sampling"]


class DataConfig(Part):
    """What is learnt from."""

    tables: list[AbsolutePath] = Field([], description="Annotation tables, in any format that hanzaki reads.")
    label: Column = Field("individual", description="What is to be told of an animal: a column of the tables.")
    labels: list[str] | None = Field(
        None, description="Labels to tell apart; rows of others are left out. null: all that are learnt from."
    )
    cuts: list[float] = Field(
        [0.2, 0.5], description="Of the label quality, a number: where a new range begins, ascending."
    )
    least: int = Field(1, ge=1, description="Pictures to learn from that a label must have, or it is left out.")
    licence: str = Field("unknown", description="Of the pictures, for the model card.")

    @field_validator("labels")
    @classmethod
    def _some_labels(cls, labels: list[str] | None) -> list[str] | None:
        if labels is not None and (len(labels) < 2 or len(set(labels)) < len(labels) or "" in labels):
            raise ValueError("name two labels or more, each once, or none (null) for all")
        return labels

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        if self.label == "quality":
            ranges_between(self.cuts)  # raises what is wrong with them
        return self

    @property
    def named(self) -> list[str] | None:
        """The labels that are wanted, in their order; None for all that there are."""
        return ranges_between(self.cuts) if self.label == "quality" and self.labels is None else self.labels


class SplitConfig(Part):
    """What of the tables is learnt from, and what is kept apart to choose and to test with.

    The parts are those of `hanzaki split`, and are written to the run's folder `split`.
    """

    protocol: SplitBy = Field(
        "auto",
        description="What stands on one side only: individuals, days, light, encounters, photographs; none: no"
        " test. auto: individuals; where these are what is told apart, days.",
    )
    test: float | None = Field(
        None, gt=0, lt=1, description="Share of them that is tested with, 0.3 unless said; days: the last."
    )
    validation: float = Field(
        0.2, ge=0, lt=1, description="Share of the training that chooses epoch and temperature; 0: the last, 1."
    )
    validation_by: Unit | None = Field(
        None, description="What validation is drawn by; null: what makes it like the test."
    )
    train_days: str | None = Field(None, description="As 2022-08-20,2022-08-22 or ..2025-04-03 (date, daytime).")
    test_days: str | None = Field(None, description="By default all other days (date, daytime).")
    train_light: str | None = Field(None, description="As morning or morning,afternoon (daytime).")
    test_light: str | None = Field(None, description="By default all other light (daytime).")
    hours: str | None = Field(None, description="What light is called what, as morning=5-12,evening=17-21.")
    seed: int = Field(0, ge=0, description="From which all follows that is drawn.")
    tables: list[AbsolutePath] = Field(
        [],
        description="Tables to test with, where others have parted them already: nothing else is then kept apart.",
    )
    allow_leaks: bool = Field(False, description="Go on even if one side shows what another does.")

    def protocol_of(self, label: Column) -> SplitBy:
        """The protocol, decided where it was left open."""
        if self.protocol != "auto":
            return self.protocol
        return "date" if label == "individual" else "individual"


class NetworkConfig(shared.NetworkConfig):
    """The network and what it sees."""

    backbone: str = Field("tf_efficientnetv2_b0.in1k", description="timm's name of the architecture.")
    pooling: Pooling = Field("avg", description="gem, avg, or a transformer's class token.")
    input_size: tuple[int, int] = Field((224, 224), description="Width and height in pixels.")
    crop_fraction: float = Field(0.6, gt=0, le=1, description="Share of the box's area that is kept.")
    dropout: float = Field(0.3, ge=0, lt=1, description="Share of the embedding that is hidden in each step.")


class LossConfig(Part):
    """What the network is trained against: the cross-entropy of its labels."""

    smoothing: float = Field(
        0.0, ge=0, lt=1, description="Share of the truth that is spread over all labels (Szegedy et al. 2016)."
    )
    balance: Balance = Field(
        "weights",
        description="Against unequal numbers: weights counts a picture the more the fewer its label has (mean 1),"
        " sampling shows all labels equally often.",
    )


class ScheduleConfig(shared.ScheduleConfig):
    """Epochs and learning rates."""

    epochs: int = Field(50, ge=1)


class ClassifierOptimiser(OptimiserConfig):
    """AdamW, and what goes beside it."""

    classes_factor: float = Field(1.0, gt=0, description="Factor on the rate of the last layer.")


class ClassifierTraining(ModelToMake):
    """All that decides a classifier's training."""

    name: str = Field("classifier", min_length=1, description="The model's name, for people.")
    data: DataConfig = DataConfig()
    split: SplitConfig = SplitConfig()
    network: NetworkConfig = NetworkConfig()
    loss: LossConfig = LossConfig()
    augmentation: Augmentation = Augmentation()
    sampling: Batches = Batches()
    schedule: ScheduleConfig = ScheduleConfig()
    optimiser: ClassifierOptimiser = ClassifierOptimiser()
    run: RunConfig = RunConfig()

    @model_validator(mode="after")
    def _tests_once(self) -> Self:
        if self.split.tables and self.split.protocol not in ("auto", "none"):
            raise ValueError("split.tables are the test: leave split.protocol out")
        return self

    @property
    def of_the_animal(self) -> bool:
        """Whether all pictures of an animal share the label."""
        return self.data.label in OF_THE_ANIMAL


def classifier_config(
    which: str | Path,
    *,
    tables: Sequence[Path | str] = (),
    start: Path | str | None = None,
    changes: Mapping[str, Any] | None = None,
) -> ClassifierTraining:
    """A classifier's training's config, with what is most often said beside it; ``changes`` have the last word.

    Args:
        which: a YAML file, or the name of a shipped config.
        tables: annotation tables to learn from, in place of the config's.
        start: a model folder, or a shipped model's name, to go on from.
        changes: values by dotted key.

    Raises:
        SettingError: if there is no such config, or it has keys or values that cannot be used.
    """
    return read_training(which, ClassifierTraining, tables=tables, start=start, changes=changes)
