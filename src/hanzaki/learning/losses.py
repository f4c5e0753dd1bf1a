"""What an embedding network is trained against: sub-centre ArcFace with dynamic margins, and three plainer ones.

Every loss here is a module that takes embeddings and labels to one number, computes in float32 (autocast or not),
and stays finite in value and gradient.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from hanzaki.errors import SettingError

LossName = Literal["subcentre_arcface", "arcface", "softmax", "triplet"]

# below this sine squared an angle is taken as straight: float32 cosines cannot tell it from one
_STRAIGHT = 1e-7


def dynamic_margins(counts: Sequence[int], margin: float = 0.5, smallest: float = 0.2) -> Tensor:
    """A margin for each class, the larger the fewer images it has.

    ``n^(-1/4)``, min-max scaled to [smallest, margin] (Ha et al. 2020, section 3.3, with the exponent of MiewID).
    Where all classes have the same count there is nothing to scale: all get ``margin``.

    Args:
        counts: images of each class.
        margin: of the rarest class, in radians.
        smallest: margin of the commonest, in radians.

    Returns:
        float32 (classes,), in radians.

    Raises:
        SettingError: if a class has no image, or the margins are not 0 <= smallest <= margin < pi.
    """
    if not counts or min(counts) < 1:
        raise SettingError("dynamic margins need at least one image of every class")
    if not 0 <= smallest <= margin < math.pi:
        raise SettingError(f"margins go from 0 to pi and upwards, not from {smallest} to {margin}")
    # once for each distinct count: a vectorised power differs in its last digit from lane to lane, and the scaling
    # would blow that up to the whole range
    distinct, of_class = torch.unique(torch.tensor(counts), return_inverse=True)
    rarity = distinct.double().pow(-0.25)
    low, high = rarity.min(), rarity.max()
    share = (rarity - low) / (high - low) if len(distinct) > 1 else torch.ones_like(rarity)
    return (smallest + share * (margin - smallest)).float()[of_class]


class SubCentreArcFace(nn.Module):
    r"""Cross-entropy over angles to k centres a class, the true class held back by a margin.

    Deng et al. 2020 (sub-centre ArcFace): a class is as near as the nearest of its k centres, so that a few odd
    views or wrong labels settle at a centre of their own. The true class's logit is :math:`s \cos(\theta + m_y)`
    (Deng et al. 2022, equation 3), every other one's :math:`s \cos\theta`.

    Where :math:`\theta + m > \pi` the cosine would rise again and reward being further off. There the logit is
    :math:`s (\cos\theta - m \sin m)`, which goes on falling, as in the authors' code and in
    pytorch-metric-learning's ``ArcFaceLoss``, the oracle of the tests; it drops by a small step at
    :math:`\theta = \pi - m`. :math:`\sin\theta` is computed as :math:`\sqrt{(1 - c)(1 + c)}`, held off zero, so
    that cosines of exactly ±1 give no infinite gradient (they do in MiewID's code, and in the oracle's ``acos``).

    Args:
        embedding_size: length of the embeddings.
        margins: float (classes,), in radians; :func:`dynamic_margins` makes them.
        centres: k; the paper's is 3.
        scale: s; the MiewID paper's is 51.5.

    Attributes:
        weight: (classes * centres, embedding_size), the centres of one class side by side, as MiewID keeps them.
    """

    margins: Tensor

    def __init__(
        self, embedding_size: int, margins: Tensor | Sequence[float], centres: int = 3, scale: float = 51.5
    ) -> None:
        super().__init__()
        margins = torch.as_tensor(margins, dtype=torch.float32)
        self.centres = centres
        self.scale = scale
        self.weight = nn.Parameter(torch.empty(len(margins) * centres, embedding_size))
        nn.init.xavier_uniform_(self.weight)
        self.register_buffer("margins", margins)

    def cosines(self, embeddings: Tensor) -> Tensor:
        """(N, embedding_size) to (N, classes): to the nearest of each class's centres, from -1 to 1."""
        embeddings, weight = _at_least_float32(embeddings), _at_least_float32(self.weight)
        with torch.autocast(embeddings.device.type, enabled=False):  # it would take the product back to half
            cosines = functional.linear(
                functional.normalize(embeddings), functional.normalize(weight).to(embeddings.dtype)
            )
        by_class = cosines.view(-1, len(self.margins), self.centres)
        return by_class.amax(2).clamp(-1, 1)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Mean loss of (N, embedding_size) with labels (N,)."""
        cosines = self.cosines(embeddings)
        true = cosines.gather(1, labels[:, None])
        held_back = _with_margin(true, self.margins[labels, None].to(true.dtype))
        return functional.cross_entropy(self.scale * cosines.scatter(1, labels[:, None], held_back), labels)


class ArcFace(SubCentreArcFace):
    """Plain ArcFace (Deng et al. 2022): one centre a class, one margin for all; else as :class:`SubCentreArcFace`.

    Args:
        embedding_size: length of the embeddings.
        classes: how many.
        margin: in radians.
        scale: s.
    """

    def __init__(self, embedding_size: int, classes: int, margin: float = 0.5, scale: float = 51.5) -> None:
        super().__init__(embedding_size, torch.full((classes,), margin), centres=1, scale=scale)


class Softmax(nn.Module):
    """Cross-entropy behind one linear layer, as a classifier is trained.

    Args:
        embedding_size: length of the embeddings.
        classes: how many.
    """

    def __init__(self, embedding_size: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(embedding_size, classes)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Mean loss of (N, embedding_size) with labels (N,)."""
        with torch.autocast(embeddings.device.type, enabled=False):
            logits = functional.linear(
                _at_least_float32(embeddings), *map(_at_least_float32, (self.linear.weight, self.linear.bias))
            )
        return functional.cross_entropy(logits, labels)


