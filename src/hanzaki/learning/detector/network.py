"""The detection network: a timm backbone, a feature pyramid and the head of FCOS.

Every place of every level of the pyramid says whether the middle of something is near, what it is, and how far its
four sides are (Tian et al. 2019, FCOS: fully convolutional one-stage object detection). Pyramid, head, assignment
of boxes to places and losses are torchvision's.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Self, cast

import torch
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.fcos import FCOS, FCOSHead
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from hanzaki.errors import ModelError
from hanzaki.learning.network import make_backbone

#: Pixels of the input that a place of each level of the pyramid stands for; the backbone gives the first three.
STRIDES = (8, 16, 32, 64)

#: The key of a recipe under which a detector's shape stands: how detectors are told from embedders.
RECIPE_KIND = "detector"

_GROUPS = 32  # of the head's group normalisation


class DetectionNetwork(nn.Module):
    """timm backbone, feature pyramid, FCOS head: an image to boxes and their scores.

    Args:
        backbone: timm's name of the architecture; it must have features of strides 8, 16 and 32.
        labels: how many kinds of things it tells apart.
        channels: of the pyramid, a multiple of 32.
        convolutions: of each branch of the head, before its last.
        levels: of the pyramid: 3 ends with stride 32, 4 with stride 64, for what fills the picture.
        pretrained: start from timm's own weights, which it fetches.
        arguments: further ones of ``timm.create_model``.

    Attributes:
        shape: what it was made with.
        backbone: timm's module, less what stands behind its last features.
        still_norms: whether the backbone's batch norms keep their means and variances in training too.

    Raises:
        ModelError: if timm cannot make the backbone, or it has no such features.
    """

    center_sampling_radius = 1.5  # strides from a box's middle within which a place answers for it: torchvision's

    def __init__(
        self,
        backbone: str,
        labels: int,
        channels: int = 64,
        convolutions: int = 2,
        levels: int = 4,
        *,
        pretrained: bool = False,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.still_norms = False
        shape = {"labels": labels, "channels": channels, "convolutions": convolutions, "levels": levels}
        self.shape: dict[str, Any] = {"backbone": backbone, **shape, "arguments": dict(arguments or {})}
        if channels % _GROUPS:
            raise ModelError(f"the pyramid has {channels} channels; it takes a multiple of {_GROUPS}")
        self.backbone = make_backbone(backbone, pretrained=pretrained, **(arguments or {}))
        self._stages, widths = _features(self.backbone, backbone)
        last = LastLevelMaxPool() if levels > len(widths) else None
        self.neck = FeaturePyramidNetwork(widths, channels, last)
        self.head = FCOSHead(channels, 1, labels, convolutions)
        strides = STRIDES[:levels]
        self.anchors = AnchorGenerator(tuple((stride,) for stride in strides), ((1.0,),) * levels)

    @property
    def recipe(self) -> dict[str, Any]:
        """What goes with its weights: ``DetectionNetwork(**recipe["detector"])`` makes another of its shape."""
        return {RECIPE_KIND: {**self.shape, "arguments": dict(self.shape["arguments"])}}

    def train(self, mode: bool = True) -> Self:
        """As any module's; the backbone's batch norms may stay as they are, for batches of detectors are small."""
        super().train(mode)
        if self.still_norms:
            for module in self.backbone.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes and scores of every place, before any is left out.

        Args:
            images: (N, 3, H, W), normalised as the model's config says; H and W are multiples of 32.

        Returns:
            float32 (N, places, 4), x1 y1 x2 y2 in pixels of the input, and (N, places, labels), the geometric mean
            of what a place says of its class and of its nearness to the middle (FCOS, section 3.3).
        """
        answers, places, _ = self._answers(images)
        boxes = self.head.box_coder.decode(answers["bbox_regression"].float(), places)
        scores = torch.sqrt(answers["cls_logits"].float().sigmoid() * answers["bbox_ctrness"].float().sigmoid())
        return boxes, scores

    def loss(self, images: Tensor, boxes: Tensor) -> Tensor:
        """How wrong it is: focal loss of the classes, generalised IoU of the boxes, and nearness to their middle.

        Args:
            images: as :meth:`forward` takes them.
            boxes: (N, M, 5), x1 y1 x2 y2 and the number of the label; a row whose label is negative is none.

        Returns:
            the sum of the three, each a mean over the places that answer for a box.
        """
        answers, places, counts = self._answers(images)
        answers = {name: value.float() for name, value in answers.items()}
        targets = []
        for some in boxes:
            there = some[some[:, 4] >= 0]
            targets.append({"boxes": there[:, :4], "labels": there[:, 4].long()})
        # the library's assignment asks nothing of its detector but the head and the radius, which this one has too
        losses = cast(Any, FCOS).compute_loss(self, targets, answers, [places] * len(boxes), counts)
        total: Tensor = sum(losses.values(), torch.zeros((), device=images.device))
        return total

    def _answers(self, images: Tensor) -> tuple[dict[str, Tensor], Tensor, list[int]]:
        """What the head says, the square of each place (places, 4), and how many places each level has."""
        found = self.backbone.forward_intermediates(images, indices=self._stages, intermediates_only=True)  # type: ignore[operator]
        pyramid = list(self.neck(OrderedDict((str(level), one) for level, one in enumerate(found))).values())
        sizes = [(images.shape[-2], images.shape[-1])]
        places = self.anchors(ImageList(images[:1], sizes), pyramid)[0]
        counts = [level.shape[-2] * level.shape[-1] for level in pyramid]
        return self.head(pyramid), places, counts


def _features(backbone: nn.Module, name: str) -> tuple[list[int], list[int]]:
    """The stages of a timm backbone that have the pyramid's strides, and their widths; what is behind goes."""
    info = list(getattr(backbone, "feature_info", []))
    strides, widths = [one["reduction"] for one in info], [one["num_chs"] for one in info]
    stages = [len(strides) - 1 - strides[::-1].index(stride) for stride in STRIDES[:3] if stride in strides]
    if len(stages) < 3 or not hasattr(backbone, "forward_intermediates"):
        raise ModelError(f"{name} has no features of strides 8, 16 and 32; take a convolutional architecture")
    backbone.prune_intermediate_layers(stages, prune_norm=True, prune_head=True)  # type: ignore[operator]
    return stages, [widths[stage] for stage in stages]
