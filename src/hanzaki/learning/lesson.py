"""What a training step computes: the network, what hides a part of its embedding, and the loss that judges it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from hanzaki.learning.config import LossConfig
from hanzaki.learning.losses import LossName, make_loss
from hanzaki.learning.network import EmbeddingNetwork


class Lesson(nn.Module):
    """The network with what it is trained against: images and labels to one number.

    Args:
        network: gives the embeddings.
        config: the loss that judges them, and the share of the embedding that is hidden.
        counts: pictures of each class, from which the margins follow.
    """

    def __init__(self, network: EmbeddingNetwork, config: LossConfig, counts: Sequence[int]) -> None:
        super().__init__()
        self.network, self.loss = network, _loss(config, network.embedding_size, counts)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Mean loss of images (N, 3, H, W) with labels (N,)."""
        value: Tensor = self.loss(self.dropout(self.network(images)), labels)
        return value


def _loss(config: LossConfig, embedding_size: int, counts: Sequence[int]) -> nn.Module:
    options: dict[LossName, dict[str, float]] = {
        "subcentre_arcface": {
            "centres": config.centres,
            "scale": config.scale,
            "margin": config.margin,
            "smallest": config.smallest_margin,
        },
        "arcface": {"scale": config.scale, "margin": config.margin},
        "softmax": {},
        "triplet": {"margin": config.margin},
    }
    return make_loss(config.kind, embedding_size, counts, **options[config.kind])