class BatchHardTriplet(nn.Module):
    """For each image, the farthest of its own class against the nearest of another (Hermans et al. 2017, eq. 5).

    Distances are Euclidean between embeddings of length one, since a catalogue is searched by cosine. Images with
    no partner of their class in the batch, or none of another, count for nothing; a batch of only such gives 0.

    Args:
        margin: by how much the other class is to be farther away.
    """

    def __init__(self, margin: float = 0.3) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Mean loss of (N, embedding_size) with labels (N,)."""
        vectors = functional.normalize(_at_least_float32(embeddings))
        with torch.autocast(vectors.device.type, enabled=False):
            squared = 2 - 2 * vectors @ vectors.T
        distances = squared.clamp(min=_STRAIGHT).sqrt()  # the root has an infinite gradient at 0
        same = labels[:, None] == labels[None, :]
        partners = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
        farthest = distances.masked_fill(~partners, -torch.inf).amax(1)
        nearest = distances.masked_fill(same, torch.inf).amin(1)
        counts = partners.any(1) & (~same).any(1)
        losses = (farthest[counts] - nearest[counts] + self.margin).relu()
        return losses.sum() / max(1, len(losses))


def make_loss(name: LossName, embedding_size: int, counts: Sequence[int], **options: Any) -> nn.Module:
    """The loss of a training config.

    Args:
        name: which.
        embedding_size: length of the embeddings.
        counts: images of each class; the labels are places in it.
        options: of the loss (``margin``, ``scale``, ``centres``, and ``smallest`` of :func:`dynamic_margins`).

    Raises:
        SettingError: if there is no such loss, or it does not take the options.
    """
    try:
        match name:
            case "subcentre_arcface":
                bounds = {key: options.pop(key) for key in ("margin", "smallest") if key in options}
                return SubCentreArcFace(embedding_size, dynamic_margins(counts, **bounds), **options)
            case "arcface":
                return ArcFace(embedding_size, len(counts), **options)
            case "softmax":
                return Softmax(embedding_size, len(counts), **options)
            case "triplet":
                return BatchHardTriplet(**options)
    except TypeError as error:
        raise SettingError(f"the loss {name} does not take these options: {error}") from error
    raise SettingError(f"there is no loss {name!r}; there are subcentre_arcface, arcface, softmax and triplet")


def _with_margin(cosines: Tensor, margins: Tensor) -> Tensor:
    """cos(theta + m), and cos(theta) - m sin(m) where theta + m > pi; both (N, 1)."""
    sines = ((1 - cosines) * (1 + cosines)).clamp(min=_STRAIGHT).sqrt()
    turned = cosines * margins.cos() - sines * margins.sin()
    return torch.where(cosines >= -margins.cos(), turned, cosines - margins * margins.sin())


def _at_least_float32(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))
