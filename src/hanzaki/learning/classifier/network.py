"""The classification network: an embedding network, dropout, and one linear layer of the embedding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from hanzaki.learning.network import EmbeddingNetwork, Pooling

#: The key of a recipe under which a classifier's shape stands: how classifiers are told from embedders.
RECIPE_KIND = "classifier"


class ClassificationNetwork(nn.Module):
    """An image to one logit for each label: backbone, pooling and batch normalisation of an embedder, then a line.

    Args:
        backbone: timm's name of the architecture.
        labels: how many kinds it tells apart.
        pooling: as of :class:`EmbeddingNetwork`.
        dropout: share of the embedding that is hidden from the linear layer in training.
        pretrained: start from timm's own weights, which it fetches.
        arguments: further ones of ``timm.create_model``.

    Attributes:
        embedding: the embedding network.
        head: the linear layer, (labels, embedding_size).

    Raises:
        ModelError: if timm cannot make the backbone, or it has no class token to take.
    """

    def __init__(
        self,
        backbone: str,
        labels: int,
        pooling: Pooling = "avg",
        dropout: float = 0.0,
        *,
        pretrained: bool = False,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.embedding = EmbeddingNetwork(backbone, pooling, pretrained=pretrained, arguments=arguments)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.embedding.embedding_size, labels)

    @property
    def backbone(self) -> nn.Module:
        """The module of timm."""
        return self.embedding.backbone

    @property
    def recipe(self) -> dict[str, Any]:
        """What goes with its weights: ``ClassificationNetwork(**recipe["classifier"])`` makes another like it."""
        return {RECIPE_KIND: {**self.embedding.recipe, "labels": self.head.out_features}}

    def forward(self, images: Tensor) -> Tensor:
        """From images (N, 3, H, W), normalised as the model's config says, to logits (N, labels)."""
        logits: Tensor = self.head(self.dropout(self.embedding(images)))
        return logits
