"""The config of a training run: YAML, checked to the last key, and kept beside what came of it.

A file may say ``extends: NAME`` of a shipped config (or another file) and hold only what differs; single values
are set from the command line as ``--set schedule.epochs=5``.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, cast, get_args

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from hanzaki.errors import SettingError, printable
from hanzaki.learning.augment import Augmentation
from hanzaki.learning.losses import LossName
from hanzaki.learning.network import Pooling
from hanzaki.vision.crop import ResizeMode
from hanzaki.vision.model import shipped_models

Triple = tuple[float, float, float]
AbsolutePath = Annotated[Path, AfterValidator(Path.absolute)]  # a run may be gone on with from another folder


def _shipped(which: str | Path) -> bool:
    return str(which) in shipped_models() and not Path(which).exists()


ModelPath = Annotated[Path, AfterValidator(lambda path: path if _shipped(path) else path.absolute())]

#: What a model to go on from knows better than this config's defaults: only what is said by name replaces it.
PREPROCESSING = frozenset({"input_size", "mean", "std", "resize", "crop_fraction"})
#: What a model to go on from decides alone.
_SHAPE = frozenset({"backbone", "arguments", "weights", "pretrained"})
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
        unsaid = _SHAPE | (_BROUGHT - self.model_fields_set) if self.start is not None else ()
        return {key: value for key, value in values.items() if key not in unsaid}

    @model_validator(mode="after")
    def _begins_once(self) -> Self:
        if self.start is not None and (said := sorted(_SHAPE & self.model_fields_set)):
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


class SamplingConfig(Part):
    """How batches are made up."""

    batch: int = Field(32, ge=2, description="Pictures a step, over all devices.")
    each: int = Field(0, ge=0, description="Pictures of a class in a batch (balanced sampling); 0 shuffles all.")
    accumulate: int = Field(1, ge=1, description="Parts that a batch is computed in, to need less memory.")


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


class EmbedderConfig(Part):
    """All that decides an embedder's training."""

    name: str = Field("embedder", min_length=1, description="The model's name, for people.")
    about: str = Field("", description="A sentence for the model card: what it is for, what it is not.")
    licence: str = Field("unknown", description="Of the weights that come out, as an SPDX name.")
    half: bool = Field(False, description="Keep the weights that come out in 16 bits: half the size.")
    data: DataConfig = DataConfig()
    network: NetworkConfig = NetworkConfig()
    loss: LossConfig = LossConfig()
    augmentation: Augmentation = Augmentation()
    sampling: SamplingConfig = SamplingConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    run: RunConfig = RunConfig()

    @model_validator(mode="after")
    def _fits_together(self) -> EmbedderConfig:
        if self.sampling.accumulate > self.sampling.batch // 2:
            raise ValueError("sampling.accumulate leaves fewer than two pictures in each part of a batch")
        if self.loss.kind == "triplet" and self.sampling.each < 2:
            raise ValueError("the triplet loss compares pictures of one class: set sampling.each to 2 or more")
        return self


Config = TypeVar("Config", bound=BaseModel)


def shipped_configs() -> dict[str, str]:
    """The configs that come with hanzaki, by name: their text."""
    return shipped_texts("configs")


def shipped_detectors() -> dict[str, str]:
    """The configs of detectors that come with hanzaki, by name: their text."""
    return shipped_texts("configs", "detectors")


def shipped_texts(*parts: str) -> dict[str, str]:
    """The YAML files of a folder of this package, by name: their text."""
    folder = resources.files("hanzaki.learning").joinpath(*parts)
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return {
        file.name.removesuffix(".yaml"): file.read_text("utf-8") for file in files if file.name.endswith(".yaml")
    }


def read_config(which: str | Path, kind: type[Config], changes: Mapping[str, Any] | Sequence[str] = ()) -> Config:
    """Read a config.

    Args:
        which: a YAML file, or the name of a shipped config. Relative paths in a file start from its folder.
        kind: what it is the config of.
        changes: values by dotted key, as ``{"schedule.epochs": 5}``, or as the command line gives them.

    Raises:
        SettingError: if there is no such config, or it has keys or values that cannot be used.
    """
    values = _extended(which)
    for key, value in (changes if isinstance(changes, Mapping) else parse_changes(changes)).items():
        values = _overlaid(values, _nested(key.split("."), value))
    return checked(values, kind, printable(which))


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
    said: dict[str, Any] = {}
    if tables:
        said["data.tables"] = [str(Path(table).absolute()) for table in tables]
    if replay:
        said["data.replay"] = [str(Path(table).absolute()) for table in replay]
    if start is not None:
        said["network.start"] = str(start)
    return read_config(which, EmbedderConfig, said | dict(changes or {}))


def parse_changes(texts: Sequence[str]) -> dict[str, Any]:
    """Changes as the command line gives them, ``schedule.epochs=5`` each; the values are YAML.

    Raises:
        SettingError: if one is none.
    """
    changes = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise SettingError(f"--set {text}: write KEY=VALUE, as schedule.epochs=5")
        changes[key] = _yaml(value, f"--set {text}")
    return changes


