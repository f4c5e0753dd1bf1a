"""Mistakes in a catalogue: pairs of individuals who are probably one, and individuals who are probably two."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.errors import BadMedium, CatalogueError, SettingError
from hanzaki.fieldwork.identity.asking import ready_matcher
from hanzaki.fieldwork.identity.identify import Photograph
from hanzaki.fieldwork.identity.matcher import Matcher
from hanzaki.fieldwork.identity.method import Method
from hanzaki.fieldwork.identity.said import said_different
from hanzaki.fieldwork.identity.suspicion import TOLERATED, WRONG, suspect
from hanzaki.fieldwork.progress import Progress, silent
from hanzaki.fieldwork.queries import encounter_queries
from hanzaki.matching.constraints import Constraint
from hanzaki.matching.mistakes import ProbablyOne, ProbablyTwo
from hanzaki.matching.odds import PairOdds
from hanzaki.matching.scope import SIDES

#: How many times likelier right than wrong a person is who said that two are not the same.
WORD = 2.0

#: Individuals met again from whom a catalogue's own mistakes can be judged; with fewer, little is learnt.
ENOUGH = 10

_FLANKS = tuple(sorted(SIDES))


@dataclass(frozen=True)
class Sight:
    """One photograph of an encounter, to be looked at."""

    encounter: int
    individual: str
    photograph: Photograph


@dataclass(frozen=True)
class OneAsTwo:
    """Two individuals who are probably one.

    Attributes:
        individuals: their names; the one with fewer encounters first.
        species: of both.
        probability: that they are one.
        false_alarms: expected share of false alarms among this and all before it in the list.
        encounters: of each.
        sights: a photograph of each, those that speak most for their being one.
        commands: what to run if they are one.
    """

    individuals: tuple[str, str]
    species: str | None
    probability: float
    false_alarms: float
    encounters: tuple[tuple[int, ...], tuple[int, ...]]
    sights: tuple[Sight, Sight]
    commands: tuple[str, ...]


@dataclass(frozen=True)
class TwoAsOne:
    """An individual who is probably two.

    Attributes:
        individual: its name.
        species: of both.
        probability: that it is two, split in whatever way.
        false_alarms: expected share of false alarms among this and all before it in the list.
        encounters: of each of the two, in the likeliest split; the fewer first.
        split: how probable that split is, if it is two.
        sights: a photograph of each, of the two encounters that are most alike: even these are unlike.
        commands: what to run if it is two, and the fewer encounters are of nobody known.
    """

    individual: str
    species: str | None
    probability: float
    false_alarms: float
    encounters: tuple[tuple[int, ...], tuple[int, ...]]
    split: float
    sights: tuple[Sight, Sight]
    commands: tuple[str, ...]


@dataclass(frozen=True)
class CheckReport:
    """What of a catalogue's names is probably wrong.

    Attributes:
        ones: individuals who are probably one, the most probable first.
        twos: individuals who are probably two, likewise.
        individuals: how many were judged.
        encounters: of how many encounters.
        learnt_from: how many were met again, from whom was learnt how far the pictures can be trusted.
        wrong, tolerated, word: what was asked for, see :func:`check`.
        models: what compared them.
        calibrated: in words, what the likelihood ratios rest on.
        skipped: photographs that could not be described.
    """

    ones: tuple[OneAsTwo, ...]
    twos: tuple[TwoAsOne, ...]
    individuals: int
    encounters: int
    learnt_from: int
    wrong: float
    tolerated: float
    word: float
    models: tuple[str, ...]
    calibrated: str
    skipped: tuple[BadMedium, ...] = ()

    @property
    def too_few(self) -> bool:
        """Whether so few animals were met again that the probabilities are hardly learnt from them."""
        return self.learnt_from < ENOUGH


def check(
    catalogue: Catalogue,
    method: Method,
    *,
    tolerated: float = TOLERATED,
    wrong: float = WRONG,
    word: float = WORD,
    progress: Progress = silent,
) -> CheckReport:
    """Find names of a catalogue that are probably wrong; nothing is changed.

    All named encounters are compared with each other, whatever their names; see
    :func:`hanzaki.fieldwork.identity.suspicion.suspect`.

    Args:
        catalogue: whose names.
        method: how animals are compared.
        tolerated: each of the two lists ends before its expected share of false alarms is larger.
        wrong: the share of encounters that is believed to have a wrong name, before anything is looked at.
        word: how many times likelier right than wrong a person is who said that two are not the same; 1 = that
            counts no more than the names which a table gives.
        progress: told how far it is.

    Raises:
        CatalogueError: if there are not two individuals whose pictures could be described.
        SettingError: if a share or the word cannot be used.
        KeyboardInterrupt: if the user stops it; what was described by then is kept.
    """
    _require_sense(tolerated, wrong, word)
    matcher, skipped = ready_matcher(catalogue, method, progress)
    table = matcher.table[matcher.table["individual_id"].notna()]
    first = table.drop_duplicates("encounter")
    met = dict(zip(map(int, first["encounter"]), map(int, first["individual_id"]), strict=True))
    count = len(set(met.values()))
    if count < 2:
        raise CatalogueError(
            "names can be checked where two animals have some: `hanzaki confirm ENCOUNTER new` names one"
        )
    encounters = list(met)
    odds = matcher.pair_odds(encounters, progress=progress)
    found = suspect(
        odds,
        list(met.values()),
        flanks_shown(table, encounters, method.any_side),
        _words(catalogue, met, odds, word),
        wrong=wrong,
        tolerated=tolerated,
    )
    shown = _Shown(catalogue, matcher, table, met, odds)
    return CheckReport(
        ones=tuple(shown.one(each) for each in found.ones),
        twos=tuple(shown.two(each) for each in found.twos),
        individuals=count,
        encounters=len(encounters),
        learnt_from=found.learnt_from,
        wrong=wrong,
        tolerated=tolerated,
        word=word,
        models=method.names,
        calibrated=matcher.calibrated,
        skipped=tuple(skipped),
    )


class _Shown:
    """What was found, with the photographs that show it and the commands that put it right."""

    def __init__(
        self, catalogue: Catalogue, matcher: Matcher, table: pd.DataFrame, met: Mapping[int, int], odds: PairOdds
    ) -> None:
        self._catalogue, self._matcher, self._table, self._odds = catalogue, matcher, table, odds
        self._encounters = np.array(list(met), np.int64)
        self._member = np.array(list(met.values()), np.int64)
        told = table.dropna(subset="species")
        self._names = {
            int(row): str(name) for row, name in zip(table["individual_id"], table["individual"], strict=True)
        }
        self._species = {
            int(row): str(kind) for row, kind in zip(told["individual_id"], told["species"], strict=True)
        }

    def one(self, found: ProbablyOne) -> OneAsTwo:
        """Two individuals as one; the encounters of the one that was met less often are named anew."""
        numbers = [int(str(number)) for number in found.individuals]
        places = {number: np.flatnonzero(self._member == number) for number in numbers}
        few, many = sorted(numbers, key=lambda number: (len(places[number]), self._names[number]))
        sights = self._alike(places[few], places[many], many)
        name = shlex.quote(self._names[many])
        return OneAsTwo(
            individuals=(self._names[few], self._names[many]),
            species=self._species.get(few, self._species.get(many)),
            probability=found.probability,
            false_alarms=found.false_alarms,
            encounters=(self._numbers(places[few]), self._numbers(places[many])),
            sights=sights,
            commands=tuple(f"hanzaki confirm {number} {name}" for number in self._numbers(places[few])),
        )

    def two(self, found: ProbablyTwo) -> TwoAsOne:
        """One individual as two; the fewer of its encounters get a name of their own."""
        number = int(str(found.individual))
        many, few = (np.array(part, np.int64) for part in found.parts)
        name = self._free_name(self._names[number])
        first, *rest = self._numbers(few)
        again = shlex.quote(name)
        return TwoAsOne(
            individual=self._names[number],
            species=self._species.get(number),
            probability=found.probability,
            false_alarms=found.false_alarms,
            encounters=(self._numbers(few), self._numbers(many)),
            split=found.best,
            sights=self._alike(few, many),
            commands=(
                f"hanzaki confirm {first} new --name {again}",
                *(f"hanzaki confirm {each} {again}" for each in rest),
            ),
        )

    def _numbers(self, places: npt.NDArray[np.integer]) -> tuple[int, ...]:
        return tuple(sorted(self._encounters[places].tolist()))

    def _free_name(self, name: str) -> str:
        taken = set(self._names.values())
        number = 2
        while f"{name}-{number}" in taken:
            number += 1
        return f"{name}-{number}"

    def _alike(
        self,
        few: npt.NDArray[np.integer],
        many: npt.NDArray[np.integer],
        individual: int | None = None,
    ) -> tuple[Sight, Sight]:
        """A photograph of each of two groups of encounters, the most alike; the other may be an individual."""
        first, second = self._likest(few, many)
        pair = None if individual is None else self._best_photographs(first, individual)
        one, other = pair or self._of_one_flank(first, second)
        return self._sight(one), self._sight(other)

    def _likest(self, few: npt.NDArray[np.integer], many: npt.NDArray[np.integer]) -> tuple[int, int]:
        """Of two groups the two encounters with the highest odds; the first of each if none were listed."""
        ends = self._odds.pairs
        turned = np.isin(ends[:, 1], few) & np.isin(ends[:, 0], many)
        across = turned | (np.isin(ends[:, 0], few) & np.isin(ends[:, 1], many))
        if not across.any():
            return int(self._encounters[few[0]]), int(self._encounters[many[0]])
        best = np.flatnonzero(across)[self._odds.log_odds[across].argmax()]
        one, other = ends[best][::-1] if turned[best] else ends[best]
        return int(self._encounters[one]), int(self._encounters[other])

    def _best_photographs(self, encounter: int, individual: int) -> tuple[int, int] | None:
        """The most alike annotations of an encounter and an individual; None if none could be compared."""
        (query,) = encounter_queries(self._matcher.everything, [encounter])
        try:
            compared = self._matcher.compare(query)
        except BadMedium:
            return None
        if individual not in compared.individuals:
            return None
        best = compared.best[compared.individuals.index(individual)]
        return None if best.asked is None else (best.asked, best.gallery)

    def _of_one_flank(self, first: int, second: int) -> tuple[int, int]:
        """An annotation of each of two encounters: of the same side, and not set aside, if there are such."""
        one, other = (self._table[self._table["encounter"] == number] for number in (first, second))
        pairs = one.merge(other, how="cross", suffixes=("", "_other"))
        unlike = pairs["side"].fillna("") != pairs["side_other"].fillna("")
        poor = pairs["aside"].astype(int) + pairs["aside_other"].astype(int)
        best = pairs.assign(unlike=unlike, poor=poor).sort_values(["unlike", "poor"], kind="stable").iloc[0]
        return int(best["annotation"]), int(best["annotation_other"])

    def _sight(self, annotation: int) -> Sight:
        row: dict[str, Any] = dict(self._table.loc[annotation])
        photograph = Photograph(row["name"], self._catalogue.media.path(row["path"]), annotation)
        return Sight(int(row["encounter"]), row["individual"], photograph)


def flanks_shown(table: pd.DataFrame, encounters: Sequence[int], any_side: bool) -> npt.NDArray[np.bool_]:
    """Whether encounters have pictures that can be compared with left flanks, and with right ones.

    Args:
        table: their annotations, with the columns ``encounter side``.
        encounters: n of their numbers, in the order of the answer.
        any_side: whether left flanks are compared with right ones too.

    Returns:
        bool (n, 2); a picture of neither flank can be compared with both.
    """
    if any_side:
        return np.ones((len(encounters), len(_FLANKS)), bool)
    seen = pd.DataFrame({"encounter": table["encounter"]})
    for flank in _FLANKS:
        seen[flank] = ~table["side"].isin(SIDES.difference({flank}))
    return seen.groupby("encounter")[list(_FLANKS)].any().reindex(list(encounters)).to_numpy(bool)


def _words(catalogue: Catalogue, met: Mapping[int, int], odds: PairOdds, word: float) -> list[Constraint]:
    """What people said of two individuals of whom any encounters were compared; of each two once."""
    if word == 1:
        return []
    place = {encounter: number for number, encounter in enumerate(met)}
    member = np.array(list(met.values()), np.int64)
    compared = {(one, other) for one, other in np.sort(member[odds.pairs], axis=1).tolist()}
    weight = math.log(word)
    words: dict[tuple[int, int], Constraint] = {}
    with catalogue.reading() as session:
        for first, second, decision in said_different(session, met):
            one, other = sorted((met[first], met[second]))
            if (one, other) in compared:
                words[one, other] = Constraint(place[first], place[second], False, f"decision {decision}", weight)
    return list(words.values())


def _require_sense(tolerated: float, wrong: float, word: float) -> None:
    if not 0 <= tolerated < 1:
        raise SettingError(f"tolerate {tolerated}: a share of false alarms lies from 0 to below 1, as 0.1")
    if not 0 < wrong <= 0.5:
        raise SettingError(f"wrong {wrong}: a share of wrong names lies above 0 and is at most 0.5, as {WRONG}")
    if not 1 <= word < math.inf:
        raise SettingError(f"word {word}: a decision is at least as likely right as wrong: 1 or more, as {WORD:g}")
