"""Splits: which rows of a table to learn from, to choose with, and to test on, so that the test means something.

A protocol places every row; all of them are drawn by lot from the seed, so that the order of the table decides
nothing. :func:`make_split` is the way in.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hanzaki.annotations import AnnotationRow, Annotations
from hanzaki.errors import SettingError
from hanzaki.evaluation.encounters import Encounter, Individual, encounter_of, individual_of
from hanzaki.evaluation.lots import Name, drawn, first
from hanzaki.evaluation.miewid_split import place_miewid
from hanzaki.evaluation.placing import SIDE_UNSEEN, TEST, TRAIN, VALIDATION
from hanzaki.evaluation.when import HOURS, Days, Lights

#: Why a row stands in no part, beside what a protocol says.
NOBODY = "nobody known"
TWICE = "stands twice in the table"
NO_DATE = "no date"
NO_TIME = "no time of day"
OTHER_TIME = "of neither side's days or light"

Unit = Literal["individual", "encounter", "photograph"]


class Options(BaseModel):
    """What may be asked of a split; None means that nothing was said."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(0, ge=0)
    test: float | None = Field(None, gt=0, lt=1)
    validation: float = Field(0.0, ge=0, lt=1)
    validation_by: Unit | None = None
    unknown: float | None = Field(None, gt=0, lt=1)
    train_days: str | None = None
    test_days: str | None = None
    train_light: str | None = None
    test_light: str | None = None
    hours: str | None = None


@dataclass(frozen=True)
class Split:
    """A table in parts.

    Attributes:
        protocol: by which it was split.
        seed: of all that was drawn.
        options: what was asked, what nothing was said of left out.
        parts: ``train``, ``validation`` if any was asked for, and ``test``, in this order.
        left_out: how many rows stand in no part, by reason.
    """

    protocol: str
    seed: int
    options: dict[str, Any]
    parts: dict[str, Annotations]
    left_out: dict[str, int] = field(default_factory=dict)

    def individuals(self, part: str) -> set[Individual]:
        """Who stands in a part."""
        return {individual_of(row) for row in self.parts[part]}

    def encounters(self, part: str) -> set[Encounter]:
        """The encounters of a part."""
        return {encounter_of(row) for row in self.parts[part]}

    def unseen(self, part: str) -> set[Individual]:
        """Who stands in a part and is not learnt from."""
        return self.individuals(part) - self.individuals(TRAIN)


#: Where each row goes: a part's name, or else the reason why to none.
Place = Callable[[Sequence[AnnotationRow], Options], list[str]]


@dataclass(frozen=True)
class Protocol:
    """A way to split.

    Attributes:
        place: says of rows of known individuals, none twice, where each goes.
        takes: the options that mean something to it, beside those that all take.
        validation_by: what validation is drawn by unless asked otherwise: what it tells must be like the test.
        closed: whether all that is tested must be learnt from, side by side.
    """

    place: Place
    takes: frozenset[str]
    validation_by: Unit
    closed: bool = False


def make_split(table: Annotations, protocol: str, **options: Any) -> Split:
    """Split a table.

    Rows of nobody known are left out, and rows that stand twice count once; all that is left out is counted. Who
    is one individual and what is one encounter, :mod:`hanzaki.evaluation.encounters` says. Nothing is read but the
    table: whether the split leaks, :func:`hanzaki.evaluation.leaks.find_leaks_between` tells of its parts.

    Args:
        table: with identities.
        protocol: a name in :data:`PROTOCOLS`.
        options: fields of :class:`Options`.

    Raises:
        SettingError: if there is no such protocol or option, a value cannot be used, or a part would be empty.
    """
    if protocol not in PROTOCOLS:
        raise SettingError(f"there is no protocol {protocol!r}; there are {', '.join(PROTOCOLS)}")
    asked = _checked(protocol, options)
    rows, left_out = _usable(table)
    places = PROTOCOLS[protocol].place([rows[position] for position in rows], asked)
    placed = dict(zip(rows, places, strict=True))
    _require(TRAIN, placed, protocol)
    _require(TEST, placed, protocol)
    if asked.validation:
        _take_validation(rows, placed, asked, asked.validation_by or PROTOCOLS[protocol].validation_by)
    if PROTOCOLS[protocol].closed:
        _close(rows, placed)
    names = [TRAIN, *([VALIDATION] if asked.validation else []), TEST]
    for name in names:
        _require(name, placed, protocol)
    left_out.update(place for place in placed.values() if place not in names)
    return Split(
        protocol,
        asked.seed,
        asked.model_dump(exclude_defaults=True, exclude={"seed"}),
        {name: _part(table, [at for at, place in placed.items() if place == name]) for name in names},
        dict(sorted(left_out.items())),
    )


