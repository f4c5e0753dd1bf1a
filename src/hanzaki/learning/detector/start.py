"""The network that a detector's training begins with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from hanzaki.errors import ModelError, printable
from hanzaki.learning.detector.config import COARSEST, DetectorTraining, NetworkConfig
from hanzaki.learning.detector.network import RECIPE_KIND, STRIDES, DetectionNetwork
from hanzaki.learning.weights import State, adapted, load_strictly, read_recipe, read_state
from hanzaki.vision.model import WEIGHTS, DetectorConfig, ModelConfig, find_model, load_any_model

#: Where the threshold stands until one is chosen on pictures kept aside.
THRESHOLD = 0.3

_CLASSES = ("head.classification_head.cls_logits.weight", "head.classification_head.cls_logits.bias")


def starting_detector(config: DetectorTraining, labels: Sequence[str]) -> tuple[DetectionNetwork, DetectorConfig]:
    """The network to train, and how photographs are prepared for it.

    A detector to go on from (``network.start``) brings its shape, its weights and its preprocessing; where its
    labels are others, the layer that tells them apart begins anew. An embedder brings its backbone, and the
    colours that this is used to.

    Raises:
        ModelError: if the architecture, the weights or the model cannot be used.
    """
    wanted = config.network
    look: dict[str, Any] = {key: getattr(wanted, key) for key in ("input_size", "mean", "std", "padding")}
    if wanted.start is not None:
        network, brought = _from_model(find_model(wanted.start), wanted, labels)
        look |= {key: value for key, value in brought.items() if key not in wanted.model_fields_set}
    else:
        network = _network(
            wanted, labels, wanted.backbone, wanted.arguments, wanted.pretrained and not wanted.weights
        )
        if wanted.weights is not None:
            state = adapted(network.backbone, read_state(wanted.weights))
            _load_backbone(network.backbone, state, wanted.weights)
    network.still_norms = wanted.frozen_norms
    return network, DetectorConfig(
        task="detect",
        name=config.name,
        licence=config.licence,
        architecture=f"{network.shape['backbone']}-fcos",
        labels=list(labels),
        channels="rgb",
        multiple=COARSEST,
        resize="pad",
        interpolation="area",
        layout="boxes",
        strides=list(STRIDES[: network.shape["levels"]]),
        threshold=THRESHOLD,
        overlap=wanted.overlap,
        orientation=config.data.orientation,
        **look,
    )


def _network(
    wanted: NetworkConfig,
    labels: Sequence[str],
    backbone: str,
    arguments: Mapping[str, Any],
    pretrained: bool = False,
) -> DetectionNetwork:
    return DetectionNetwork(
        backbone,
        len(labels),
        wanted.channels,
        wanted.convolutions,
        wanted.levels,
        pretrained=pretrained,
        arguments=arguments,
    )


def _from_model(
    start: Path, wanted: NetworkConfig, labels: Sequence[str]
) -> tuple[DetectionNetwork, dict[str, Any]]:
    config = load_any_model(start).config
    recipe, state = read_recipe(start)
    if isinstance(config, DetectorConfig) and RECIPE_KIND in recipe:
        for key in ("channels", "convolutions", "levels"):
            if key in wanted.model_fields_set and getattr(wanted, key) != recipe[RECIPE_KIND][key]:
                raise ModelError(
                    f"{printable(start)} brings {recipe[RECIPE_KIND][key]} {key}: leave network.{key} out"
                )
        network = DetectionNetwork(**(recipe[RECIPE_KIND] | {"labels": len(labels)}))
        if list(config.labels) != list(labels):
            state |= {name: network.state_dict()[name] for name in _CLASSES}
        load_strictly(network, state, start / WEIGHTS)
        return network, {key: getattr(config, key) for key in ("input_size", "mean", "std", "padding")}
    if isinstance(config, ModelConfig):
        name = str(recipe.get("backbone") or recipe["timm"])
        network = _network(wanted, labels, name, dict(recipe.get("arguments") or {}))
        own = {key.removeprefix("backbone."): value for key, value in state.items() if key.startswith("backbone.")}
        _load_backbone(network.backbone, own or state, start / WEIGHTS)
        return network, {"mean": config.mean, "std": config.std}
    raise ModelError(
        f"{printable(start)} is no detector of hanzaki's own and no embedder; it cannot be gone on from"
    )


def _load_backbone(backbone: nn.Module, state: State, where: Path) -> None:
    """All that the backbone has; what stood behind its last features may be left over."""
    had = {name.partition(".")[0] for name in state} - {name.partition(".")[0] for name in backbone.state_dict()}
    load_strictly(backbone, state, where, lambda name: name.partition(".")[0] in had)
