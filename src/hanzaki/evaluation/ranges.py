"""Labels of a quantity: the ranges that a number from 0 to 1 is cut into, so that a classifier can learn them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise

_NUMBER = r"(\d+(?:\.\d+)?(?:e-?\d+)?)"
_UNDER = re.compile(rf"under {_NUMBER}")
_BETWEEN = re.compile(rf"{_NUMBER} to {_NUMBER}")
_OVER = re.compile(rf"{_NUMBER} and over")


def ranges_between(cuts: Sequence[float]) -> list[str]:
    """Names of the ranges that lie between cuts: ``under 0.2``, ``0.2 to 0.5``, ``0.5 and over``.

    Args:
        cuts: where a new range begins, ascending between 0 and 1; a cut belongs to the range above it.

    Returns:
        One name more than there are cuts.

    Raises:
        ValueError: if there is no cut, or they do not ascend between 0 and 1, as they are written.
    """
    names = [f"{cut:g}" for cut in cuts]
    if not names or any(not below < above for below, above in pairwise([0.0, *map(float, names), 1.0])):
        raise ValueError(f"cuts are numbers that ascend between 0 and 1, not {', '.join(names) or 'none'}")
    between = [f"{below} to {above}" for below, above in pairwise(names)]
    return [f"under {names[0]}", *between, f"{names[-1]} and over"]


def range_of(value: float, names: Sequence[str]) -> str | None:
    """The range that a number lies in.

    Args:
        value: the number.
        names: of ranges, as :func:`ranges_between` gives them; others may be missing.

    Returns:
        One of ``names``; None if the number lies in none of them.

    Raises:
        ValueError: if one of them names no range.
    """
    for name in names:
        low, high = _ends(name)
        if low <= value < high:
            return name
    return None


def _ends(name: str) -> tuple[float, float]:
    if found := _UNDER.fullmatch(name):
        return -math.inf, float(found[1])
    if found := _BETWEEN.fullmatch(name):
        return float(found[1]), float(found[2])
    if found := _OVER.fullmatch(name):
        return float(found[1]), math.inf
    raise ValueError(f"{name!r} is no range of numbers as 'under 0.2', '0.2 to 0.5' or '0.5 and over'")
