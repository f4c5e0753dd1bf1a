"""OpenVINO beside ONNX Runtime on one network, at the same precision."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from hanzaki.vision.embedder import Embedder
from hanzaki.vision.model import load_model

TITLE = "Embedding pictures: MobileNetV2 at 224 pixels"
PICTURES = 128
ROUNDS = 3


def run() -> tuple[list[str], list[list[str]]]:
    """Both runtimes on the same pictures, in turns."""
    from hanzaki.learning.publish import export_timm

    with tempfile.TemporaryDirectory() as place:
        weights = Path(place) / "random.safetensors"
        _random_weights(weights)
        folder = Path(place) / "mobilenet"
        export_timm(folder, "mobilenetv2_100", weights)
        model = load_model(folder)
        pictures = np.random.default_rng(0).integers(0, 255, (PICTURES, 256, 256, 3), dtype=np.uint8)
        embedders = {name: Embedder(model, name, threads=2) for name in ("openvino", "onnxruntime")}
        seconds = dict.fromkeys(embedders, np.inf)
        vectors = {}
        for _ in range(ROUNDS):
            for name, embedder in embedders.items():
                started = time.perf_counter()
                vectors[name] = np.stack(_embed(embedder, pictures))
                seconds[name] = min(seconds[name], time.perf_counter() - started)
    ours, theirs = (vectors[name] / np.linalg.norm(vectors[name], axis=1, keepdims=True) for name in vectors)
    worst = float((ours * theirs).sum(axis=1).min())
    rows = [
        [name, f"{1000 * taken / PICTURES:.1f}", f"{taken / seconds['onnxruntime']:.2f}", f"{worst:.6f}"]
        for name, taken in seconds.items()
    ]
    return ["runtime", "ms / picture", "time / onnxruntime", "lowest cosine between the two"], rows


def _embed(embedder: Embedder, pictures: np.ndarray) -> list[np.ndarray]:
    vectors: list[np.ndarray] = []
    for start in range(0, len(pictures), 32):
        vectors += embedder.describe([embedder.prepare(picture) for picture in pictures[start : start + 32]])
    return vectors


def _random_weights(path: Path) -> None:
    import timm
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    save_file(timm.create_model("mobilenetv2_100", pretrained=False, num_classes=0).state_dict(), path)
