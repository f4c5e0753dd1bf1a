"""What the user asks about: files and encounters made into queries."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from sqlalchemy import select

from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.catalogue.tables import Medium
from hanzaki.errors import BadMedium, CatalogueError, printable
from hanzaki.fieldwork.files import find_photographs
from hanzaki.media import read


@dataclass(frozen=True)
class Query:
    """One animal that somebody asks about.

    Attributes:
        name: the file or encounter, as the user knows it.
        encounter: in the catalogue; None for a file that the catalogue does not hold.
        annotations: of the catalogue, that show it; empty for such a file.
        file: such a file; None for what the catalogue holds.
    """

    name: str
    encounter: int | None
    annotations: tuple[int, ...] = ()
    file: Path | None = None


@dataclass
class Asked:
    """What the user asks about, and what of it cannot be used."""

    queries: list[Query] = field(default_factory=list)
    skipped: list[BadMedium] = field(default_factory=list)


def find_queries(catalogue: Catalogue, asked: Sequence[Path | str | int], table: pd.DataFrame) -> Asked:
    """Make queries of files, folders and encounter numbers.

    A photograph that the catalogue holds is found by its content, whatever its name, and asks about every animal
    that it shows; an encounter asks about its animal with all its photographs.

    Args:
        catalogue: where to look.
        asked: paths, or numbers of encounters (a number that is also a file's name is taken as the file).
        table: the catalogue's annotations, see ``annotation_table``.

    Raises:
        CatalogueError: if there is no such encounter.
    """
    result = Asked()
    for item in asked:
        if not isinstance(item, (str, Path)):  # an integer, numpy's too
            result.queries.append(_encounter(int(item), table))
            continue
        if _is_number(str(item)) and not Path(item).exists():
            result.queries.append(_encounter(int(str(item)), table))
            continue
        found = find_photographs([item])
        result.skipped += found.unreadable
        for file in found.photographs:
            try:
                result.queries += _photograph(catalogue, file, table)
            except BadMedium as bad:
                result.skipped.append(bad)
    return result


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _encounter(number: int, table: pd.DataFrame) -> Query:
    annotations = table.loc[table["encounter"] == number, "annotation"]
    if annotations.empty:
        raise CatalogueError(f"there is no encounter {number}; `hanzaki encounters` lists them")
    return Query(f"encounter {number}", number, tuple(annotations))


def _photograph(catalogue: Catalogue, file: Path, table: pd.DataFrame) -> list[Query]:
    sha256 = hashlib.sha256(read(file)).hexdigest()
    with catalogue.reading() as session:
        medium = session.scalar(select(Medium.id).where(Medium.sha256 == sha256))
    if medium is None:
        return [Query(printable(file), None, file=file)]
    shown = table[table["medium"] == medium]
    return [
        Query(printable(file), encounter, tuple(shown.loc[shown["encounter"] == encounter, "annotation"]))
        for encounter in sorted(shown["encounter"].unique())
    ]
