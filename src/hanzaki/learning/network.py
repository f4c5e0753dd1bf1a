"""The embedding network: a timm backbone, a pooling and a batch normalisation.

The shape is MiewID's (Otarashvili et al. 2024, appendix: "Final layer: GeM pooling + BatchNorm"), and so are the
names in the state dict: ``backbone.*``, ``pooling.p``, ``bn.*``. Weights of either load into the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import timm
import torch
from torch import Tensor, nn

from hanzaki.errors import ModelError

Pooling = Literal["gem", "token", "avg"]

# what timm hangs behind ``forward_features`` and what would travel along as dead weight, under timm's names for it
_HEADS = ("classifier", "head", "head_dist", "fc", "fc_norm", "attn_pool")
# these stand behind it only where the head has hidden layers of its own (MobileNetV3 and V4, not EfficientNet)
_HIDDEN_HEADS = ("conv_head", "norm_head")


class GeM(nn.Module):
    """Generalised mean over all places of a feature map, ``mean(x^p)^(1/p)``, with p learned.

    Radenović, Tolias and Chum 2018, equation 3. It is computed in float32 whatever comes in: cubes of activations
    over 40 leave the range of float16.

    Args:
        p: to start from; 1 is the mean, infinity the maximum.
        eps: the least value that counts, since powers of negative numbers do not.
    """

    def __init__(self, p: float = 3.0, eps: float = 1e-6) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.full((1,), p))
        self.eps = eps

    def forward(self, features: Tensor) -> Tensor:
        """From (N, C, places) to (N, C)."""
        p = self.p.float()
        powers: Tensor = features.float().clamp(min=self.eps).pow(p)
        return powers.mean(-1).pow(1 / p)

    def parts(self, features: Tensor) -> Tensor:
        """What each place gives to the pooled value, (N, C, places): its share of the sum of powers.

        Their sum over the places is what :meth:`forward` gives.
        """
        values = features.float().clamp(min=self.eps)
        powers = (values / values.amax(-1, keepdim=True)).pow(self.p.float())  # of small values none is left else
        parts: Tensor = powers / powers.sum(-1, keepdim=True) * self(features).unsqueeze(-1)
        return parts

    def slope(self, features: Tensor) -> Tensor:
        """The pooled value's gradient by its places, averaged over these: (N, C)."""
        p, values = self.p.float(), features.float()
        # (A / z)^(p - 1) and not A^(p - 1) z^(1 - p): of these two one overflows where the other vanishes
        ratio = values.clamp(min=self.eps) / self(features).unsqueeze(-1).clamp(min=self.eps)
        steep: Tensor = ratio.pow(p - 1) * (values >= self.eps)
        return steep.mean(-1) / features.shape[-1]


class Average(nn.Module):
    """Mean over all places of a feature map, in float32."""

    def forward(self, features: Tensor) -> Tensor:
        """From (N, C, places) to (N, C)."""
        return features.float().mean(-1)

    def parts(self, features: Tensor) -> Tensor:
        """What each place gives to the mean, (N, C, places)."""
        return features.float() / features.shape[-1]

    def slope(self, features: Tensor) -> Tensor:
        """The mean's gradient by its places, which is one over their number: (1, C)."""
        return features.new_full((1, features.shape[1]), 1 / features.shape[-1], dtype=torch.float32)


class Token(nn.Module):
    """A transformer's class token, which timm puts before all others."""

    def forward(self, features: Tensor) -> Tensor:
        """From (N, C, tokens) to (N, C)."""
        return features[..., 0].float()


