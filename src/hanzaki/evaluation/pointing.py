"""Whether a heat map points at what it should: the pointing game, and the share of the heat that lies there.

The pointing game counts how often the hottest place lies on the target (Zhang et al. 2018, Top-down neural
attention by excitation backprop, section 4). The energy-based one asks instead how much of all heat does (Wang et
al. 2020, Score-CAM: score-weighted visual explanations for convolutional neural networks). Here the target is the
dark markings of a head; they cover a good part of it, so that both measures stand beside what chance gives: a heat
that knows where the head is, and nothing of its markings.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.evaluation.resampling import (
    USUAL,
    Floats,
    Interval,
    Resampling,
    interval_of_sums,
    number_individuals,
    quotient,
    sum_by_individual,
)

#: float32 (H, W), not negative.
Heat = npt.NDArray[np.float32]
#: bool (H, W), or float (H, W) from 0 to 1: how much of each pixel belongs to something.
Mask = npt.NDArray[np.bool_] | npt.NDArray[np.floating[Any]]

#: Pixels that the hottest place may lie beside the target in the paper, whose photographs are about 500 wide.
PAPER_TOLERANCE = 15.0

#: Of :class:`Pointing`: what :class:`Pointed` has, and as gains how much more than chance it is.
MEASURES = (
    *("hit", "hit_chance", "share", "share_chance", "on_head", "share_of_head"),
    *("hit_gain", "share_gain", "share_of_head_gain"),
)

_HALF = 0.5  # from here on a pixel that belongs to something in part belongs to it


@dataclass(frozen=True)
class Pointed:
    """Where one heat map points; NaN where there is no heat to speak of.

    Attributes:
        hit: whether the hottest place lies on the target, 1 or 0; of several that are equally hot, how many do.
        hit_chance: of the head's area, how much would have been a hit.
        share: of all heat, how much lies on the target.
        share_chance: of the head's area, how much is target.
        on_head: of all heat, how much lies on the head.
        share_of_head: of the heat on the head, how much lies on the target: what compares with ``share_chance``
            where the heat was never told where the head is.
    """

    hit: float
    hit_chance: float
    share: float
    share_chance: float
    on_head: float
    share_of_head: float


@dataclass(frozen=True)
class Pointing:
    """Where heat maps point, on average over pictures.

    Attributes:
        pictures: how many were judged.
        individuals: how many individuals they are of.
        cold: how many of them have no heat at all, and count for chance only.
        measures: each of :data:`MEASURES` with its interval.
    """

    pictures: int
    individuals: int
    cold: int
    measures: Mapping[str, Interval]

    def as_json(self) -> dict[str, Any]:
        """All of it, as numbers that JSON takes."""
        counts = {"pictures": self.pictures, "individuals": self.individuals, "cold": self.cold}
        return counts | {name: interval.as_json() for name, interval in self.measures.items()}


def hit(heat: Heat, mask: Mask, tolerance: float = 0.0) -> float:
    """Play the pointing game: does the hottest place lie on the target?

    A map that was enlarged, or is flat, is often hottest in several places. One of them would be taken by chance:
    what comes out is the share of them that hit.

    Args:
        heat: float32 (H, W), not negative.
        mask: (H, W), the target; a pixel half of which belongs to it is on it.
        tolerance: how many pixels beside the target still count; :data:`PAPER_TOLERANCE` in the paper.

    Returns:
        0 to 1; NaN if there is no heat.

    Raises:
        ValueError: if the shapes differ, or the heat is negative or no number.
    """
    _check(heat, mask)
    if not heat.any():
        return math.nan
    return float(_widened(mask, tolerance)[heat == heat.max()].mean())


def share(heat: Heat, mask: Mask) -> float:
    r"""How much of the heat lies on the target.

    .. math:: \frac{\sum_{x,y} L(x,y) M(x,y)}{\sum_{x,y} L(x,y)}

    Args:
        heat: float32 (H, W), not negative.
        mask: (H, W), the target; a pixel that belongs to it in part counts in part.

    Returns:
        0 to 1; NaN if there is no heat.

    Raises:
        ValueError: if the shapes differ, or the heat is negative or no number.
    """
    _check(heat, mask)
    warmth = heat.astype(np.float64)
    return float(quotient((warmth * mask).sum(), warmth.sum()))


def chance(mask: Mask, head: Mask, tolerance: float = 0.0) -> tuple[float, float]:
    """What a heat gives that is as likely, or as strong, anywhere on the head.

    Args:
        mask: (H, W), the target.
        head: (H, W), the head.
        tolerance: as that of :func:`hit`.

    Returns:
        How often it hits, and the share of its heat that lies on the target.

    Raises:
        ValueError: if the shapes differ, or there is no head.
    """
    _check_masks(mask, head)
    if not (head >= _HALF).any():
        raise ValueError("the mask shows no head: there is nothing to compare with")
    weight = head.astype(np.float64)
    hits = _widened(mask, tolerance)[head >= _HALF].mean()
    return float(hits), float(np.minimum(mask, weight).sum() / weight.sum())


def point(heat: Heat, mask: Mask, head: Mask, tolerance: float = 0.0) -> Pointed:
    """Judge one heat map.

    Args:
        heat: float32 (H, W), not negative, of a photograph or of a part of it.
        mask: (H, W), the target within it: the head's dark markings.
        head: (H, W), the head within it.
        tolerance: as that of :func:`hit`.

    Raises:
        ValueError: if the shapes differ, the heat is negative or no number, or there is no head.
    """
    hit_chance, share_chance = chance(mask, head, tolerance)
    target = np.minimum(mask, head)
    on_target, on_head = share(heat, target), share(heat, head)
    return Pointed(
        hit=hit(heat, target, tolerance),
        hit_chance=hit_chance,
        share=on_target,
        share_chance=share_chance,
        on_head=on_head,
        share_of_head=float(quotient(on_target, on_head)),
    )


def judge_pointing(
    pointed: Sequence[Pointed], individuals: Sequence[Hashable], resampling: Resampling = USUAL
) -> Pointing:
    """Average over pictures, with intervals by individual.

    A picture without heat counts for no measure but those of chance, and neither does one without heat on its head
    for the share of it. Differences are means of differences, over the pictures that have one.

    Args:
        pointed: where each heat map points.
        individuals: whom each picture is of.
        resampling: how animals are drawn.

    Raises:
        ValueError: if there are not as many individuals as pictures.
    """
    member, count = number_individuals(individuals)
    if len(member) != len(pointed):
        raise ValueError(f"{len(pointed)} pictures, but {len(member)} individuals")
    values = _measured(pointed)
    there = ~np.isnan(values)
    sums = sum_by_individual(np.hstack([np.where(there, values, 0.0), there]), member, count)
    intervals = interval_of_sums(sums, _means, resampling)
    return Pointing(
        pictures=len(pointed),
        individuals=count,
        cold=int(np.isnan(values[:, MEASURES.index("share")]).sum()),
        measures=dict(zip(MEASURES, intervals, strict=True)),
    )


def _measured(pointed: Sequence[Pointed]) -> Floats:
    """All of :data:`MEASURES` of each picture, float64 (n, 9)."""
    columns = np.array([astuple(one) for one in pointed], np.float64).reshape(-1, 6).T
    hits, hit_chance, shares, share_chance, _, of_head = columns
    gains = [hits - hit_chance, shares - share_chance, of_head - share_chance]
    return np.stack([*columns, *gains], axis=1)


def _means(sums: Floats) -> Floats:
    """Means of (b, 2q) sums of q values and of their counts: (b, q)."""
    half = sums.shape[1] // 2
    return quotient(sums[:, :half], sums[:, half:])


def _widened(mask: Mask, tolerance: float) -> npt.NDArray[np.bool_]:
    """The mask, and all that lies within ``tolerance`` pixels of it."""
    inside = np.asarray(mask >= _HALF)
    if tolerance <= 0 or not inside.any():
        return inside
    away = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(away <= tolerance + 1e-3)


def _check(heat: Heat, mask: Mask) -> None:
    _check_masks(mask, heat)
    if not (heat >= 0).all() or not np.isfinite(heat).all():
        raise ValueError("heat is negative, or no number: take the positive part of what speaks for a label")


def _check_masks(mask: Mask, other: npt.NDArray[Any]) -> None:
    if mask.shape != other.shape:
        raise ValueError(f"a mask of {mask.shape} and a map of {other.shape} are not of one photograph")
    if mask.size and not 0 <= mask.min() <= mask.max() <= 1:
        raise ValueError("a mask tells from 0 to 1 how much of a pixel is on it: divide bytes by 255")
