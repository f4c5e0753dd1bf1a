"""A training step beside a bare torch loop over the same network and pictures."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from hanzaki.learning.config import EmbedderConfig
from hanzaki.learning.losses import SubCentreArcFace, dynamic_margins
from hanzaki.learning.network import EmbeddingNetwork
from hanzaki.learning.reading_config import checked
from hanzaki.learning.train import train_embedder
from hanzaki.virtual import write_hides

TITLE = (
    "Training MobileNetV2 at 192 pixels: our steps, decoding and augmentation included, beside bare torch loops"
)

_ANIMALS, _EACH, _BATCH, _EPOCHS = 32, 10, 32, 3
_NETWORK: dict[str, Any] = {"backbone": "mobilenetv2_100", "arguments": {}}


def run() -> tuple[list[str], list[list[str]]]:
    """Pictures a second of each loop; the first epoch warms up and does not count."""
    with TemporaryDirectory() as folder:
        frame = write_hides(Path(folder) / "hides", _ANIMALS, _EACH, size=512, threads=2)
        paths = [Path(folder) / "hides" / path for path in frame["path"]]
        labels = [int(name.split("-")[1]) - 1 for name in frame["identity"]]
        bare = _bare(paths, labels, channels_last=False)
        fast = _bare(paths, labels, channels_last=True)
        ours, waiting = _ours(Path(folder))
    rows = [
        ["bare loop (DataLoader, two workers, no augmentation)", f"{bare:.1f}", "1.00", ""],
        ["the same, channels last", f"{fast:.1f}", f"{fast / bare:.2f}", ""],
        ["hanzaki, augmented", f"{ours:.1f}", f"{ours / bare:.2f}", f"{waiting:.1%}"],
    ]
    return ["", "pictures/s", "ratio", "waiting for data"], rows


def _ours(folder: Path) -> tuple[float, float]:
    values = {
        "data": {"tables": [folder / "hides" / "annotations.csv"], "validation": 0},
        "network": _NETWORK | {"pretrained": False, "input_size": [192, 192]},
        "sampling": {"batch": _BATCH},
        "schedule": {"epochs": _EPOCHS},
        "run": {"accelerator": "cpu", "checkpoint_minutes": 60},
    }
    trained = train_embedder(checked(values, EmbedderConfig, "the benchmark's config"), folder / "run")
    counted = trained.history[1:]
    return tuple(float(np.mean([record[key] for record in counted])) for key in ("pictures_per_second", "waiting"))  # type: ignore[return-value]


class _Plain(Dataset[tuple[torch.Tensor, int]]):
    """What everybody writes first."""

    def __init__(self, paths: list[Path], labels: list[int]) -> None:
        self.paths, self.labels = paths, labels

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        picture = Image.open(self.paths[number]).convert("RGB").resize((192, 192), Image.Resampling.BILINEAR)
        return torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1).float() / 255, self.labels[number]


def _bare(paths: list[Path], labels: list[int], *, channels_last: bool) -> float:
    form = torch.channels_last if channels_last else torch.contiguous_format
    network = EmbeddingNetwork(**_NETWORK).to(memory_format=form)  # type: ignore[call-overload]
    loss = SubCentreArcFace(network.embedding_size, dynamic_margins([_EACH] * _ANIMALS))
    optimiser = torch.optim.AdamW([*network.parameters(), *loss.parameters()], lr=1e-3)
    loader = DataLoader(_Plain(paths, labels), _BATCH, shuffle=True, num_workers=2, persistent_workers=True)
    seen, started = 0, 0.0
    for epoch in range(_EPOCHS):
        if epoch == 1:
            started = time.perf_counter()
        for images, truth in loader:
            value = loss(network(images.contiguous(memory_format=form)), truth)
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            seen += len(truth) if epoch else 0
    return seen / (time.perf_counter() - started)
