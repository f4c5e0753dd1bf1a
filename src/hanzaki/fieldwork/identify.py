"""Who is it? Photographs or encounters in, candidates in order out, with the scope that chose them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from hanzaki.catalogue import gallery
from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.errors import BadMedium, SettingError
from hanzaki.fieldwork.describe import describe
from hanzaki.fieldwork.progress import Progress, silent
from hanzaki.fieldwork.queries import Query, find_queries
from hanzaki.fieldwork.watch import Glimpse, Watched
from hanzaki.matching.candidates import Candidate, rank_individuals
from hanzaki.matching.index import Index, build_index
from hanzaki.matching.scope import SIDES, Scope
from hanzaki.media import Pixels, decode, read
from hanzaki.settings import settings
from hanzaki.vision.crop import crop
from hanzaki.vision.describing import Describer, Description, describe_all, from_bytes

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Photograph:
    """A photograph of the catalogue, as an answer shows it: its original name, its file, its annotation."""

    name: str
    path: Path
    annotation: int


@dataclass(frozen=True)
class Answer:
    """One individual that a query may be.

    Attributes:
        individual: its name.
        score: orders the candidates of one query; it is no probability.
        photograph: of it, the one that speaks best for it.
        encounter: of that photograph.
        asked: the query's photograph that is so much like it; None where the query is a file.
    """

    individual: str
    score: float
    photograph: Photograph
    encounter: int
    asked: int | None


@dataclass(frozen=True)
class Identification:
    """What was found for one query.

    Attributes:
        query: the file or encounter, as the user knows it.
        encounter: its encounter in the catalogue; None for a file that the catalogue does not hold.
        file: such a file; None for what the catalogue holds.
        glimpse: where that file shows the animal best, if it is a video.
        known_as: who the catalogue says it is; the search did not use that.
        scope: where candidates were looked for.
        photographs: how many photographs of named individuals lay in the scope, without the query's own encounter.
        individuals: how many individuals those show.
        poor: whether all its pictures show the animal badly and were compared for want of others.
        model: what compared them.
        candidates: best first.
    """

    query: str
    encounter: int | None
    file: Path | None
    glimpse: Glimpse | None
    known_as: str | None
    scope: Scope
    photographs: int
    individuals: int
    poor: bool
    model: str
    candidates: tuple[Answer, ...]


@dataclass
class IdentifyReport:
    """Answers to all queries, and the files that cannot be used, each with its reason."""

    identifications: list[Identification] = field(default_factory=list)
    skipped: list[BadMedium] = field(default_factory=list)


def identify(
    catalogue: Catalogue,
    asked: Sequence[Path | str | int],
    describer: Describer,
    *,
    scope: Scope | None = None,
    any_side: bool = False,
    top: int = 5,
    watched: Callable[[Path], Watched],
    progress: Progress = silent,
) -> IdentifyReport:
    """Find who the animals in photographs, videos or encounters are.

    What the catalogue's photographs were not yet described by is computed first, and kept. A query never finds its
    own encounter. Files that the catalogue does not hold are looked at and not added. Pictures that were set aside
    are not compared, unless a query, or a side of a named individual, has no others.

    Args:
        catalogue: with named individuals.
        asked: files, folders, or numbers of encounters.
        describer: a model, or SIFT.
        scope: where to look; what it leaves open (species, side) is taken from each query.
        any_side: also compare left flanks with right ones.
        top: how many candidates to give.
        watched: what is seen in a video that the catalogue does not hold.
        progress: told how far it is.

    Raises:
        CatalogueError: if there is no such encounter.
        SettingError: if ``top`` is not positive, or a side is asked for and any side as well.
        KeyboardInterrupt: if the user stops it; what was described by then is kept.
    """
    if any_side and scope is not None and scope.sides:
        raise SettingError("one side and any side cannot both be asked for")
    if top < 1:
        raise SettingError(f"top {top}: ask for one candidate or more")
    with catalogue.reading() as session:
        table = gallery.annotation_table(session)
    questions = find_queries(catalogue, asked, table, watched)
    described = describe(catalogue, describer, progress)
    if described.interrupted:
        raise KeyboardInterrupt  # an answer from half of the gallery would look like one from all of it
    with catalogue.reading() as session:
        table = gallery.annotation_table(session)  # describing has judged what to set aside
    report = IdentifyReport(skipped=[*questions.skipped, *described.skipped])
    search = _Search(catalogue, describer, table, scope or Scope(), any_side)
    for done, query in enumerate(questions.queries, 1):
        try:
            report.identifications.append(search.identify(query, top))
        except BadMedium as bad:
            report.skipped.append(bad)
        progress("identifying", done, len(questions.queries))
    return report


class _Search:
    """One catalogue searched for many queries; what several of them need is built once."""

    def __init__(
        self, catalogue: Catalogue, describer: Describer, table: pd.DataFrame, scope: Scope, any_side: bool
    ) -> None:
        self.catalogue = catalogue
        self.describer = describer
        self.table = table.set_index("annotation", drop=False)
        self.scope = scope
        self.any_side = any_side
        with catalogue.reading() as session:
            self._described = gallery.described(session, describer.name)
        named = table["individual_id"].notna() & table["annotation"].isin(self._described)
        self.gallery = _without_poor(table[named]).reset_index(drop=True)
        self._indexes: dict[Scope, tuple[npt.NDArray[np.intp], Index]] = {}

    def identify(self, query: Query, top: int) -> Identification:
        shown, poor = self._shown(query)
        own = self.table.loc[shown]
        scopes = [self._scope_of(row["species"], row["side"]) for _, row in own.iterrows()]
        scopes = scopes or [self.scope] * max(1, len(query.glimpses))
        scores = np.stack(
            [
                self._scores(description, scope, query.encounter)
                for description, scope in zip(self._descriptions(query, shown), scopes, strict=True)
            ]
        )
        inside = np.isfinite(scores).any(axis=0)
        candidates = rank_individuals(scores, self.gallery["individual_id"].tolist(), top)
        return Identification(
            query=query.name,
            encounter=query.encounter,
            file=query.file,
            glimpse=max(query.glimpses, key=lambda glimpse: glimpse.quality.score, default=None),
            known_as=None if own.empty else own["individual"].iloc[0],
            scope=_joined(scopes),
            photographs=int(inside.sum()),
            individuals=int(self.gallery["individual_id"].iloc[np.flatnonzero(inside)].nunique()),
            poor=poor,
            model=self.describer.name,
            candidates=tuple(self._answer(candidate, shown) for candidate in candidates),
        )

    def _shown(self, query: Query) -> tuple[list[int], bool]:
        """The annotations to compare, and whether they are poor ones for want of others."""
        if query.file is not None:
            return [], all(glimpse.quality.low for glimpse in query.glimpses) and bool(query.glimpses)
        described = [row for row in query.annotations if row in self._described]
        if not described:
            unwatched = self.table.loc[list(query.annotations), "unwatched"].all()
            trouble = "nobody has looked for the animal in its video yet: run `hanzaki detect`"
            raise BadMedium(query.name, trouble if unwatched else "none of its photographs could be described")
        good = [row for row in described if not self.table.loc[row, "aside"]]
        return good or described, not good

    def _scope_of(self, species: str | None, side: str | None) -> Scope:
        sides = self.scope.sides or ((side,) if side in SIDES else ())
        return replace(
            self.scope,
            species=self.scope.species or species,
            sides=() if self.any_side else sides,
        )

    def _scores(self, description: Description, scope: Scope, encounter: int | None) -> Floats:
        """Scores of one picture against the whole gallery, -inf outside of the scope and in its own encounter."""
        if scope not in self._indexes:
            positions = np.flatnonzero(scope.mask(self.gallery))
            self._indexes[scope] = positions, self._index(positions)
        positions, index = self._indexes[scope]
        encounters = self.gallery["encounter"].to_numpy()[positions]
        (block,) = index.search([description], [np.flatnonzero(encounters == encounter)])
        scores = np.full(len(self.gallery), -np.inf, np.float32)
        scores[positions] = block[0]
        return scores

    def _index(self, positions: npt.NDArray[np.intp]) -> Index:
        rows = self.gallery.iloc[positions]
        individuals = rows["individual_id"].astype(str).tolist()
        return build_index(self._stored(rows["annotation"].tolist()), individuals, rows["side"].tolist())

    def _stored(self, annotations: Sequence[int]) -> list[Description]:
        with self.catalogue.reading() as session:
            found = gallery.descriptions(session, self.describer.name, annotations)
        return [from_bytes(*found[annotation]) for annotation in annotations]

    def _descriptions(self, query: Query, own: Sequence[int]) -> list[Description]:
        if query.file is None:
            return self._stored(own)
        pictures = _pictures(query.file, query.glimpses, self.describer.area_fraction)
        descriptions: list[Description] = []
        for _, description in describe_all(
            self.describer, range(len(pictures)), pictures.__getitem__, settings().threads
        ):
            if isinstance(description, BadMedium):
                raise description
            descriptions.append(description)
        return descriptions

    def _answer(self, candidate: Candidate, own: Sequence[int]) -> Answer:
        row = self.gallery.iloc[candidate.gallery]
        photograph = Photograph(row["name"], self.catalogue.media.path(row["path"]), int(row["annotation"]))
        asked = own[candidate.query] if own else None
        return Answer(row["individual"], candidate.score, photograph, int(row["encounter"]), asked)


def _without_poor(table: pd.DataFrame) -> pd.DataFrame:
    """Annotations without those that were set aside, where an individual has better ones of the same side."""
    good = ~table["aside"].astype(bool)
    better = good.groupby([table["individual_id"], table["side"].fillna("")]).transform("any")
    return table[good | ~better]


def _pictures(file: Path, glimpses: Sequence[Glimpse], area_fraction: float) -> list[Pixels]:
    """What of a file is to be described: a photograph as a whole, a video's animal where it was seen best."""
    if not glimpses:
        return [decode(read(file), file, settings().max_megapixels)]
    return [crop(glimpse.pixels, None, area_fraction) for glimpse in glimpses]


def _joined(scopes: Sequence[Scope]) -> Scope:
    """The scope of an encounter whose photographs show several sides: each was looked for among its like."""
    sides = sorted({side for scope in scopes for side in scope.sides})
    open_side = any(not scope.sides for scope in scopes)
    return replace(scopes[0], sides=() if open_side else tuple(sides))
