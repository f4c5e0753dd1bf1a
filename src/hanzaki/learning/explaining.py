"""Networks that also say why, in the very graph that is exported: a second output beside the first.

Of an embedder it is what each place of the feature map gives to the embedding; of a classifier it is Grad-CAM
(Selvaraju et al. 2017, equations 1 and 2, before the ReLU). A mean or GeM, a batch normalisation and a linear
layer have their gradient in closed form, so that whoever runs the graph needs no torch and pays next to nothing.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hanzaki.learning.classifier.network import ClassificationNetwork
from hanzaki.learning.network import Average, EmbeddingNetwork, GeM, feature_map
from hanzaki.vision.classifier import LOGITS, MAPS
from hanzaki.vision.embedder import EMBEDDING, PLACES

_LOOSENESS = 1e-4  # most that places may miss a timm network's own pooling by, as a share of its largest number


class PlacesOfEmbedding(nn.Module):
    """An embedder that also gives ``places``, (N, D, h, w): their sum over h and w is the embedding.

    The mean of the feature map is linear in its places; of GeM each place has its share of the mean of powers; the
    shift of the batch normalisation is nobody's and is shared equally.

    Args:
        network: with a pooling of places.
    """

    outputs = (EMBEDDING, PLACES)

    def __init__(self, network: EmbeddingNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """From (N, 3, H, W) to (N, D) and (N, D, h, w)."""
        features = self.network.features(images)
        grid, flat = _grid(self.network.backbone, features), features.flatten(2)
        scale, shift = _affine(self.network.bn)
        parts: Tensor = self.network.pooling.parts(flat)  # type: ignore[operator]  # of GeM and of Average
        places = parts * scale[:, None] + (shift / flat.shape[-1])[:, None]
        return self.network.embed(flat), places.reshape(*places.shape[:2], *grid)


class MapsOfLabels(nn.Module):
    """A classifier that also gives ``maps``, (N, C, h, w): the Grad-CAM of each label, before its ReLU.

    With the feature map A_k, pooled to z_k, and ``logit_c = sum_k W_ck (s_k z_k + t_k) + b_c``, the weight of k in
    the map of c is ``W_ck s_k mean(dz_k / dA_k)``, the mean being over places.

    Args:
        network: whose embedding has a pooling of places.
    """

    outputs = (LOGITS, MAPS)

    def __init__(self, network: ClassificationNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """From (N, 3, H, W) to (N, C) and (N, C, h, w)."""
        embedding = self.network.embedding
        features = embedding.features(images)
        grid, flat = _grid(embedding.backbone, features), features.flatten(2)
        scale, _ = _affine(embedding.bn)
        slope: Tensor = embedding.pooling.slope(flat)  # type: ignore[operator]  # of GeM and of Average
        maps = self.network.head.weight @ (flat * (slope * scale)[..., None])
        return self.network.head(embedding.embed(flat)), maps.reshape(*maps.shape[:2], *grid)


class PlacesOfMean(nn.Module):
    """A timm network whose own pooling is the plain mean, with its ``places``.

    Args:
        network: without a classifier (``num_classes=0``).
    """

    outputs = (EMBEDDING, PLACES)

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """From (N, 3, H, W) to (N, D) and (N, D, h, w)."""
        features = feature_map(self.network, images)
        # channels go back to where timm's own head looks for them
        native = features if _channels_first(self.network) else features.permute(0, 2, 3, 1)
        return self.network.forward_head(native), features / (features.shape[-2] * features.shape[-1])


#: A network with two outputs.
Telling = PlacesOfEmbedding | MapsOfLabels | PlacesOfMean


def explained(network: nn.Module, shape: tuple[int, int, int]) -> Telling | None:
    """A network with its second output; None for one of which places cannot be told.

    A class token has looked everywhere, and a head of several layers behind the pooling has mixed the places.

    Args:
        network: an embedder or classifier of ours, or a timm network without classifier; in evaluation mode.
        shape: channels, height and width of its input.
    """
    with torch.inference_mode():
        images = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0))
        embedding = network.embedding if isinstance(network, ClassificationNetwork) else network
        if isinstance(embedding, EmbeddingNetwork):
            pooled = isinstance(embedding.pooling, GeM | Average)
            if not pooled or _side(embedding.backbone, embedding.features(images)) is None:
                return None
            if isinstance(network, ClassificationNetwork):
                return MapsOfLabels(network)
            return PlacesOfEmbedding(embedding)
        return _of_mean(network, images)


def _of_mean(network: nn.Module, images: Tensor) -> PlacesOfMean | None:
    """A timm network with its places, if they do sum to what it gives."""
    if not hasattr(network, "forward_head") or feature_map(network, images).ndim != 4:
        return None
    expected, (given, places) = network(images), PlacesOfMean(network)(images)
    if places.shape[:2] != expected.shape:
        return None
    loose = _LOOSENESS * float(expected.abs().max())
    same = all(torch.allclose(found, expected, rtol=0, atol=loose) for found in (given, places.sum((2, 3))))
    return PlacesOfMean(network) if same else None


def _affine(bn: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """What a batch normalisation multiplies by and adds, (C,) each."""
    assert bn.running_mean is not None
    assert bn.running_var is not None
    scale = bn.weight * (bn.running_var + bn.eps).rsqrt()
    return scale, bn.bias - bn.running_mean * scale


def _grid(backbone: nn.Module, features: Tensor) -> tuple[int, int]:
    """Height and width of what is pooled."""
    side = _side(backbone, features)
    assert side is not None  # explained() has seen to it
    return side


def _side(backbone: nn.Module, features: Tensor) -> tuple[int, int] | None:
    if features.ndim == 4:
        return features.shape[2], features.shape[3]
    height, width = getattr(getattr(backbone, "patch_embed", None), "grid_size", None) or (0, 0)
    return (int(height), int(width)) if height * width == features.shape[-1] else None


def _channels_first(network: nn.Module) -> bool:
    return str(getattr(network, "output_fmt", "NCHW")) != "NHWC"
