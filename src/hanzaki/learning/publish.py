"""A timm network made into a model folder that the field half can run."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import load_file, save_file

from hanzaki.errors import ModelError, printable
from hanzaki.vision.model import CARD, CONFIG, ONNX, WEIGHTS, ModelConfig

_OPSET = 18


def export_timm(
    folder: Path,
    architecture: str,
    weights: Path | None = None,
    *,
    arguments: Mapping[str, Any] | None = None,
    input_size: tuple[int, int] | None = None,
    mean: tuple[float, float, float] | None = None,
    std: tuple[float, float, float] | None = None,
    licence: str = "unknown",
    training_data: str = "unknown",
) -> ModelConfig:
    """Write a timm network's pooled features as a model folder; its classifier is left out.

    Args:
        folder: where to; new or empty.
        architecture: timm's name of the network.
        weights: a ``.safetensors`` file of its weights; None fetches timm's own (``pretrained=True``).
        arguments: further arguments of ``timm.create_model``.
        input_size: width and height, where they differ from what timm says of these weights.
        mean: of the pixels' colours, likewise.
        std: of the pixels' colours, likewise.
        licence: of the weights, for the model card.
        training_data: of the weights, for the model card.

    Raises:
        ModelError: if the network or its weights cannot be used, or the folder is in the way.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ModelError(f"{printable(folder)} is not empty; name a new folder")
    network = _network(architecture, weights, dict(arguments or {}))
    defaults = timm.data.resolve_data_config({}, model=network)
    config = ModelConfig(
        task="embed",
        name=architecture.partition(".")[0],
        architecture=architecture,
        input_size=input_size or (defaults["input_size"][2], defaults["input_size"][1]),
        mean=mean or defaults["mean"],
        std=std or defaults["std"],
        embedding_size=network.num_features,
        licence=licence,
        training_data=training_data,
    )
    incoming = folder.with_name(folder.name + ".incoming")  # a model folder is whole or not there
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir(parents=True)
    _to_onnx(network, config, incoming / ONNX)
    save_file(network.state_dict(), incoming / WEIGHTS)
    (incoming / CONFIG).write_text(config.model_dump_json(indent=2) + "\n")
    (incoming / CARD).write_text(_card(config))
    if folder.exists():
        folder.rmdir()
    incoming.rename(folder)
    return config


def _network(architecture: str, weights: Path | None, arguments: dict[str, Any]) -> torch.nn.Module:
    try:
        network = timm.create_model(architecture, pretrained=weights is None, num_classes=0, **arguments)
    except (RuntimeError, TypeError) as error:
        raise ModelError(f"timm cannot make {architecture!r}: {error}") from error
    if weights is not None:
        try:
            state = {
                name: value.float() if value.is_floating_point() else value
                for name, value in load_file(weights).items()
            }
        except Exception as error:  # safetensors raises its own class for a damaged file
            raise ModelError(f"{printable(weights)} cannot be read as safetensors: {error}") from error
        missing, unexpected = network.load_state_dict(state, strict=False)
        unexpected = [name for name in unexpected if not name.startswith(("classifier.", "head.", "fc."))]
        if missing or unexpected:
            raise ModelError(
                f"{printable(weights)} is not of {architecture}: "
                f"missing {missing[:3]}, unexpected {unexpected[:3]}"
            )
    return network.eval()


def _to_onnx(network: torch.nn.Module, config: ModelConfig, path: Path) -> None:
    width, height = config.input_size
    example = torch.zeros(2, 3, height, width)
    torch.onnx.export(
        network,
        (example,),
        str(path),
        input_names=["image"],
        output_names=["embedding"],
        opset_version=_OPSET,
        dynamo=True,
        external_data=False,
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        verbose=False,
    )


def _card(config: ModelConfig) -> str:
    return f"""---
license: {config.licence}
library_name: hanzaki
pipeline_tag: image-feature-extraction
tags: [hanzaki, {config.architecture}]
---
# {config.name}

Pooled features of `{config.architecture}`: a picture of an animal to {config.embedding_size} numbers, to be
compared by their angle. It was not trained to tell individuals apart.

- Input: {" x ".join(map(str, config.input_size))} pixels, mean {config.mean}, std {config.std}, {config.resize}.
- Training data: {config.training_data}
- Licence of the weights: {config.licence}
"""
