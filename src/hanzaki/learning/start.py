"""The network that a training run begins with: of an architecture's name, of weights, or of a finished model."""

from __future__ import annotations

from pathlib import Path

from hanzaki.errors import ModelError, printable
from hanzaki.learning.config import PREPROCESSING, Beginning, EmbedderConfig, NetworkConfig
from hanzaki.learning.network import EmbeddingNetwork, Pooling
from hanzaki.learning.weights import adapted, load_strictly, read_network, read_state
from hanzaki.vision.model import ModelConfig, find_model

_CLASSIFIERS = ("classifier.", "head.", "fc.")


def starting_network(config: EmbedderConfig) -> tuple[EmbeddingNetwork, ModelConfig]:
    """The network to train, and how pictures are prepared for it.

    A model to go on from (``network.start``) brings its shape and its preprocessing along; of the latter only what
    the config says by name is changed.

    Raises:
        ModelError: if the architecture, the weights or the model cannot be used.
    """
    wanted = config.network
    named = {"name": config.name, "licence": config.licence, "calibration": None, "labels": None}
    network, brought = starting_embedding(wanted)
    if brought is not None:
        changed = {key: getattr(wanted, key) for key in PREPROCESSING & wanted.model_fields_set}
        return network, brought.model_copy(update=named | changed)
    look = ModelConfig(
        task="embed",
        architecture=wanted.backbone,
        embedding_size=network.embedding_size,
        **{key: getattr(wanted, key) for key in PREPROCESSING},
        **named,
    )
    return network, look


def starting_embedding(wanted: NetworkConfig) -> tuple[EmbeddingNetwork, ModelConfig | None]:
    """The embedding network that a training begins with, and what the model that it goes on from says of itself.

    Returns:
        the network; and the config of ``network.start``, None where the network is built anew.

    Raises:
        ModelError: if the architecture, the weights or the model cannot be used.
    """
    if wanted.start is not None:
        return _from_model(find_model(wanted.start), wanted.pooling)
    fetched = wanted.pretrained and wanted.weights is None
    network = EmbeddingNetwork(wanted.backbone, wanted.pooling, pretrained=fetched, arguments=wanted.arguments)
    if wanted.weights is not None:
        state = adapted(network.backbone, read_state(wanted.weights))
        heads = tuple(key.removeprefix("backbone.") for key in network.head_keys) + _CLASSIFIERS
        load_strictly(network.backbone, state, wanted.weights, lambda name: name.startswith(heads))
    return network, None


def base_name(wanted: Beginning) -> str | None:
    """Where a training begins, in a few words, for the model card, which names no folder of this machine."""
    if wanted.start is not None:
        return wanted.start.name if wanted.start.name != "model" else wanted.start.parent.name
    if wanted.weights is not None:
        return f"{wanted.weights.stem} ({wanted.backbone})"
    return f"timm's weights of {wanted.backbone}" if wanted.pretrained else None


def _from_model(start: Path, pooling: Pooling) -> tuple[EmbeddingNetwork, ModelConfig]:
    network, look = read_network(start)
    if isinstance(network, EmbeddingNetwork):
        return network, look
    recipe = getattr(network, "recipe", {})
    if "timm" not in recipe:
        raise ModelError(f"{printable(start)} is not an embedding model; name one that is")
    arguments = {key: value for key, value in recipe["arguments"].items() if key != "num_classes"}
    wrapped = EmbeddingNetwork(recipe["timm"], pooling, arguments=arguments)
    load_strictly(
        wrapped.backbone, network.state_dict(), start, lambda name: f"backbone.{name}" in wrapped.head_keys
    )
    return wrapped, look.model_copy(update={"embedding_size": wrapped.embedding_size})
