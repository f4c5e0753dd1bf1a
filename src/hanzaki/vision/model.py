"""Model folders: what a model is and how its input is prepared, read from the folder and never guessed.

``config.json`` and ``model.onnx`` make one; ``model.safetensors`` (for training on) and ``README.md`` (the model
card) may stand beside them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hanzaki.errors import ModelError, printable
from hanzaki.vision.crop import ResizeMode

CONFIG = "config.json"
ONNX = "model.onnx"
WEIGHTS = "model.safetensors"
CARD = "README.md"

_CHUNK = 1 << 20

Triple = tuple[float, float, float]


class ModelConfig(BaseModel):
    """``config.json`` of a model folder.

    The pixels that the network sees are ``(rgb / 255 - mean) / std`` of the animal's box, of which
    ``crop_fraction`` of the area is kept, resized to ``input_size`` by ``resize``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: Literal["embed"]
    name: str = Field(min_length=1, description="A short name for people.")
    architecture: str = Field(description="The timm network it came from.")
    input_size: tuple[int, int] = Field(description="Width and height in pixels.")
    mean: Triple
    std: Triple
    resize: ResizeMode = "squash"
    crop_fraction: float = Field(1.0, gt=0, le=1, description="Share of the box's area that is kept.")
    embedding_size: int = Field(gt=0)
    labels: list[str] | None = Field(None, description="Of a classifier's outputs.")
    training_data: str = Field("unknown", description="What it learnt from.")
    licence: str = Field("unknown", description="SPDX name, of the weights.")
    calibration: dict[str, Any] | None = Field(None, description="From score to probability, where fitted.")


@dataclass(frozen=True)
class ModelFolder:
    """A model folder that was read and found whole.

    Attributes:
        folder: where it is.
        config: its ``config.json``.
        fingerprint: name and first digits of a SHA-256 over network and preprocessing; whatever a model computes
            is kept under it, so that a changed model never reads an older one's results.
    """

    folder: Path
    config: ModelConfig
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


def load_model(folder: Path | str) -> ModelFolder:
    """Read a model folder.

    Raises:
        ModelError: if it is none, naming what is missing or wrong.
    """
    folder = Path(folder)
    if not (folder / CONFIG).is_file():
        raise ModelError(f"{printable(folder)} is not a model folder: it has no {CONFIG}")
    if not (folder / ONNX).is_file():
        raise ModelError(f"{printable(folder)} has no {ONNX}; export it with `hanzaki models export`")
    try:
        config = ModelConfig.model_validate_json((folder / CONFIG).read_bytes())
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors())
        raise ModelError(f"{printable(folder / CONFIG)}: {wrong}") from error
    return ModelFolder(folder, config, f"{config.name}-{_digest(folder / ONNX, config)[:12]}")


def _digest(onnx: Path, config: ModelConfig) -> str:
    seen_by_network = config.model_dump(include={"input_size", "mean", "std", "resize", "crop_fraction"})
    digest = hashlib.sha256(json.dumps(seen_by_network, sort_keys=True).encode())
    with onnx.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
