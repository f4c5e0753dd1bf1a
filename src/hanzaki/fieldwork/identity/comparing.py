"""A catalogue's pictures compared with a query's: each kind of evidence, made ready once for every scope."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pandas as pd

from hanzaki.ahead import batches
from hanzaki.catalogue import gallery
from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.fieldwork.identity.method import Method, learned_name
from hanzaki.matching.evidence import (
    Asked,
    Evidence,
    Gallery,
    GlobalEvidence,
    LocalEvidence,
    Photographed,
    shortlist,
)
from hanzaki.matching.learned import LearnedEvidence
from hanzaki.matching.points import ANY_WAY, UPRIGHT
from hanzaki.matching.scope import SIDES, Scope, lie_any_way
from hanzaki.vision.describing import Description, from_bytes

Scores = npt.NDArray[np.float32]
Positions = npt.NDArray[np.intp]
Truths = npt.NDArray[np.bool_]

_READ = 256  # descriptions at a time
_LONE = 256  # descriptions kept that were read one by one: the samples against which points must stand out


class Stored(Sequence[Description]):
    """A describer's descriptions of annotations, read from the catalogue when they are asked for.

    Args:
        catalogue: that holds them.
        model: the describer's name.
        annotations: that it has described.
    """

    def __init__(self, catalogue: Catalogue, model: str, annotations: Sequence[int]) -> None:
        self._catalogue, self._model = catalogue, model
        self._annotations = [int(annotation) for annotation in annotations]
        self._held: dict[int, Description] = {}
        self._lone: dict[int, Description] = {}

    def __len__(self) -> int:
        return len(self._annotations)

    @overload
    def __getitem__(self, place: int) -> Description: ...
    @overload
    def __getitem__(self, place: slice) -> list[Description]: ...
    def __getitem__(self, place: int | slice) -> Description | list[Description]:
        """One description, or a part of them."""
        if isinstance(place, slice):
            return list(self._read(range(len(self))[place]))
        annotation = self._annotations[place]
        for known in (self._held, self._lone):
            if annotation in known:
                return known[annotation]
        if len(self._lone) >= _LONE:
            self._lone.pop(next(iter(self._lone)))
        (self._lone[annotation],) = self._read([place])
        return self._lone[annotation]

    def __iter__(self) -> Iterator[Description]:
        return self._read(range(len(self)))

    def hold(self, places: Iterable[int]) -> None:
        """Have these in memory until others are asked to be held."""
        wanted = {self._annotations[place]: int(place) for place in places}
        self._held = {annotation: self._held[annotation] for annotation in wanted if annotation in self._held}
        missing = [annotation for annotation in wanted if annotation not in self._held]
        read = self._read([wanted[annotation] for annotation in missing])
        self._held.update(zip(missing, read, strict=True))

    def _read(self, places: Iterable[int]) -> Iterator[Description]:
        for chunk in batches((self._annotations[place] for place in places), _READ):
            with self._catalogue.reading() as session:
                found = gallery.descriptions(session, self._model, chunk)
            for annotation in chunk:
                yield from_bytes(*found[annotation])


@dataclass(frozen=True, eq=False)
class Pairs:
    """A query's pictures against those of a gallery in one scope.

    Attributes:
        rows: intp (n,), places in the gallery's table.
        names: whom the gallery shows, in order.
        codes: intp (n,), of each picture which of them it shows.
        admitted: bool (q, n), which pairs may be compared.
        scores: by name of the evidence, float32 (q, n); NaN where not compared, and where a picture of the query
            was like all others alike, which says nothing.
    """

    rows: Positions
    names: tuple[int, ...]
    codes: Positions
    admitted: Truths
    scores: Mapping[str, Scores]


@dataclass(frozen=True, eq=False)
class _Ready:
    """The pictures that one flank is compared with, and the evidence made of them."""

    places: Positions
    gallery: Gallery
    looks_at_all: tuple[Evidence, ...]
    looks_closely: tuple[Evidence, ...]
    learned: tuple[Evidence, ...]
    stored: tuple[Stored, ...]


class Comparison:
    """A gallery that many queries are compared with by a method.

    Args:
        catalogue: that holds the descriptions.
        method: how.
        table: the gallery: annotations with the columns of ``annotation_table``. Those that were set aside are
            compared only where a query meets, in its scope, no better ones of whom they show from the same side.
        shows: the column that says whom each shows, a number: an individual, or an encounter.
    """

    def __init__(self, catalogue: Catalogue, method: Method, table: pd.DataFrame, shows: str) -> None:
        self.table = table.reset_index(drop=True)
        self._catalogue, self._method, self._shows = catalogue, method, shows
        self._scopes: dict[Scope, Positions] = {}
        self._ready: dict[tuple[Scope, str | None], _Ready] = {}
        self._galleries: dict[Scope, Gallery] = {}

    def rows(self, scope: Scope) -> Positions:
        """Places in the table of what lies in a scope and may be wanted by a query."""
        if scope not in self._scopes:
            inside = np.flatnonzero(scope.mask(self.table))
            self._scopes[scope] = inside[_may_be_wanted(self.table.iloc[inside], self._shows)]
        return self._scopes[scope]

    def gallery(self, scope: Scope) -> Gallery:
        """All that lies in a scope, without its descriptions."""
        if scope not in self._galleries:
            self._galleries[scope] = self._gallery(self.table.iloc[self.rows(scope)])
        return self._galleries[scope]

    def compare(self, asked: Asked, scope: Scope) -> Pairs:
        """Score a query's pictures against the gallery's.

        Args:
            asked: the query, with its descriptions by all describers.
            scope: which part of the gallery may be compared.
        """
        whole = self.gallery(scope)
        asked = self._without_poor(asked, scope)
        names, codes = whole.numbered
        shape = (len(asked), len(whole))
        scores = {name: np.full(shape, np.nan, np.float32) for name in self._method.kinds}
        for flank, some in _by_flank(asked):
            ready = self._made_ready(scope, flank)
            for name, block in self._scored(ready, _part(asked, some)).items():
                scores[name][np.ix_(some, ready.places)] = block
        return Pairs(
            rows=self.rows(scope),
            names=tuple(int(str(name)) for name in names),
            codes=codes,
            admitted=asked.admitted(whole),
            scores={name: _telling(each) for name, each in scores.items()},
        )

    def _without_poor(self, asked: Asked, scope: Scope) -> Asked:
        """A query that meets no picture that was set aside, where it meets better ones of the same side."""
        rows = self.table.iloc[self.rows(scope)]
        poor = rows["aside"].to_numpy(bool)
        if not poor.any():
            return asked
        good = asked.admitted(self.gallery(scope)).any(axis=0) & ~poor
        better = pd.Series(good).groupby(_whom_and_side(rows, self._shows)).transform("any").to_numpy(bool)
        spurned = frozenset(rows["annotation"].to_numpy()[poor & better].tolist())
        return _Choosy(**{each.name: getattr(asked, each.name) for each in fields(asked)}, spurned=spurned)

    def _scored(self, ready: _Ready, asked: Asked) -> dict[str, Scores]:
        """Each kind of evidence: what looks at everything first, then what looks at the best of it."""
        scores = {kind.name: kind.compare(asked) for kind in ready.looks_at_all}
        few = len(ready.gallery) > self._method.verify
        positions = (
            shortlist(np.concatenate(list(scores.values())), self._method.verify) if scores and few else None
        )
        if positions is not None:
            for stored in ready.stored:
                stored.hold(positions)
        closely = {kind.name: kind.compare(asked, positions) for kind in ready.looks_closely}
        if few and positions is None and closely:
            positions = shortlist(np.concatenate(list(closely.values())), self._method.verify)
        return scores | closely | {kind.name: kind.compare(asked, positions) for kind in ready.learned}

    def _made_ready(self, scope: Scope, flank: str | None) -> _Ready:
        if (scope, flank) not in self._ready:
            self._ready[scope, flank] = self._make_ready(scope, flank)
        return self._ready[scope, flank]

    def _make_ready(self, scope: Scope, flank: str | None) -> _Ready:
        whole = self.table.iloc[self.rows(scope)]
        places = np.arange(len(whole))
        if flank is not None:
            places = np.flatnonzero(~whole["side"].isin(SIDES - {flank}).to_numpy(bool))
        shown = whole.iloc[places]
        kinds = {each.name: each.kind for each in self._method.describers}
        vectors = [name for name, kind in kinds.items() if kind == "embedding"]
        points = [name for name, kind in kinds.items() if kind != "embedding"]
        stored = {name: Stored(self._catalogue, name, shown["annotation"].tolist()) for name in kinds}
        lazy = bool(vectors) and len(shown) > self._method.verify  # else all are wanted, and read at once
        descriptions = {
            name: each if lazy or name in vectors else list(each) for name, each in stored.items() if len(shown)
        }
        gallery_ = replace(self._gallery(shown), descriptions=descriptions)
        if not len(shown):
            return _Ready(places, gallery_, (), (), (), ())
        parameters = ANY_WAY if lie_any_way(gallery_.sides) else UPRIGHT
        return _Ready(
            places,
            gallery_,
            tuple(GlobalEvidence(gallery_, name) for name in vectors),
            tuple(LocalEvidence(gallery_, name) for name in points),
            tuple(
                LearnedEvidence(gallery_, describer, matcher, learned_name(describer, matcher), parameters)
                for describer, matcher in self._method.matchers
            ),
            tuple(stored[name] for name in points if lazy),
        )

    def _gallery(self, rows: pd.DataFrame) -> Gallery:
        columns = recorded(rows, self._method.any_side)
        return Gallery(individuals=[str(number) for number in rows[self._shows]], **columns)


def recorded(rows: pd.DataFrame, any_side: bool) -> dict[str, Any]:
    """What is recorded of annotations, as the columns of :class:`hanzaki.matching.evidence.Photographed`.

    Args:
        rows: with the columns of ``annotation_table``.
        any_side: keep the sides for oneself, so that any is compared with any.
    """
    places = zip(rows["latitude"], rows["longitude"], strict=True)
    return {
        "keys": rows["annotation"].tolist(),
        "sides": () if any_side else rows["side"].tolist(),
        "encounters": rows["encounter"].tolist(),
        "seen": [None if pd.isna(moment) else moment.date() for moment in rows["seen"]],
        "sexes": rows["sex"].tolist(),
        "places": [None if pd.isna(north) or pd.isna(east) else (north, east) for north, east in places],
    }


@dataclass(frozen=True, eq=False)
class _Choosy(Asked):
    """A query that meets better pictures than some.

    Attributes:
        spurned: keys of the gallery's pictures that it does not meet.
    """

    spurned: frozenset[int] = frozenset()

    def admitted(self, gallery: Photographed) -> Truths:
        """Which pairs may be compared: bool (q, n)."""
        met = np.array([key not in self.spurned for key in gallery.keys], bool)
        return np.asarray(super().admitted(gallery) & met, bool)


def _may_be_wanted(rows: pd.DataFrame, shows: str) -> Truths:
    """Which annotations some query may meet: those set aside only where it may meet no better ones.

    Who they show has none of the same side, or has them of one other encounter, which never meets itself.
    """
    good = ~rows["aside"].to_numpy(bool)
    encounters = rows["encounter"].reset_index(drop=True)
    met = encounters.where(good).groupby(_whom_and_side(rows, shows))
    first, last = met.transform("min"), met.transform("max")
    return np.asarray(good | first.isna() | ((first == last) & (first != encounters)), bool)


def _whom_and_side(rows: pd.DataFrame, shows: str) -> list[pd.Series]:
    return [rows[shows].reset_index(drop=True), rows["side"].fillna("").reset_index(drop=True)]


def _by_flank(asked: Asked) -> list[tuple[str | None, Positions]]:
    """The flanks that a query's pictures show, each with their places; None for any other view."""
    sides = np.array([side if side in SIDES else None for side in asked.sides or [None] * len(asked)], object)
    flanks = sorted(set(sides), key=str)
    return [(flank, np.flatnonzero(sides == flank)) for flank in flanks]


def _part(asked: Asked, places: Positions) -> Asked:
    """Some pictures of a query."""

    def some(column: Collection[Any]) -> list[Any]:
        values = list(column)
        return [values[place] for place in places] if values else []

    return replace(
        asked,
        keys=some(asked.keys),
        individuals=some(asked.individuals),
        sides=some(asked.sides),
        encounters=some(asked.encounters),
        seen=some(asked.seen),
        sexes=some(asked.sexes),
        places=some(asked.places),
        descriptions={name: some(each) for name, each in asked.descriptions.items()},
    )


def _telling(scores: Scores) -> Scores:
    """Scores without the rows of pictures that are like all others alike: NaN, since they say nothing."""
    there = ~np.isnan(scores)
    lowest = np.min(scores, axis=1, where=there, initial=np.inf)
    highest = np.max(scores, axis=1, where=there, initial=-np.inf)
    return np.where((highest > lowest)[:, None], scores, np.float32(np.nan))
