"""What Grad-CAM costs beside the classification alone: one network, exported with the maps and without."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hanzaki.vision.classifier import LOGITS, Classifier
from hanzaki.vision.model import ClassifierConfig, load_classifier_model

TITLE = "Explaining: Grad-CAM of eleven labels at 224 pixels, processor milliseconds a picture"
PICTURES = 16
ROUNDS = 5
LABELS = [f"individual {number}" for number in range(1, 12)]
BACKBONES = ("mobilenetv2_100", "tf_efficientnetv2_b0")


def run() -> tuple[list[str], list[list[str]]]:
    """Each network in turns: classified without maps in its graph, classified with them, explained."""
    rows = []
    for backbone in BACKBONES:
        for pooling in ("avg", "gem"):
            with tempfile.TemporaryDirectory() as place:
                rows.append(_row(Path(place), backbone, pooling))
    headers = [
        "network",
        "pooling",
        "alone, ms / picture",
        "explained, ms / picture",
        "ratio",
        "alone, maps unread",
    ]
    return headers, rows


def _row(place: Path, backbone: str, pooling: str) -> list[str]:
    plain, telling = _folders(place, backbone, pooling)
    pictures = np.random.default_rng(0).integers(0, 255, (PICTURES, 256, 256, 3), dtype=np.uint8)
    alone, why = (Classifier(load_classifier_model(folder), threads=2) for folder in (plain, telling))
    prepared = [alone.prepare(picture) for picture in pictures]
    work: dict[str, Callable[[], object]] = {
        "alone": lambda: alone.classify(prepared),
        "explained": lambda: why.explain(prepared),
        "unread": lambda: why.classify(prepared),
    }
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for number in range(ROUNDS + 1):  # the first warms up
        for name, function in work.items():
            started = time.process_time()  # of all threads; what else the machine does is not counted
            function()
            if number:
                seconds[name].append(time.process_time() - started)
    best = {name: 1000 * min(taken) / PICTURES for name, taken in seconds.items()}
    return [
        backbone,
        pooling,
        f"{best['alone']:.2f}",
        f"{best['explained']:.2f}",
        f"{best['explained'] / best['alone']:.3f}",
        f"{best['unread'] / best['alone']:.3f}",
    ]


def _folders(place: Path, backbone: str, pooling: str) -> tuple[Path, Path]:
    """A network's folder without the maps, and with them."""
    import torch

    from hanzaki.learning import publish
    from hanzaki.learning.card import Card
    from hanzaki.learning.classifier.network import ClassificationNetwork

    torch.manual_seed(0)
    network = ClassificationNetwork(backbone, len(LABELS), pooling).eval()  # type: ignore[arg-type]
    config = ClassifierConfig(
        task="classify",
        name=backbone,
        architecture=backbone,
        input_size=(224, 224),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        label="individual",
        labels=LABELS,
    )
    plain, telling = place / "plain", place / "telling"
    publish.write_model_folder(telling, network, config, Card("Random weights."))
    plain.mkdir()
    (plain / "config.json").write_text(config.model_dump_json())
    # of a network in another one nobody knows the places, so that only the logits are written
    publish.export_onnx(
        torch.nn.Sequential(network).eval(), config.input_shape, plain / "model.onnx", first=LOGITS
    )
    return plain, telling