def _checked(protocol: str, options: dict[str, Any]) -> Options:
    given = {name: value for name, value in options.items() if value is not None}
    try:
        asked = Options(**given)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise SettingError(f"the split cannot be made: {wrong}") from error
    meant = PROTOCOLS[protocol].takes | {"seed", "validation", "validation_by"}
    for name in given:
        if name not in meant:
            option = "--" + name.replace("_", "-")
            raise SettingError(f"{option} means nothing to the protocol {protocol}; leave it out")
    return asked


def _usable(table: Annotations) -> tuple[dict[int, AnnotationRow], Counter[str]]:
    """Rows of known individuals by their position in the table, in an order that their content alone decides."""
    ordered = sorted(enumerate(table), key=lambda item: (item[1].path, repr(item[1])))
    rows: dict[int, AnnotationRow] = {}
    left_out: Counter[str] = Counter()
    seen: set[tuple[object, ...]] = set()
    for position, row in ordered:
        if row.identity is None:
            left_out[NOBODY] += 1
        elif (key := (row.path, row.bbox, row.species, row.identity)) in seen:
            left_out[TWICE] += 1
        else:
            seen.add(key)
            rows[position] = row
    return rows, left_out


def _part(table: Annotations, positions: list[int]) -> Annotations:
    return Annotations(pd.DataFrame(table.frame.iloc[positions]), source=table.source)


def _require(part: str, placed: dict[int, str], protocol: str) -> None:
    if part not in placed.values():
        reasons = Counter(place for place in placed.values() if place not in (TRAIN, VALIDATION, TEST))
        told = "; ".join(f"{count} rows: {reason}" for reason, count in reasons.most_common(3))
        raise SettingError(
            f"the protocol {protocol} leaves nothing for {part}"
            f" ({told or 'the table has too few individuals or encounters'})"
        )


def _take_validation(rows: dict[int, AnnotationRow], placed: dict[int, str], asked: Options, unit: Unit) -> None:
    """Take a share off training, by whole units.

    By individual, only those are taken that are not tested, since who is tested as known must be learnt from; by
    encounter, every individual keeps one to learn from.
    """
    names = {at: _UNITS[unit](rows[at]) for at in rows if placed[at] == TRAIN}
    taken: set[Name]
    if unit == "encounter":
        taken = _share_of_each(list(names.values()), asked.validation, asked.seed, VALIDATION)
    else:
        tested = {individual_of(rows[at]) for at in rows if placed[at] == TEST} if unit == "individual" else set()
        taken = drawn(set(names.values()) - tested, asked.validation, asked.seed, VALIDATION)
    if not taken:
        raise SettingError(
            f"no validation can be taken off training by {unit}: there is none to spare; give --validation-by"
            " another unit, or leave validation out"
        )
    placed.update({at: VALIDATION for at, name in names.items() if name in taken})


def _share_of_each(encounters: Sequence[Encounter], share: float, seed: int, purpose: str) -> set[Name]:
    """A share of every individual's encounters: of two or more at least one, and never all."""
    of: dict[Name, list[Name]] = defaultdict(list)
    for encounter in encounters:
        of[encounter[:2]].append(encounter)
    return {taken for own in of.values() for taken in first(own, share, seed, purpose)}


def _close(rows: dict[int, AnnotationRow], placed: dict[int, str]) -> None:
    """Leave out what shows a learnt individual from a side that was not learnt: neither known nor unknown."""
    learnt = {(individual_of(rows[at]), rows[at].orientation) for at in rows if placed[at] == TRAIN}
    known = {individual for individual, _ in learnt}
    for at, row in rows.items():
        who = individual_of(row)
        if placed[at] in (VALIDATION, TEST) and who in known and (who, row.orientation) not in learnt:
            placed[at] = SIDE_UNSEEN


def _photograph(row: AnnotationRow) -> Name:
    return (row.species or "", row.path)


_UNITS: dict[Unit, Callable[[AnnotationRow], Name]] = {
    "individual": individual_of,
    "encounter": encounter_of,
    "photograph": _photograph,
}