def checked(values: Mapping[str, Any], kind: type[Config], where: str) -> Config:
    """A config of values.

    Raises:
        SettingError: naming every key or value that cannot be used, and what was perhaps meant.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        faults = [_fault(item["loc"], item["type"], item["msg"], kind) for item in error.errors()]
        raise SettingError("\n".join([f"{where} cannot be used:", *(f"  {fault}" for fault in faults)])) from error


def write_config(config: BaseModel, path: Path) -> None:
    """Write a config so that :func:`read_config` reads it back as it is."""
    path.write_text(as_yaml(config), encoding="utf-8")


def as_yaml(config: BaseModel) -> str:
    """A config as YAML, which gives back the very same values."""
    values = config.model_dump(mode="json")
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=110)
    if yaml.safe_load(text) == values:
        return text
    return yaml.safe_dump(values, sort_keys=False, width=110)  # Unicode's rarer line breaks only survive escaped


def _extended(which: str | Path, depth: int = 0) -> dict[str, Any]:
    shipped, path = shipped_configs() | shipped_detectors(), Path(which)
    if str(which) in shipped and not path.is_file():
        text, folder = shipped[str(which)], None
    elif path.is_file():
        text, folder = _text(path), path.parent
    else:
        raise SettingError(f"{printable(which)}: no such file; shipped configs are {', '.join(shipped)}")
    values = _yaml(text, printable(which)) or {}
    if not isinstance(values, dict):
        raise SettingError(
            f"{printable(which)} holds no keys with values; `hanzaki train show small` prints one that does"
        )
    if folder is not None:
        values = _placed(values, folder)
    base = values.pop("extends", None)
    if base is None:
        return values
    if depth > 8:
        raise SettingError(f"{printable(which)} extends itself")
    beside = folder / str(base) if folder is not None else Path(str(base))
    return _overlaid(_extended(beside if beside.is_file() else str(base), depth + 1), values)


def _placed(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The same with the files that it names found from its own folder."""
    placed = dict(values)
    for part, keys in {"data": ("tables", "replay", "negatives"), "network": ("start", "weights")}.items():
        named = values.get(part)
        if isinstance(named, dict):
            placed[part] = named | {key: _beside(named[key], folder) for key in keys if key in named}
    return placed


def _beside(paths: Any, folder: Path) -> Any:
    if isinstance(paths, list):
        return [_beside(path, folder) for path in paths]
    return str(folder / paths) if isinstance(paths, str) and not _shipped(paths) else paths


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{printable(path)} cannot be read: {error}") from error


def _yaml(text: str, where: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingError(f"{where} is not YAML: {' '.join(str(error).split())}") from error


def _nested(keys: Sequence[str], value: Any) -> dict[str, Any]:
    for key in reversed(keys):
        value = {key: value}
    return dict(value)


def _overlaid(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """One config's values with another's over them; of a model to go on from and a shape, the later word holds."""
    said = over.get("network")
    network = base.get("network")
    if isinstance(said, Mapping) and isinstance(network, Mapping):
        replaced = (_SHAPE if said.get("start") is not None else set()) | (
            {"start"} if _SHAPE & said.keys() else set()
        )
        base = {**base, "network": {key: value for key, value in network.items() if key not in replaced}}
    return _merged(base, over)


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(base)
    for key, value in over.items():
        old = both.get(key)
        both[key] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return both


def _fault(place: tuple[int | str, ...], fault: str, message: str, kind: type[BaseModel]) -> str:
    key = ".".join(map(str, place))
    if fault != "extra_forbidden":
        return f"{key}: {message.removeprefix('Value error, ')}" if key else message.removeprefix("Value error, ")
    parent = kind
    for part in place[:-1]:
        parent = (
            _model_within(parent.model_fields[str(part)].annotation) if part in parent.model_fields else parent
        )
    names = list(parent.model_fields)
    near = difflib.get_close_matches(str(place[-1]), names, 1)
    everywhere = [name for name in _all_keys(kind) if name.rpartition(".")[2] == place[-1]]
    meant = everywhere or ([".".join([*map(str, place[:-1]), *near])] if near else [])
    return f"{key}: no such key" + (
        f"; did you mean {' or '.join(meant)}?" if meant else f"; there are {', '.join(names)}"
    )


def _model_within(annotation: Any) -> type[BaseModel]:
    """The model that a field holds, or holds some of: ``Part``, ``Part | None``, ``dict[str, Part]``."""
    if _is_model(annotation):
        return cast(type[BaseModel], annotation)
    return next(
        _model_within(part) for part in reversed(get_args(annotation)) if get_args(part) or _is_model(part)
    )


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _all_keys(kind: type[BaseModel], prefix: str = "") -> list[str]:
    keys = []
    for name, field in kind.model_fields.items():
        keys.append(prefix + name)
        if _is_model(field.annotation):
            keys += _all_keys(_model_within(field.annotation), f"{prefix}{name}.")
    return keys
