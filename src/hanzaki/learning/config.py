"""The parts that configs of trainings are made of, and the config of an embedder's training.

How they are read, :mod:`hanzaki.learning.reading_config` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from hanzaki.learning.augment import Augmentation
from hanzaki.learning.losses import LossName
from hanzaki.learning.network import Pooling
from hanzaki.learning.reading_config import SHAPE, names_shipped_model, read_training
from hanzaki.vision.crop import ResizeMode

Triple = tuple[float, float, float]
AbsolutePath = Annotated[Path, AfterValidator(Path.absolute)]  # a run may be gone on with from another folder
ModelPath = Annotated[Path, AfterValidator(lambda path: path if names_shipped_model(path) else path.absolute())]

#: What a model to go on from knows better than this config's defaults: only what is said by name replaces it.
PREPROCESSING = frozenset({"input_size", "mean", "std", "resize", "crop_fraction"})
#: What else a model may bring, an embedder or a detector; unsaid, it stays unsaid.
_BROUGHT = PREPROCESSING | {"padding", "channels", "convolutions", "levels"}


class Part(BaseModel):
    """A part of a config: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(Part):
    """What is learnt from."""

    tables: list[AbsolutePath] = Field([], description="Annotation tables; their species share one label space.")
    mirror: bool = Field(False, description="Pictures of flanks also stand mirrored, as further animals.")
    least: int = Field(1, ge=1, description="Pictures that a class must have to be learnt from.")
    validation: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="Share of the individuals kept aside to choose the best epoch; 0: the last.",
    )
    replay: list[AbsolutePath] = Field([], description="Tables of what the model learnt before, shown again.")
    replay_share: float = Field(0.3, gt=0, lt=1, description="Share of each batch that is replayed.")
    licence: str = Field("unknown", description="Of the pictures, for the model card.")