def _place_individual(rows: Sequence[AnnotationRow], asked: Options) -> list[str]:
    """Whole individuals, all sides of each together: nobody tested was learnt from (the hybrid study's split)."""
    return _by(rows, drawn(map(individual_of, rows), asked.test or _SHARE, asked.seed, TEST), individual_of)


def _place_encounter(rows: Sequence[AnnotationRow], asked: Options) -> list[str]:
    """A share of every individual's encounters; with ``unknown``, some individuals are tested only."""
    strangers: set[Name] = set()
    if asked.unknown is not None:
        strangers = drawn(map(individual_of, rows), asked.unknown, asked.seed, "unknown")
    known = [encounter_of(row) for row in rows if individual_of(row) not in strangers]
    tested = _share_of_each(known, asked.test or _SHARE, asked.seed, TEST)
    return [TEST if individual_of(row) in strangers or encounter_of(row) in tested else TRAIN for row in rows]


def _place_photograph(rows: Sequence[AnnotationRow], asked: Options) -> list[str]:
    """Photographs at random, as is often done: to show what leaking is worth, and for nothing else."""
    return _by(rows, drawn(map(_photograph, rows), asked.test or _SHARE, asked.seed, TEST), _photograph)


def _by(rows: Sequence[AnnotationRow], tested: set[Name], unit: Callable[[AnnotationRow], Name]) -> list[str]:
    return [TEST if unit(row) in tested else TRAIN for row in rows]


def _place_date(rows: Sequence[AnnotationRow], asked: Options) -> list[str]:
    """Some days against others (salamander paper, Methods: train on August 20, test on August 21)."""
    if asked.train_days is None:
        raise SettingError("the protocol date needs --train-days, as 2022-08-20 or ..2025-04-03")
    return _place_when(rows, asked)


def _place_daytime(rows: Sequence[AnnotationRow], asked: Options) -> list[str]:
    """One light against others; with days, the same light of other days too (salamander paper, Table 2)."""
    if asked.train_light is None:
        raise SettingError("the protocol daytime needs --train-light, as morning")
    return _place_when(rows, asked)


def _place_when(rows: Sequence[AnnotationRow], asked: Options) -> list[str]:
    """By day and light, as far as they are asked for; unless said, the test is all that is not trained on."""
    lights = Lights(asked.hours or HOURS)
    train_days, test_days = (Days(text) if text else None for text in (asked.train_days, asked.test_days))
    train_light, test_light = (
        lights.named(text) if text else None for text in (asked.train_light, asked.test_light)
    )

    def place(row: AnnotationRow) -> str:
        if row.date is None:
            return NO_DATE
        light = lights.at(row.date)
        if train_light is not None and light is None:
            return NO_TIME if row.date.time() == row.date.min.time() else OTHER_TIME
        train_day = train_days is None or row.date in train_days
        test_day = train_days is None or not train_day if test_days is None else row.date in test_days
        lit = train_light is None or light in train_light
        test_lit = train_light is None or not lit if test_light is None else light in test_light
        if train_day and lit and test_day and test_lit:
            raise SettingError(
                f"{row.path} of {row.date:%Y-%m-%d %H:%M} stands on both sides: name other days or another light"
            )
        if train_day and lit:
            return TRAIN
        return TEST if test_day and test_lit else OTHER_TIME

    return [place(row) for row in rows]


def _place_miewid(rows: Sequence[AnnotationRow], asked: Options) -> list[str]:
    return place_miewid(rows, asked.seed, asked.test)


#: Of individuals, encounters or photographs to test with, where nothing is said.
_SHARE = 0.3

#: All ways to split, by name.
PROTOCOLS: dict[str, Protocol] = {
    "miewid": Protocol(_place_miewid, frozenset({"test"}), "individual"),
    "individual": Protocol(_place_individual, frozenset({"test"}), "individual"),
    "date": Protocol(_place_date, frozenset({"train_days", "test_days"}), "encounter"),
    "daytime": Protocol(
        _place_daytime,
        frozenset({"train_days", "test_days", "train_light", "test_light", "hours"}),
        "encounter",
    ),
    "encounter": Protocol(_place_encounter, frozenset({"test", "unknown"}), "encounter", closed=True),
    "photograph": Protocol(_place_photograph, frozenset({"test"}), "photograph"),
}
