"""What a person tells of animals and pictures beside who they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.orm import Session

from hanzaki.catalogue import decisions, facts
from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.catalogue.facts import SIDE, Fact
from hanzaki.catalogue.tables import Decision, Encounter, Individual
from hanzaki.errors import SettingError
from hanzaki.fieldwork.named import encounter_numbered, individual_called, picture_numbered
from hanzaki.settings import who

#: What a person says who knows no better than that what stands is wrong.
UNKNOWN = "unknown"


class Altered(NamedTuple):
    """What a decision altered.

    Attributes:
        what: ``encounter 3``, ``picture 41``, or an individual's name.
        label: ``individual``, ``species``, ``sex``, ``origin`` or ``orientation``.
        before: what stood until then.
        after: what stands now.
    """

    what: str
    label: str
    before: str | None
    after: str | None


def tell(
    catalogue: Catalogue,
    *,
    encounters: Sequence[int] = (),
    pictures: Sequence[int] = (),
    individuals: Sequence[str] = (),
    species: str | None = None,
    sex: str | None = None,
    origin: str | None = None,
    side: str | None = None,
) -> list[Altered]:
    """Keep what a person tells, with who and when; it stands above whatever a table or a classifier says.

    Species, sex and origin are of an animal, by its encounter or by its name; the side is of a picture, or of all
    pictures of an encounter. What is told of an individual holds for all its encounters.

    Args:
        catalogue: to write into.
        encounters: their numbers.
        pictures: their numbers.
        individuals: their names.
        species: scientific name; here and below ``unknown`` takes back what stands.
        sex: female, male, or what else is told apart.
        origin: native, hybrid, or what else is told apart.
        side: left, right, top ...

    Returns:
        what was altered.

    Raises:
        SettingError: if nothing is told, or of nothing, or a side of an individual or a species of a picture.
        CatalogueError: if there is no such encounter, picture or individual.
        DecisionError: if all of it was told already, or speaks against what was told of the individual.
    """
    of_animal = {"species": species, "sex": sex, "origin": origin}
    told = {label: _read(label, value) for label, value in of_animal.items() if value is not None}
    _require_sense(encounters, pictures, individuals, told, side)
    with catalogue.writing() as session:
        meetings = [encounter_numbered(session, number) for number in encounters]
        animals: list[Encounter | Individual] = [*meetings]
        animals += [individual_called(session, name) for name in individuals]
        stated = [Fact(animal, label, value) for animal in animals for label, value in told.items()]
        if side is not None:
            shown = [row for meeting in meetings for row in meeting.annotations]
            shown += [picture_numbered(session, number) for number in pictures]
            stated += [Fact(row, SIDE, _read(SIDE, side)) for row in shown]
        return altered(session, decisions.tell(session, stated, who=who()))


def altered(session: Session, decision: Decision) -> list[Altered]:
    """What a decision altered."""
    names: dict[int | None, str | None] = {None: None}
    found = []
    for change in decision.changes:
        for number in (change.before_id, change.after_id):
            if number not in names:
                names[number] = session.get_one(Individual, number).name
        what = f"encounter {change.encounter_id}"
        found.append(Altered(what, "individual", names[change.before_id], names[change.after_id]))
    for statement in decision.statements:
        what = facts.name_of(statement.subject)
        found.append(Altered(what, statement.label, statement.before, statement.after))
    return found


def _require_sense(
    encounters: Sequence[int],
    pictures: Sequence[int],
    individuals: Sequence[str],
    told: dict[str, str | None],
    side: str | None,
) -> None:
    if not told and side is None:
        raise SettingError("say what you know: --species, --sex, --origin or --side")
    if not (encounters or pictures or individuals):
        raise SettingError("say of what: an ENCOUNTER, --picture N or --individual NAME")
    if told and pictures:
        raise SettingError(
            f"{' and '.join(told)}: is told of an animal, not of a picture; name the picture's encounter, or put "
            "the picture into one of its own first (`hanzaki regroup`)"
        )
    if side is not None and individuals:
        raise SettingError("the side is told of pictures or of an encounter, not of an individual")


def _read(label: str, value: str) -> str | None:
    """A value as tables have it: kinds in lower case, species as they are written."""
    value = " ".join(value.split())
    if not value:
        raise SettingError(f"{label}: is empty; `{UNKNOWN}` takes back what stands")
    if value.lower() == UNKNOWN:
        return None
    return value if label == "species" else value.lower()
