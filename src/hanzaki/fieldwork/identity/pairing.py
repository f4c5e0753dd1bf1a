"""Pairs in order: of each individual the likest two photographs, and of encounters the odds that they are one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from hanzaki.matching.odds import PairOdds

Floats = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]

_BLOCK = 256  # rows of a large matrix at a time


def likest(values: npt.NDArray[np.floating], codes: Positions, count: int) -> Positions:
    """Of each individual the pair of photographs with the highest value.

    Args:
        values: (q, n), NaN where there is none.
        codes: intp (n,), of each photograph whom it shows, 0 to count - 1.
        count: of individuals.

    Returns:
        intp (count,), row * n + column, the first of equals; -1 without any value.
    """
    found = np.full(count, -1, np.intp)
    rows, columns = np.nonzero(~np.isnan(values))
    order = np.lexsort((columns, rows, -values[rows, columns], codes[columns]))
    present, starts = np.unique(codes[columns][order], return_index=True)
    found[present] = (rows * values.shape[1] + columns)[order][starts]
    return found


def listed_odds(
    odds: npt.NDArray[np.floating], neighbours: int, species: Sequence[str | None] | npt.NDArray[np.object_]
) -> PairOdds:
    """The likeliest partners of every item, from what each item says of each other.

    Both directions are averaged. What was compared and is not listed was found less like than what is: it counts
    as the lowest that is listed. Two items that could not be compared (a left flank and a right one) and are both
    probably one with a third are listed with 0, since nothing was found that speaks against them.

    Args:
        odds: (n, n), log odds by who asks and who answers; NaN where not compared.
        neighbours: of each item, how many partners are listed.
        species: of each item, None where it is not known; different ones are never listed with 0.
    """
    items = len(odds)
    first: list[npt.NDArray[np.int64]] = []
    second: list[npt.NDArray[np.int64]] = []
    values: list[Floats] = [np.empty(0)]
    dropped = False
    for start in range(0, items, _BLOCK):
        both = _averaged(odds, start)
        likely = np.where(np.isnan(both), -np.inf, both)
        kept = np.argsort(-likely, axis=1, kind="stable")[:, :neighbours]
        rows = np.repeat(np.arange(len(both)), kept.shape[1])
        found = likely[rows, kept.ravel()]
        there = np.isfinite(found)
        dropped |= int(np.isfinite(likely).sum()) > int(there.sum())
        first.append((rows[there] + start).astype(np.int64))
        second.append(kept.ravel()[there].astype(np.int64))
        values.append(found[there])
    one, other = (np.concatenate([np.empty(0, np.int64), *part]) for part in (first, second))
    value = np.concatenate(values)
    absent = min(0.0, float(value.min(initial=0.0))) if dropped else 0.0
    if absent < 0:
        unheard = _unheard(odds, one[value > 0], other[value > 0], species)
        one, other = np.append(one, unheard[:, 0]), np.append(other, unheard[:, 1])
        value = np.append(value, np.zeros(len(unheard)))
    return PairOdds.listed(items, one, other, value, absent)


def _averaged(odds: npt.NDArray[np.floating], start: int) -> Floats:
    """Some rows of the matrix, each cell with the mean of both directions, NaN on the diagonal."""
    both = np.stack([odds[start : start + _BLOCK], odds[:, start : start + _BLOCK].T]).astype(np.float64)
    there = ~np.isnan(both)
    count = there.sum(axis=0)
    mean = np.where(there, both, 0.0).sum(axis=0) / np.maximum(count, 1)
    mean[count == 0] = np.nan
    places = np.arange(len(mean))
    mean[places, places + start] = np.nan
    return np.asarray(mean, np.float64)


def _unheard(
    odds: npt.NDArray[np.floating],
    one: npt.NDArray[np.int64],
    other: npt.NDArray[np.int64],
    species: Sequence[str | None] | npt.NDArray[np.object_],
) -> npt.NDArray[np.int64]:
    """Pairs that were not compared, of items that are probably one with the same third: int64 (p, 2)."""
    partners: dict[int, set[int]] = {}
    for here, there in zip(one.tolist(), other.tolist(), strict=True):
        partners.setdefault(here, set()).add(there)
        partners.setdefault(there, set()).add(here)
    pairs = {pair for some in partners.values() for pair in combinations(sorted(some), 2)}
    found = [
        (here, there)
        for here, there in sorted(pairs)
        if np.isnan(odds[here, there])
        and np.isnan(odds[there, here])
        and len({species[here], species[there]} - {None}) < 2
    ]
    return np.array(found, np.int64).reshape(-1, 2)
