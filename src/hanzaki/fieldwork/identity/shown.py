"""What of a query is compared: its best pictures, what is recorded of them, and where is looked for their like."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.errors import BadMedium
from hanzaki.fieldwork.identity.comparing import Stored, recorded
from hanzaki.fieldwork.identity.method import Method
from hanzaki.fieldwork.queries import Query, pictures_of, told_by_file
from hanzaki.matching.evidence import Asked
from hanzaki.matching.scope import SIDES, Scope
from hanzaki.settings import settings
from hanzaki.vision.describing import Describer, Description, describe_all


@dataclass(frozen=True, eq=False)
class Shown:
    """What of a query is compared.

    Attributes:
        asked: its pictures, with their descriptions by all describers.
        annotations: their numbers; None each of a file.
        scope: which part of a gallery may be compared; flanks are kept apart picture by picture.
        told: the same for people, with the flanks that are looked for.
        poor: whether all show the animal badly and were taken for want of others.
    """

    asked: Asked
    annotations: tuple[int | None, ...]
    scope: Scope
    told: Scope
    poor: bool


@dataclass(frozen=True, eq=False)
class Showing:
    """Makes of queries what is compared.

    Attributes:
        catalogue: that holds the descriptions.
        method: how is compared.
        scope: where to look; what it leaves open is taken from the query.
        everything: the catalogue's annotations, see ``annotation_table``; the index is the annotation.
        table: those of them that all describers described.
    """

    catalogue: Catalogue
    method: Method
    scope: Scope
    everything: pd.DataFrame
    table: pd.DataFrame

    def __call__(self, query: Query, left_out: Collection[int] = ()) -> Shown:
        """What of a query is compared.

        Args:
            query: an encounter, or a file that the catalogue does not hold.
            left_out: numbers of individuals that it never meets.

        Raises:
            BadMedium: if there is nothing that can be compared, or the file cannot be read.
        """
        barred = frozenset(str(number) for number in left_out)
        return self._of_encounter(query, barred) if query.file is None else self._of_file(query, barred)

    def _of_encounter(self, query: Query, left_out: frozenset[str]) -> Shown:
        rows, poor = self._pictures(query)
        species = next(iter(rows["species"].dropna()), None)
        scope = replace(self.scope, species=self.scope.species or species)
        columns = recorded(rows, any_side=self.method.any_side or bool(scope.sides))
        annotations = rows["annotation"].tolist()
        descriptions = {
            each.name: list(Stored(self.catalogue, each.name, annotations)) for each in self.method.describers
        }
        asked = Asked(**columns, descriptions=descriptions, left_out=left_out)
        return Shown(asked, tuple(annotations), scope, _told(scope, asked.sides), poor)

    def _pictures(self, query: Query) -> tuple[pd.DataFrame, bool]:
        """The annotations of an encounter to compare, and whether they are poor ones for want of others."""
        described = [number for number in query.annotations if number in self.table.index]
        if not described:
            unwatched = self.everything.loc[list(query.annotations), "unwatched"].astype(bool).all()
            trouble = "nobody has looked for the animal in its video yet: run `hanzaki detect`"
            raise BadMedium(query.name, trouble if unwatched else "none of its photographs could be described")
        rows = self.table.loc[described]
        if self.scope.sides:
            rows = rows[~rows["side"].isin(SIDES.difference(self.scope.sides))]
        if rows.empty:
            asked = " or ".join(self.scope.sides)
            raise BadMedium(query.name, f"none of its photographs shows its {asked} side: leave out --side")
        good = rows[~rows["aside"].astype(bool)]
        return (rows, True) if good.empty else (good, False)

    def _of_file(self, query: Query, left_out: frozenset[str]) -> Shown:
        if query.file is None:
            raise ValueError(f"{query.name} is no file")
        descriptions = {each.name: _described(each, query) for each in self.method.describers}
        count = len(next(iter(descriptions.values())))
        told = told_by_file(query.file)
        asked = Asked(
            keys=range(count),
            seen=[told.seen] * count,
            places=[told.place] * count,
            descriptions=descriptions,
            left_out=left_out,
        )
        poor = bool(query.glimpses) and all(glimpse.quality.low for glimpse in query.glimpses)
        return Shown(asked, (None,) * count, self.scope, self.scope, poor)


def _described(describer: Describer, query: Query) -> list[Description]:
    """What a describer makes of a file's pictures.

    Raises:
        BadMedium: if it cannot be read.
    """
    pictures = pictures_of(query, describer.area_fraction)
    descriptions: list[Description] = []
    for _, found in describe_all(describer, range(len(pictures)), pictures.__getitem__, settings().threads):
        if isinstance(found, BadMedium):
            raise found
        descriptions.append(found)
    return descriptions


def _told(scope: Scope, sides: Sequence[str | None]) -> Scope:
    """The scope with the flanks of an encounter, each of which is looked for among its like."""
    if not sides or not all(side in SIDES for side in sides):
        return scope
    return replace(scope, sides=tuple(sorted({side for side in sides if side is not None})))
