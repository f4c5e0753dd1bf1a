"""Which part of a catalogue an answer was looked for in; a part of every answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

#: Sides of an animal whose markings differ; a left flank is never compared with a right one.
SIDES = frozenset({"left", "right"})

#: Views in which an animal has no up: it may lie any way in its box.
_WITHOUT_UP = frozenset({"top", "up", "above", "dorsal", "bottom", "down", "below", "ventral"})

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Scope:
    """Which annotations may be candidates.

    What is not recorded of an annotation does not exclude it: a photograph whose side nobody wrote down may well
    be of the side that is asked for.

    Attributes:
        species: of this species only; None asks nothing.
        sides: showing these flanks only; empty asks nothing.
        sites: seen at one of these sites; empty asks nothing.
        since, until: seen in these days, both included.
    """

    species: str | None = None
    sides: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None

    def mask(self, gallery: pd.DataFrame) -> Mask:
        """Which rows of a gallery lie in the scope.

        Args:
            gallery: with the columns ``species side site seen``; missing values are None.

        Returns:
            bool (n,).
        """
        inside = np.ones(len(gallery), bool)
        if self.species is not None:
            inside &= _is(gallery["species"], {self.species}) | gallery["species"].isna().to_numpy()
        if self.sides:
            inside &= ~_is(gallery["side"], SIDES.difference(self.sides))
        if self.sites:
            inside &= _is(gallery["site"], set(self.sites))
        if self.since is not None or self.until is not None:
            seen = pd.to_datetime(gallery["seen"]).dt.date
            known = seen.notna().to_numpy()
            inside &= known
            if self.since is not None:
                inside[known] &= np.asarray([day >= self.since for day in seen[known]], bool)
            if self.until is not None:
                inside[known] &= np.asarray([day <= self.until for day in seen[known]], bool)
        return inside

    def __str__(self) -> str:
        """The scope in words, as ``Andrias japonicus, left side, at Kamo, since 2022-08-20``."""
        words = [self.species or "any species"]
        words.append(" or ".join(self.sides) + " side" if self.sides else "any side")
        if self.sites:
            words.append("at " + " or ".join(self.sites))
        if self.since is not None:
            words.append(f"since {self.since}")
        if self.until is not None:
            words.append(f"until {self.until}")
        return ", ".join(words)


def _is(column: pd.Series, values: set[str] | frozenset[str]) -> Mask:
    return column.isin(values).to_numpy(dtype=bool)


def lie_any_way(sides: Iterable[str | None]) -> bool:
    """Whether animals seen from these sides may lie any way in their boxes: most are seen from above or below."""
    known = [side for side in sides if side is not None]
    return sum(side.lower() in _WITHOUT_UP for side in known) * 2 > len(known)