class EmbeddingNetwork(nn.Module):
    """timm backbone, ``forward_features``, pooling, BatchNorm1d: an image to an embedding.

    Args:
        backbone: timm's name of the architecture.
        pooling: ``gem`` or ``avg`` over the feature map (or a transformer's patch tokens), or its class ``token``.
        pretrained: start from timm's own weights, which it fetches.
        arguments: further ones of ``timm.create_model``, ``img_size`` for instance.

    Attributes:
        backbone: timm's module, less the head that ``forward_features`` never reaches.
        embedding_size: length of the embeddings.
        head_keys: names that the removed head would have in the state dict.

    Raises:
        ModelError: if timm cannot make the backbone, or it has no class token to take.
    """

    def __init__(
        self,
        backbone: str,
        pooling: Pooling = "gem",
        *,
        pretrained: bool = False,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._recipe: dict[str, Any] = {
            "backbone": backbone,
            "pooling": pooling,
            "arguments": dict(arguments or {}),
        }
        self.backbone = make_backbone(backbone, pretrained=pretrained, **(arguments or {}))
        if pooling == "token" and getattr(self.backbone, "cls_token", None) is None:
            raise ModelError(f"{backbone} has no class token; take pooling 'gem' or 'avg'")
        self.head_keys = frozenset(f"backbone.{name}" for name in _behead(self.backbone))
        self.embedding_size: int = self.backbone.num_features  # type: ignore[assignment]  # timm's modules are untyped
        poolings: dict[Pooling, type[nn.Module]] = {"gem": GeM, "avg": Average, "token": Token}
        self.pooling = poolings[pooling]()
        self.bn = nn.BatchNorm1d(self.embedding_size)
        self._prefix = 0 if pooling == "token" else int(getattr(self.backbone, "num_prefix_tokens", 0))

    @property
    def recipe(self) -> dict[str, Any]:
        """What it was made with: ``EmbeddingNetwork(**recipe)`` makes another of the same shape."""
        return {**self._recipe, "arguments": dict(self._recipe["arguments"])}

    def forward(self, images: Tensor) -> Tensor:
        """Embed images.

        Args:
            images: (N, 3, H, W), normalised as the model's config says.

        Returns:
            (N, embedding_size), not of length one.
        """
        return self.embed(self.features(images).flatten(2))

    def embed(self, features: Tensor) -> Tensor:
        """From features (N, C, places) to embeddings (N, C)."""
        embeddings: Tensor = self.bn(self.pooling(features).to(self.bn.weight.dtype))
        return embeddings

    def features(self, images: Tensor) -> Tensor:
        """What is pooled: a feature map (N, C, h, w), or a transformer's tokens (N, C, places).

        Tokens before the patches are left out of means.
        """
        features = feature_map(self.backbone, images, self._prefix)
        if features.shape[1] != self.embedding_size:
            raise ModelError(f"{self._recipe['backbone']} gives features of a form that is not known here")
        return features


def feature_map(backbone: nn.Module, images: Tensor, prefix: int = 0) -> Tensor:
    """What a timm network's last layer before pooling gives, channels first.

    Args:
        backbone: of timm.
        images: (N, 3, H, W).
        prefix: tokens before the patches' that are left out.

    Returns:
        (N, C, h, w), or (N, C, places) where it gives tokens.
    """
    features: Tensor = backbone.forward_features(images)  # type: ignore[operator]  # timm's modules are untyped
    if features.ndim == 3:
        return features[:, prefix:].transpose(1, 2)
    if str(getattr(backbone, "output_fmt", "NCHW")) == "NHWC":
        return features.permute(0, 3, 1, 2)
    return features


def make_backbone(architecture: str, *, pretrained: bool = False, **arguments: Any) -> nn.Module:
    """A timm network, with what it was made of as its ``recipe``, which :func:`from_recipe` takes.

    Raises:
        ModelError: if timm does not know it, does not take the arguments, or cannot fetch its weights.
    """
    try:
        network: nn.Module = timm.create_model(architecture, pretrained=pretrained, **arguments)
    except (RuntimeError, TypeError, ValueError, AssertionError, OSError) as error:
        raise ModelError(f"timm cannot make {architecture!r}: {error}") from error
    vars(network)["recipe"] = {"timm": architecture, "arguments": arguments}  # past torch's __setattr__: no tensor
    return network


def from_recipe(recipe: Mapping[str, Any]) -> nn.Module:
    """The network that a recipe makes, with random weights.

    Args:
        recipe: of an :class:`EmbeddingNetwork`, of a classification network, or of :func:`make_backbone`.

    Raises:
        ModelError: if it is no recipe that is known here.
    """
    from hanzaki.learning.classifier.network import RECIPE_KIND, ClassificationNetwork  # which is made of ours

    try:
        if "timm" in recipe:
            return make_backbone(recipe["timm"], **recipe["arguments"])
        if RECIPE_KIND in recipe:
            return ClassificationNetwork(**recipe[RECIPE_KIND])
        return EmbeddingNetwork(**recipe)
    except (TypeError, KeyError) as error:
        raise ModelError(f"a network's recipe is not understood, is it of a newer hanzaki? ({error})") from error


def embedding_size(network: nn.Module) -> int:
    """Length of what a network gives: one of ours, or timm's without classifier."""
    # MobileNetV3's and V4's heads widen the features once more after pooling them
    widths = (getattr(network, name, None) for name in ("embedding_size", "head_hidden_size", "num_features"))
    return int(next(width for width in widths if width is not None))


def _behead(backbone: nn.Module) -> set[str]:
    """Take away what stands behind ``forward_features``; gives the names of the state that went."""
    before = set(backbone.state_dict())
    hidden = getattr(backbone, "head_hidden_size", None) not in (None, backbone.num_features)
    for name in _HEADS + (_HIDDEN_HEADS if hidden else ()):
        if isinstance(getattr(backbone, name, None), nn.Module):
            setattr(backbone, name, nn.Identity())
    return before - set(backbone.state_dict())
