"""What there is to compare an encounter with a gallery by: embeddings, local features, and plain facts.

Every kind of evidence answers alike: (q, n) scores of each photograph of the query with each of the gallery, NaN
where they were not compared. A global one compares everything; the costly ones may be asked about a shortlist only
(:func:`shortlist`). A query never meets its own encounter, nor a left flank a right one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from hanzaki.keypoints import Keypoints
from hanzaki.matching.embedding import EmbeddingIndex
from hanzaki.matching.local import LocalIndex
from hanzaki.matching.points import ANY_WAY, UPRIGHT
from hanzaki.matching.pooling import USUAL, Pooling, numbered_individuals, pool
from hanzaki.matching.scope import SIDES, lie_any_way

Floats = npt.NDArray[np.float32]
Ratios = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]
Truths = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Photographed:
    """Annotations with what is recorded of each; every column is as long as the others, or empty: nothing known.

    Attributes:
        keys: what each is known by, whatever order they stand in.
        individuals: who each shows; None = nobody knows.
        sides: from which side it is seen.
        encounters: at which meeting it was taken.
        seen: on which day.
        sexes: female or male.
        places: where, latitude and longitude in degrees.
        descriptions: by describer, what is compared; may be read when it is asked for.

    Raises:
        ValueError: if columns differ in length.
    """

    keys: Sequence[Hashable]
    individuals: Sequence[str | None] = ()
    sides: Sequence[str | None] = ()
    encounters: Sequence[Hashable | None] = ()
    seen: Sequence[date | None] = ()
    sexes: Sequence[str | None] = ()
    places: Sequence[tuple[float, float] | None] = ()
    descriptions: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        plain = (self.individuals, self.sides, self.encounters, self.seen, self.sexes, self.places)
        if {len(column) for column in (*plain, *self.descriptions.values())} - {0, len(self.keys)}:
            raise ValueError("annotations have columns of different lengths")

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def numbered(self) -> tuple[list[object], Positions]:
        """The individuals, and of each annotation which of them it shows; -1 = nobody known."""
        return numbered_individuals(_objects(self.individuals, len(self)))


class Gallery(Photographed):
    """The annotations in scope."""


@dataclass(frozen=True, eq=False)
class Asked(Photographed):
    """One query: the annotations of one encounter.

    Attributes:
        left_out: individuals that take no part, as if they were not in the gallery.
    """

    left_out: frozenset[str] = frozenset()

    def admitted(self, gallery: Photographed) -> Truths:
        """Which pairs may be compared: bool (q, n)."""
        own = {encounter for encounter in self.encounters if encounter is not None}
        barred = _among(gallery.encounters, own, len(gallery)) | _among(
            gallery.individuals, self.left_out, len(gallery)
        )
        mine, theirs = _objects(self.sides, len(self)), _objects(gallery.sides, len(gallery))
        flanks = [_among(annotations.sides, SIDES, len(annotations)) for annotations in (self, gallery)]
        other_flank = (mine[:, None] != theirs[None]) & flanks[0][:, None] & flanks[1][None]
        return np.asarray(~(barred[None] | other_flank), bool)


class Evidence(Protocol):
    """One way to compare a query with a gallery."""

    @property
    def name(self) -> str:
        """By which the fusion knows it."""
        ...

    def compare(self, asked: Asked, positions: Positions | None = None) -> Floats:
        """Score pairs of photographs.

        Args:
            asked: the query.
            positions: gallery annotations to compare with; None = all.

        Returns:
            float32 (q, n), higher is more alike; NaN where not compared.
        """
        ...


class GlobalEvidence:
    """Cosine of embeddings, exact over everything.

    Args:
        gallery: whose descriptions of that name are float32 (D,).
        name: of the describer.
    """

    def __init__(self, gallery: Photographed, name: str) -> None:
        self.name = name
        self._gallery = gallery
        self._index = EmbeddingIndex(gallery.descriptions[name])

    def compare(self, asked: Asked, positions: Positions | None = None) -> Floats:
        """See :class:`Evidence`."""
        scores = np.concatenate(list(self._index.search(asked.descriptions[self.name])))
        return np.where(_asked_pairs(asked, self._gallery, positions), scores, np.float32(np.nan))


class LocalEvidence:
    """LNBNN and spatial verification of keypoints.

    A whole gallery is made ready once. A shortlist is compared by itself together with a fixed sample of the
    gallery, of which its points must stand out as they would in the whole; only the descriptions of these are
    read, so that memory does not grow with the gallery.

    Args:
        gallery: whose descriptions of that name are keypoints.
        name: of the describer.
    """

    def __init__(self, gallery: Photographed, name: str) -> None:
        self.name = name
        self._gallery = gallery
        self._parameters = ANY_WAY if lie_any_way(gallery.sides) else UPRIGHT
        self._sample = sample_by_key(gallery.keys, self._parameters.rivals)

    def compare(self, asked: Asked, positions: Positions | None = None) -> Floats:
        """See :class:`Evidence`."""
        pairs = _asked_pairs(asked, self._gallery, positions)
        if positions is None:
            contest, index = np.arange(len(self._gallery)), self._whole
            barred = ~pairs
        else:
            contest = np.union1d(positions, self._sample)
            index = self._index(contest)
            barred = ~asked.admitted(self._gallery)[:, contest]
        queries = cast(Sequence[Keypoints], asked.descriptions[self.name])
        blocks = index.search(queries, [np.flatnonzero(row) for row in barred])
        scores = np.full(pairs.shape, np.nan, np.float32)
        scores[:, contest] = np.concatenate([np.empty((0, len(contest)), np.float32), *blocks])
        return np.where(pairs, steadied(scores), np.float32(np.nan))

    @cached_property
    def _whole(self) -> LocalIndex:
        return self._index(np.arange(len(self._gallery)))

    def _index(self, positions: Positions) -> LocalIndex:
        keypoints = self._gallery.descriptions[self.name]
        names = _objects(self._gallery.individuals, len(self._gallery))[positions]
        return LocalIndex([keypoints[place] for place in positions], names.tolist(), self._parameters)


class PairEvidence:
    """Any matcher of two pictures, as a learned one; asked about one pair after the other.

    Args:
        gallery: whose descriptions of that name the matcher takes.
        name: of the describer.
        match: gives the score of a query's description and a gallery's, higher is more alike.
    """

    def __init__(self, gallery: Photographed, name: str, match: Callable[[Any, Any], float]) -> None:
        self.name = name
        self._gallery, self._match = gallery, match

    def compare(self, asked: Asked, positions: Positions | None = None) -> Floats:
        """See :class:`Evidence`."""
        pairs = _asked_pairs(asked, self._gallery, positions)
        scores = np.full(pairs.shape, np.nan, np.float32)
        mine, theirs = asked.descriptions[self.name], self._gallery.descriptions[self.name]
        for row, column in zip(*np.nonzero(pairs), strict=True):
            scores[row, column] = self._match(mine[row], theirs[column])
        return scores


@dataclass(frozen=True)
class Facts:
    """What records alone say, as log likelihood ratios; each only where it is asked for and both sides are known.

    Attributes:
        sex_error: how often a recorded sex is wrong; None = sex is not asked.
        moved_km: how far an animal is usually found from where it was seen before; None = place is not asked.
        oldest_years: how old one becomes; None = years are not asked.
        stray: how often the place or the years are no guide, as of an animal carried off or a wrong date.
    """

    sex_error: float | None = None
    moved_km: float | None = None
    oldest_years: float | None = None
    stray: float = 0.01

    def ratios(self, asked: Photographed, gallery: Photographed) -> Ratios:
        """Log likelihood ratios, same animal against another, of each individual of the gallery: (m,) nats.

        Of an individual's pairs the mean counts: what photographs of one encounter repeat is said once.
        """
        names, codes = gallery.numbered
        total = np.zeros(len(names))
        for pairs in (self._sex(asked, gallery), self._place(asked, gallery), self._years(asked, gallery)):
            there = ~np.isnan(pairs) & (codes >= 0)[None]
            columns = np.nonzero(there)[1]
            sums = np.bincount(codes[columns], pairs[there], len(names))
            total += sums / np.maximum(1, np.bincount(codes[columns], minlength=len(names)))
        return total

    def _sex(self, asked: Photographed, gallery: Photographed) -> Ratios:
        if self.sex_error is None:
            return _nothing(asked, gallery)
        mine, theirs = _objects(asked.sexes, len(asked))[:, None], _objects(gallery.sexes, len(gallery))[None]
        alike = (1 - self.sex_error) ** 2 + self.sex_error**2  # of one animal's two records
        ratios = np.where(mine == theirs, np.log(2 * alike), np.log(2 * max(1 - alike, 1e-6)))
        return np.where(_missing(mine) | _missing(theirs), np.nan, ratios)

    def _place(self, asked: Photographed, gallery: Photographed) -> Ratios:
        if self.moved_km is None:
            return _nothing(asked, gallery)
        mine, theirs = _coordinates(asked), _coordinates(gallery)
        distance = kilometres(mine[:, None], theirs[None])
        near = np.exp(-distance / self.moved_km)
        usual = np.nanmean(near) if not np.isnan(near).all() else 1.0  # what strangers' places give, on average
        return np.log((1 - self.stray) * near / max(float(usual), 1e-9) + self.stray)

    def _years(self, asked: Photographed, gallery: Photographed) -> Ratios:
        if self.oldest_years is None:
            return _nothing(asked, gallery)
        days = [_days(annotations) for annotations in (asked, gallery)]
        apart = np.abs(days[0][:, None] - days[1][None]) / 365.25
        return np.where(np.isnan(apart), np.nan, np.where(apart > self.oldest_years, np.log(self.stray), 0.0))


def steadied(votes: Floats) -> Floats:
    """The square roots of votes, NaN where excluded: votes add up, and the more there are, the more they vary.

    The order stays; what the root steadies is the deviation that scores are measured in (Bartlett 1936, The square
    root transformation in analysis of variance).
    """
    return np.where(votes >= 0, np.sqrt(np.maximum(votes, 0)), np.float32(np.nan)).astype(np.float32)


def shortlist(scores: Floats, size: int) -> Positions:
    """The gallery annotations that are worth a closer look: the best of each photograph of the query, in turns.

    Args:
        scores: (q, n) of exact global evidence; NaN where not compared.
        size: how many to choose, at most.

    Returns:
        Positions in ascending order.
    """
    ranks = (-np.where(np.isnan(scores), -np.inf, scores)).argsort(axis=1, kind="stable").argsort(axis=1)
    ranks = np.where(np.isnan(scores), scores.shape[1], ranks).min(axis=0, initial=scores.shape[1])
    order = ranks.argsort(kind="stable")[:size]
    return np.sort(order[ranks[order] < scores.shape[1]])


def pooled_scores(
    evidence: Sequence[Evidence],
    asked: Asked,
    gallery: Photographed,
    size: int | None = None,
    pooling: Pooling = USUAL,
) -> dict[str, npt.NDArray[np.float64]]:
    """What each kind of evidence gives each individual of the gallery.

    Args:
        evidence: the first looks at everything; where ``size`` is given, the others at its best only.
        asked: the query.
        gallery: that the evidence was made of.
        size: of the shortlist, in annotations; None = everything is compared by all.
        pooling: how pairs are joined.

    Returns:
        By name, (m,) scores in the order of ``gallery.numbered``, as the fusion takes them.
    """
    names, codes = gallery.numbered
    pooled: dict[str, npt.NDArray[np.float64]] = {}
    positions: Positions | None = None
    for kind in evidence:
        scores = kind.compare(asked, positions)
        if size is not None and positions is None:
            positions = shortlist(scores, size)
        pooled[kind.name] = pool(scores, codes, len(names), pooling, asked.admitted(gallery))
    return pooled


def sample_by_key(keys: Sequence[Hashable], size: int) -> Positions:
    """Positions of ``size`` annotations drawn by what they are known by: the same in whatever order they stand."""
    lots = [hashlib.blake2b(repr(key).encode(), digest_size=8).digest() for key in keys]
    return np.array(sorted(range(len(keys)), key=lots.__getitem__)[:size], np.intp)


def kilometres(here: Ratios, there: Ratios) -> Ratios:
    """Great-circle distance of points (..., 2), latitude and longitude in degrees, by the haversine formula."""
    here, there = np.deg2rad(here), np.deg2rad(there)
    half = np.sin((there - here) / 2) ** 2
    across = np.cos(here[..., 0]) * np.cos(there[..., 0]) * half[..., 1]
    return np.asarray(2 * 6371.0088 * np.arcsin(np.sqrt(np.clip(half[..., 0] + across, 0, 1))), np.float64)


def _asked_pairs(asked: Asked, gallery: Photographed, positions: Positions | None) -> Truths:
    pairs = asked.admitted(gallery)
    if positions is not None:
        outside = np.ones(len(gallery), bool)
        outside[positions] = False
        pairs[:, outside] = False
    return pairs


def _objects(column: Sequence[Any], count: int) -> npt.NDArray[np.object_]:
    values = np.full(count, None, object)
    values[: len(column)] = list(column)
    return values


def _among(column: Sequence[Any], values: Collection[Any], count: int) -> Truths:
    return np.array([value in values for value in _objects(column, count)], bool)


def _missing(values: npt.NDArray[np.object_]) -> Truths:
    return np.array([value is None for value in values.flat], bool).reshape(values.shape)


def _nothing(asked: Photographed, gallery: Photographed) -> Ratios:
    return np.full((len(asked), len(gallery)), np.nan)


def _coordinates(annotations: Photographed) -> Ratios:
    places = annotations.places or [None] * len(annotations)
    return np.array([(np.nan, np.nan) if place is None else place for place in places], np.float64).reshape(-1, 2)


def _days(annotations: Photographed) -> Ratios:
    seen = annotations.seen or [None] * len(annotations)
    return np.array([np.nan if day is None else day.toordinal() for day in seen], np.float64)
