"""What a user names by number or name, found in the catalogue, or an error that says where to look."""

from __future__ import annotations

import difflib

from sqlalchemy import select
from sqlalchemy.orm import Session

from hanzaki.catalogue import decisions
from hanzaki.catalogue.tables import Annotation, Encounter, Individual
from hanzaki.errors import CatalogueError, DecisionError

_BEYOND = 1 << 63  # no number of a row is so large


def encounter_numbered(session: Session, number: int) -> Encounter:
    """An encounter by its number.

    Raises:
        CatalogueError: if there is none.
    """
    found = session.get(Encounter, number) if number < _BEYOND else None
    if found is None:
        raise CatalogueError(f"there is no encounter {number}; `hanzaki encounters` lists them")
    return found


def picture_numbered(session: Session, number: int) -> Annotation:
    """A picture by its number.

    Raises:
        CatalogueError: if there is none.
    """
    found = session.get(Annotation, number) if number < _BEYOND else None
    if found is None:
        raise CatalogueError(f"there is no picture {number}; `hanzaki pictures ENCOUNTER` lists an encounter's")
    return found


def individual_of_species(session: Session, name: str, species: str | None) -> Individual:
    """The individual that an encounter of a species may be of.

    Raises:
        CatalogueError: if there is none of that name.
        DecisionError: if there is, but of another species.
    """
    found = decisions.individual_named(session, name, species)
    if found is not None:
        return found
    known = _called(session, name)
    if species is None and len(known) == 1:
        return known[0]  # whoever knows the animal knows its species
    if known:
        raise DecisionError(f"{name} is of another species than this encounter ({species or 'not recorded'})")
    raise _unknown(session, name)


def individual_called(session: Session, name: str) -> Individual:
    """The only individual of a name.

    Raises:
        CatalogueError: if there is none of that name.
        DecisionError: if there are several, of different species.
    """
    known = _called(session, name)
    if not known:
        raise _unknown(session, name)
    if len(known) > 1:
        kinds = ", ".join(sorted(individual.species or "not recorded" for individual in known))
        raise DecisionError(f"there are {len(known)} called {name} ({kinds}); name an encounter of the one meant")
    return known[0]


def _called(session: Session, name: str) -> list[Individual]:
    query = select(Individual).where(Individual.name == name, Individual.retired.is_(False))
    return list(session.scalars(query))


def _unknown(session: Session, name: str) -> CatalogueError:
    names = list(session.scalars(select(Individual.name).where(Individual.retired.is_(False))))
    close = difflib.get_close_matches(name, names, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else "`hanzaki individuals` lists them."
    return CatalogueError(f"there is no individual {name!r}; {hint} A new animal is `new`.")