class Beginning(Part):
    """What a network begins as."""

    start: ModelPath | None = Field(
        None,
        description="A model folder, or a shipped model's name, to go on from (`--from`), with its shape.",
    )
    backbone: str = Field("mobilenetv2_100", description="timm's name of the architecture.")
    arguments: dict[str, Any] = Field({}, description="Further ones of timm.create_model.")
    weights: AbsolutePath | None = Field(
        None, description="A .safetensors file to start from, in place of timm's own."
    )
    pretrained: bool = Field(True, description="Start from timm's own weights, which it fetches.")

    @model_serializer(mode="wrap")
    def _as_said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What the model to go on from decides stays unsaid, also in the file that is kept beside the outputs."""
        values: dict[str, Any] = handler(self)
        unsaid = SHAPE | (_BROUGHT - self.model_fields_set) if self.start is not None else ()
        return {key: value for key, value in values.items() if key not in unsaid}

    @model_validator(mode="after")
    def _begins_once(self) -> Self:
        if self.start is not None and (said := sorted(SHAPE & self.model_fields_set)):
            raise ValueError(
                f"{' and '.join(said)} cannot be had with start, a model that brings its own: set network.start to"
                " null, or leave the others out"
            )
        return self


class NetworkConfig(Beginning):
    """The network and what it sees."""

    pooling: Pooling = Field("gem", description="gem, avg, or a transformer's class token.")
    input_size: tuple[int, int] = Field((256, 256), description="Width and height in pixels.")
    mean: Triple = (0.485, 0.456, 0.406)
    std: Triple = (0.229, 0.224, 0.225)
    resize: ResizeMode = "squash"
    crop_fraction: float = Field(1.0, gt=0, le=1, description="Share of the box's area that is kept.")
    frozen: int = Field(0, ge=0, description="First stages of the backbone that stay as they are.")


class LossConfig(Part):
    """What the network is trained against."""

    kind: LossName = "subcentre_arcface"
    centres: int = Field(3, ge=1, description="k: centres of a class (sub-centre ArcFace).")
    scale: float = Field(51.5, gt=0, description="s: of the cosines.")
    margin: float = Field(0.5, ge=0, description="Of the rarest class, in radians; triplet: a distance.")
    smallest_margin: float = Field(0.2, ge=0, description="Of the commonest class, in radians.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Share of the embedding that is hidden in each step.")


class Batches(Part):
    """How batches are made up."""

    batch: int = Field(32, ge=2, description="Pictures a step, over all devices.")
    accumulate: int = Field(1, ge=1, description="Parts that a batch is computed in, to need less memory.")

    @model_validator(mode="after")
    def _two_in_each_part(self) -> Self:
        if self.accumulate > self.batch // 2:
            raise ValueError("accumulate leaves fewer than two pictures in each part of a batch")
        return self


class SamplingConfig(Batches):
    """How batches are made up."""

    each: int = Field(0, ge=0, description="Pictures of a class in a batch (balanced sampling); 0 shuffles all.")


class ScheduleConfig(Part):
    """Epochs and learning rates."""

    epochs: int = Field(30, ge=1)
    head_epochs: int = Field(0, ge=0, description="First epochs in which only the head and the classes learn.")
    warmup_epochs: float = Field(1.0, ge=0, description="Epochs in which the rate rises from start to peak.")
    start: float = Field(1.5e-5, ge=0, description="Learning rate at the very beginning.")
    peak: float = Field(1e-3, gt=0, description="Learning rate after the warm-up.")
    decay: Literal["cosine", "exponential"] = "cosine"
    factor: float = Field(0.8, gt=0, le=1, description="Of an exponential decay, each epoch.")


class OptimiserConfig(Part):
    """AdamW, and what goes beside it."""

    weight_decay: float = Field(1e-4, ge=0)
    layer_decay: float = Field(1.0, gt=0, le=1, description="Factor on the rate, layer by layer, to the front.")
    classes_factor: float = Field(1.0, gt=0, description="Factor on the rate of the class centres.")
    average: float = Field(0.0, ge=0, lt=1, description="Decay of the weights' moving average; 0: none.")
    clip: float = Field(0.0, ge=0, description="Longest gradient that is followed; 0 follows any.")


class RunConfig(Part):
    """The machine's side of it."""

    seed: int = Field(0, ge=0)
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    devices: int = Field(1, ge=1, description="How many to train on.")
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = Field(
        "auto", description="auto: bf16-mixed on a GPU, else 32-true."
    )
    channels_last: bool = True
    checkpoint_minutes: float = Field(5.0, ge=0, description="Most that a kill can cost.")
    validate_every: int = Field(1, ge=1, description="Epochs from one validation to the next.")
    cache_mb: float = Field(1024.0, ge=0, description="Memory for decoded pictures.")


class ModelToMake(Part):
    """What every training's config says first: the model that comes of it."""

    name: str = Field("model", min_length=1, description="The model's name, for people.")
    about: str = Field("", description="A sentence for the model card: what it is for, what it is not.")
    licence: str = Field("unknown", description="Of the weights that come out, as an SPDX name.")
    half: bool = Field(False, description="Keep the weights that come out in 16 bits: half the size.")


class EmbedderConfig(ModelToMake):
    """All that decides an embedder's training."""

    name: str = Field("embedder", min_length=1, description="The model's name, for people.")
    data: DataConfig = DataConfig()
    network: NetworkConfig = NetworkConfig()
    loss: LossConfig = LossConfig()
    augmentation: Augmentation = Augmentation()
    sampling: SamplingConfig = SamplingConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    run: RunConfig = RunConfig()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.loss.kind == "triplet" and self.sampling.each < 2:
            raise ValueError("the triplet loss compares pictures of one class: set sampling.each to 2 or more")
        return self


def embedder_config(
    which: str | Path,
    *,
    tables: Sequence[Path | str] = (),
    start: Path | str | None = None,
    replay: Sequence[Path | str] = (),
    changes: Mapping[str, Any] | None = None,
) -> EmbedderConfig:
    """A training's config, with what is most often said beside it; ``changes`` have the last word.

    Args:
        which: a YAML file, or the name of a shipped config.
        tables: annotation tables to learn from, in place of the config's.
        start: a model folder, or a shipped model's name, to go on from.
        replay: annotation tables that ``start`` learnt from.
        changes: values by dotted key.

    Raises:
        SettingError: if there is no such config, or it has keys or values that cannot be used.
    """
    return read_training(which, EmbedderConfig, tables=tables, start=start, replay=replay, changes=changes)
