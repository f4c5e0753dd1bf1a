"""How fast what learns: the rate's course over the epochs, and its share for each part of the network."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import timm.optim
from torch import nn

from hanzaki.learning.config import OptimiserConfig, ScheduleConfig
from hanzaki.learning.network import EmbeddingNetwork

_TIMM_OPTIM: Any = timm.optim  # its functions carry no types


def learning_rate(schedule: ScheduleConfig, epoch: float) -> float:
    """The rate at a moment of the training.

    Linear from ``start`` to ``peak`` over the warm-up, which it takes whole (MiewID's code is through with it at
    half its length), then down by a cosine to zero at the last epoch's end, or by ``factor`` an epoch.

    Args:
        schedule: of the run.
        epoch: passed so far, with fractions.
    """
    if epoch < schedule.warmup_epochs:
        return schedule.start + (schedule.peak - schedule.start) * epoch / schedule.warmup_epochs
    after = epoch - schedule.warmup_epochs
    if schedule.decay == "exponential":
        return schedule.peak * float(schedule.factor**after)
    left = max(schedule.epochs - schedule.warmup_epochs, 1e-9)
    return schedule.peak * 0.5 * (1 + math.cos(math.pi * min(1.0, after / left)))


def parameter_groups(network: EmbeddingNetwork, loss: nn.Module, config: OptimiserConfig) -> list[dict[str, Any]]:
    """What the optimiser moves, in groups with their share of the rate (``lr_scale``).

    With ``layer_decay`` under 1 the backbone's early layers, whose edges and textures serve every species, move
    less than its late ones (layer-wise rate decay, Clark et al. 2020; timm knows each architecture's layers).
    Biases and normalisations are not decayed.
    """
    decay = config.weight_decay
    groups: list[dict[str, Any]] = _TIMM_OPTIM.param_groups_layer_decay(
        network.backbone, weight_decay=decay, layer_decay=config.layer_decay
    )
    head = [*network.pooling.parameters(), *network.bn.parameters()]
    groups.append({"params": head, "weight_decay": 0.0, "lr_scale": 1.0})
    groups.append({"params": list(loss.parameters()), "weight_decay": decay, "lr_scale": config.classes_factor})
    for group in groups:
        group["params"] = [parameter for parameter in group["params"] if parameter.requires_grad]
    return [
        {key: group[key] for key in ("params", "weight_decay", "lr_scale")} for group in groups if group["params"]
    ]


def freeze(network: nn.Module, stages: int) -> list[nn.Module]:
    """Keep the first stages of the backbone as they are.

    Args:
        network: whose backbone's leading children, the members of a sequence of blocks counted singly, stay.
        stages: how many of those that have weights.

    Returns:
        what must stay in evaluation mode, so that running means do not move either.
    """
    frozen = list(_stages(network.backbone))[:stages]  # type: ignore[arg-type]
    for stage in frozen:
        stage.requires_grad_(False)
    return frozen


def _stages(backbone: nn.Module) -> Iterable[nn.Module]:
    for child in backbone.children():
        members = child.children() if isinstance(child, (nn.Sequential, nn.ModuleList)) else (child,)
        yield from (member for member in members if next(member.parameters(), None) is not None)
