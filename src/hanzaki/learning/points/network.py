"""The network that describes a patch, and what it learns by."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class PatchNetwork(nn.Module):
    """HardNet's and L2-Net's layers (Mishchuk et al. 2017, Tian et al. 2017) at half their width.

    Six 3 x 3 convolutions, twice halving, and one that sees all that is left. Each patch is standardised by its
    own mean and deviation, so that light and contrast are no part of what is described.

    Args:
        patch: side of a patch in pixels, a multiple of 4.
        width: channels of the first two layers.
        size: length of the vectors.
    """

    def __init__(self, patch: int = 32, width: int = 16, size: int = 128) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_layer(1, width),
            *_layer(width, width),
            *_layer(width, 2 * width, stride=2),
            *_layer(2 * width, 2 * width),
            *_layer(2 * width, 4 * width, stride=2),
            *_layer(4 * width, 4 * width),
            nn.Dropout(0.1),
            nn.Conv2d(4 * width, size, patch // 4, bias=False),
            nn.BatchNorm2d(size, affine=False),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.orthogonal_(module.weight, 0.6)

    def forward(self, patches: Tensor) -> Tensor:
        """Patches, float32 (N, 1, patch, patch), 0 to 255, to vectors of length one, (N, size)."""
        mean = patches.mean((1, 2, 3), keepdim=True)
        deviation = (patches - mean).square().mean((1, 2, 3), keepdim=True).sqrt() + 1e-3
        features = self.layers((patches - mean) / deviation)
        return functional.normalize(features.float().flatten(1), dim=1)


def _layer(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(outputs, affine=False), nn.ReLU()]


def contrastive_loss(
    one: Tensor, other: Tensor, individuals: Tensor, places: Tensor, *, scale: float = 20.0, near: float = 0.25
) -> tuple[Tensor, Tensor]:
    """Each point's partner must be told from all others of the batch (InfoNCE, van den Oord et al. 2018, eq. 4).

    Two points of one individual that lie near each other show much the same, and are no strangers.

    Args:
        one: (N, D), vectors of length one.
        other: (N, D), of the same places in other photographs.
        individuals: (N,).
        places: (N, 2), on the skin.
        scale: of the cosines.
        near: how near counts as near.

    Returns:
        the loss, and the share of points whose partner is the most alike of all.
    """
    neighbours = (individuals[:, None] == individuals) & (torch.cdist(places, places) < near)
    neighbours = neighbours.fill_diagonal_(fill_value=False)
    alike = (scale * one @ other.T).masked_fill(neighbours, -1e4)
    own = torch.arange(len(one), device=one.device)
    loss = (functional.cross_entropy(alike, own) + functional.cross_entropy(alike.T, own)) / 2
    return loss, (alike.argmax(dim=1) == own).float().mean()
