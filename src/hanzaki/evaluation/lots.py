"""Drawing lots that hang on nothing but a seed and a name.

A generator of random numbers would hand them out in the order of the table, and in another order after an upgrade;
here the same animals are drawn however the rows stand, and a few more animals leave most of the lots as they were.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

#: The parts of a name; the first is the stratum, such as the species.
Name = tuple[str, ...]


def lot(seed: int, purpose: str, name: Name) -> int:
    """A number below 2^64, as if by chance."""
    text = repr((seed, purpose, *name)).encode("utf-8", "backslashreplace")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def shuffled(names: Iterable[Name], seed: int, purpose: str) -> list[Name]:
    """The names in the order of their lots."""
    return sorted(set(names), key=lambda name: (lot(seed, purpose, name), name))


def drawn(names: Iterable[Name], share: float, seed: int, purpose: str) -> set[Name]:
    """A share of the names, spread evenly over strata: of each, that share to within one.

    At least one name is drawn, and one is left, if there are two or more; nothing is drawn of a share of 0.
    """
    by_stratum: dict[str, list[Name]] = {}
    for name in shuffled(names, seed, purpose):
        by_stratum.setdefault(name[0], []).append(name)
    order = [name for stratum in sorted(by_stratum) for name in by_stratum[stratum]]
    count = some(share, len(order))
    offset = lot(seed, purpose, ("offset",))
    # systematic sampling: every (N/count)th, which passes through the strata one after another
    return {order[((place << 64) + offset) * len(order) // (count << 64)] for place in range(count)}


def first(names: Sequence[Name], share: float, seed: int, purpose: str) -> list[Name]:
    """A share of the names by lot: at least one, and not the last that is left."""
    return shuffled(names, seed, purpose)[: some(share, len(set(names)))]


def some(share: float, count: int) -> int:
    """A share of so many, rounded; of two or more at least one, and not all."""
    if share <= 0 or count < 2:
        return 0
    return min(count - 1, max(1, round(share * count)))
