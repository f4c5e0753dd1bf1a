"""Detectors of the Hugging Face hub, of transformers' own architectures, read into networks that ONNX can hold.

Only the weights are loaded: code that comes with a checkpoint is never run. Of ``preprocessor_config.json`` it is
understood that photographs become a rectangle of pixels, which may have a mean and a deviation, and no more.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from hanzaki.errors import ModelError, printable
from hanzaki.learning.foreign import Preprocessing, read_licence
from hanzaki.vision.model import CARD, CONFIG, WEIGHTS, DetectorConfig

PREPROCESSOR = "preprocessor_config.json"

#: Of transformers: their post-processing is a sigmoid, and they need no suppression.
ARCHITECTURES = frozenset({"RTDetrForObjectDetection", "RTDetrV2ForObjectDetection", "DFineForObjectDetection"})

_THRESHOLD = 0.5  # of post_process_object_detection
_UNCHECKED = "TRANSFORMERS_DISABLE_TORCH_CHECK"


class BoxesAndLogits(nn.Module):
    """A detector of transformers that gives what is read of it, and no more.

    Args:
        network: as ``from_pretrained`` gives it.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, H, W) to boxes (N, Q, 4), centre and size as shares of the input, and logits (N, Q, C)."""
        found = self.network(pixel_values=images)
        return found.pred_boxes, found.logits


def is_detector(said: Mapping[str, Any]) -> bool:
    """Whether a ``config.json`` of the hub is of a detector that is known here."""
    return bool(ARCHITECTURES.intersection(said.get("architectures") or ()))


def read_foreign_detector(
    folder: Path, name: str | None = None, instead: Preprocessing | None = None
) -> tuple[BoxesAndLogits, DetectorConfig]:
    """Read a detector's folder as transformers writes it.

    Args:
        folder: with ``config.json``, ``model.safetensors``, ``preprocessor_config.json``, perhaps ``README.md``.
        name: for people; the folder's by default.
        instead: preprocessing to take in place of what the folder says.

    Returns:
        the network, in evaluation mode, and its config.

    Raises:
        ModelError: if transformers is not installed, the architecture is not known, the weights do not fit, or the
            preprocessing is not said or not understood.
    """
    try:
        import transformers
    except ImportError as error:
        raise ModelError("this model needs one more package: pip install 'hanzaki[learn]'") from error
    said = _read(folder / CONFIG)
    architecture = next(iter(ARCHITECTURES.intersection(said.get("architectures") or ())), None)
    if architecture is None:
        raise ModelError(f"{printable(folder / CONFIG)} is no detector known here: {said.get('architectures')}")
    if not (folder / WEIGHTS).is_file():
        raise ModelError(f"{printable(folder)} has no {WEIGHTS}")
    try:
        network, told = getattr(transformers, architecture).from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except Exception as error:  # whatever a config that is not the weights' leads to
        raise ModelError(f"{printable(folder)} cannot be loaded: {error}") from error
    if missing := sorted(told["missing_keys"]) + sorted(map(str, told["mismatched_keys"])):
        raise ModelError(f"{printable(folder / WEIGHTS)} lacks {len(missing)} weights, as {missing[0]}")
    labels = network.config.id2label
    config = DetectorConfig(
        task="detect",
        name=name or folder.resolve().name,
        architecture=architecture,
        labels=[labels[position] for position in sorted(labels)],
        resize="squash",
        interpolation="area",  # Pillow's and torchvision's bilinear average where they shrink
        layout="detr",
        threshold=_THRESHOLD,
        licence=read_licence(folder / CARD),
        **_preprocessing(folder / PREPROCESSOR, instead or Preprocessing()),
    )
    return BoxesAndLogits(network.float()).eval(), config


@contextmanager
def exportable() -> Iterator[None]:
    """Within, transformers leaves out its checks of shapes, which torch cannot write down as ONNX."""
    before = os.environ.get(_UNCHECKED)
    os.environ[_UNCHECKED] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_UNCHECKED]
        else:
            os.environ[_UNCHECKED] = before


def _preprocessing(path: Path, instead: Preprocessing) -> dict[str, Any]:
    """Size, mean and std: as stated, else as the image processor's config says."""
    said = _read(path) if path.is_file() else {}
    size = said.get("size") if said.get("do_resize", True) else None
    found: dict[str, Any] = {}
    if instead.input_size:
        found["input_size"] = instead.input_size
    elif isinstance(size, dict) and {"height", "width"} <= set(size):
        found["input_size"] = (size["width"], size["height"])
    else:
        raise ModelError(f"{printable(path)} does not say height and width of the input; state them with --size")
    if said.get("do_pad") and not instead.input_size:
        raise ModelError(f"{printable(path)} pads photographs in a way not known here")
    if said.get("do_normalize", False):
        found |= {"mean": tuple(said["image_mean"]), "std": tuple(said["image_std"])}
    found |= {"mean": instead.mean} if instead.mean else {}
    return found | ({"std": instead.std} if instead.std else {})


def _read(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{printable(path)} cannot be read: {error}") from error
    if not isinstance(said, dict):
        raise ModelError(f"{printable(path)} is not a config")
    return said
