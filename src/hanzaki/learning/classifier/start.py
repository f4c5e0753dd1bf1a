"""The network that a classifier's training begins with."""

from __future__ import annotations

from collections.abc import Sequence

from hanzaki.learning.classifier.config import ClassifierTraining, NetworkConfig
from hanzaki.learning.classifier.network import RECIPE_KIND, ClassificationNetwork
from hanzaki.learning.config import PREPROCESSING
from hanzaki.learning.start import starting_embedding
from hanzaki.learning.weights import load_strictly, read_recipe
from hanzaki.vision.model import WEIGHTS, ClassifierConfig, CropConfig, find_model, load_any_model


def starting_classifier(
    config: ClassifierTraining, labels: Sequence[str]
) -> tuple[ClassificationNetwork, ClassifierConfig]:
    """The network to train, and how pictures are prepared for it.

    A model to go on from (``network.start``) brings its shape and its preprocessing along, of which only what the
    config says by name is changed: an embedder its backbone, pooling and normalisation; a classifier also its last
    layer, where it tells the same labels of the same column.

    Raises:
        ModelError: if the architecture, the weights or the model cannot be used.
    """
    wanted = config.network
    network, brought = _from_classifier(config, labels) if _starts_at_classifier(wanted) else _new(config, labels)
    look = {
        key: getattr(wanted if brought is None or key in wanted.model_fields_set else brought, key)
        for key in PREPROCESSING
    }
    return network, ClassifierConfig(
        task="classify",
        name=config.name,
        licence=config.licence,
        architecture=str(network.embedding.recipe["backbone"]),
        label=config.data.label,
        labels=list(labels),
        **look,
    )


def _starts_at_classifier(wanted: NetworkConfig) -> bool:
    return wanted.start is not None and isinstance(
        load_any_model(find_model(wanted.start)).config, ClassifierConfig
    )


def _new(config: ClassifierTraining, labels: Sequence[str]) -> tuple[ClassificationNetwork, CropConfig | None]:
    wanted = config.network
    embedding, brought = starting_embedding(wanted)
    shape = embedding.recipe
    network = ClassificationNetwork(
        shape["backbone"], len(labels), shape["pooling"], wanted.dropout, arguments=shape["arguments"]
    )
    network.embedding = embedding
    return network, brought


def _from_classifier(
    config: ClassifierTraining, labels: Sequence[str]
) -> tuple[ClassificationNetwork, CropConfig | None]:
    assert config.network.start is not None
    start = find_model(config.network.start)
    brought = load_any_model(start).config
    assert isinstance(brought, ClassifierConfig)
    recipe, state = read_recipe(start)
    shape = recipe[RECIPE_KIND] | {"labels": len(labels)}
    network = ClassificationNetwork(**shape, dropout=config.network.dropout)
    if (brought.label, brought.labels) != (config.data.label, list(labels)):
        state |= {name: value for name, value in network.state_dict().items() if name.startswith("head.")}
    load_strictly(network, state, start / WEIGHTS)
    return network, brought
