"""A pile of encounters without names, put together into probable individuals; and those named that are firm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import starmap

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hanzaki.catalogue import decisions, facts, gallery
from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.catalogue.tables import Encounter, Individual
from hanzaki.errors import BadMedium, CatalogueError, DecisionError, SettingError
from hanzaki.fieldwork.identity.asking import ready_matcher
from hanzaki.fieldwork.identity.check import flanks_shown
from hanzaki.fieldwork.identity.method import Method
from hanzaki.fieldwork.progress import Progress, silent
from hanzaki.matching.clustering import cluster
from hanzaki.matching.constraints import Constraint
from hanzaki.matching.odds import PairOdds
from hanzaki.matching.partition_sampling import PartitionPosterior, Sampling, sample_partitions
from hanzaki.matching.starting_pairs import starting_tempering, tempered_on
from hanzaki.matching.tempering import Tempering, fit_tempering
from hanzaki.settings import who

#: How probable it must be that an individual is as it was found before the machine gives it a name.
SURE = 0.95

#: Of how many named animals that were met again a catalogue learns its own tempering.
ENOUGH = 20

#: Encounters of each named individual that take part, the latest.
OF_ONE = 4

#: How far the machine's own earlier word counts, in nats: seven to one, and pictures can outweigh it.
MACHINE_WORD = 2.0

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Member:
    """An encounter of a probable individual.

    Attributes:
        encounter: its number.
        sure: how probable it is that it is of one animal with another encounter of this individual, on average; of
            one that is alone, that it is alone.
        picture: the annotation that shows it, a good one if there is any.
    """

    encounter: int
    sure: float
    picture: int


@dataclass(frozen=True)
class ProbableIndividual:
    """Encounters that are probably of one animal.

    Attributes:
        number: from 1; those of most encounters first.
        known_as: the individual of the catalogue that it probably is; None = somebody new.
        species: as it counts for any of its encounters, told or by a classifier's word.
        members: encounters of the pile, the surest first.
        firm: how probable it is that it is exactly as it was found, none missing and none too many.
        named: the name that it was given by :func:`name_firm`.
        doubt: why it is given none, however firm it is.
    """

    number: int
    known_as: str | None
    species: str | None
    members: tuple[Member, ...]
    firm: float
    named: str | None = None
    doubt: str | None = None


@dataclass(frozen=True)
class Pile:
    """Encounters without names, as probable individuals.

    Attributes:
        individuals: all that the pile shows, those of most encounters first.
        new: how many animals it shows that have no name yet: the mean, and the ends of a 95 % interval.
        named: how many named individuals took part.
        models: what compared them.
        calibrated: what the odds of pairs rest on, in words.
        tempered: what the trust in sums of them rests on, in words.
        apart: encounters that have no picture which can be compared.
        skipped: photographs that could not be described.
    """

    individuals: tuple[ProbableIndividual, ...]
    new: tuple[float, float, float]
    named: int
    models: tuple[str, ...]
    calibrated: str
    tempered: str
    apart: tuple[int, ...] = ()
    skipped: tuple[BadMedium, ...] = ()

    @property
    def encounters(self) -> int:
        """How many encounters were put together."""
        return sum(len(each.members) for each in self.individuals)


def sort(
    catalogue: Catalogue,
    encounters: Sequence[int] = (),
    *,
    method: Method,
    survey: str | None = None,
    site: str | None = None,
    sampling: Sampling | None = None,
    progress: Progress = silent,
) -> Pile:
    """Put encounters that have no name together into probable individuals; nothing is written.

    Named individuals take part with their latest encounters: what a person or a table said is kept to, what the
    machine said is evidence. The partition is the one that agrees best with partitions drawn by their probability
    (see :mod:`hanzaki.matching.partition_sampling`).

    Args:
        catalogue: with encounters that have no name.
        encounters: their numbers; none = all of the catalogue.
        method: how they are compared.
        survey: of this survey only.
        site: at this site only.
        sampling: how many partitions are drawn.
        progress: told how far it is.

    Raises:
        CatalogueError: if there is no such encounter, none without a name, or none that can be compared.
        DecisionError: if an encounter that is asked for has a name.
        KeyboardInterrupt: if the user stops it; what was described by then is kept.
    """
    with catalogue.reading() as session:
        wanted = pile_of(gallery.encounter_table(session), encounters, survey, site)
    matcher, skipped = ready_matcher(catalogue, method, progress)
    with catalogue.reading() as session:
        machine = {
            number for number, (origin, _) in decisions.words(session).items() if origin == decisions.MACHINE
        }
    items = items_of(matcher.table, wanted, machine)
    if items["individual_id"].notna().all():
        raise CatalogueError(
            "no picture of these encounters could be compared; `hanzaki pictures ENCOUNTER` lists them"
        )
    flanks = flanks_shown(matcher.table, items["encounter"].tolist(), method.any_side)
    odds = matcher.pair_odds(items["encounter"].tolist(), progress=progress)
    tempering, tempered = tempering_for(odds, items)
    progress("sorting", 0, 1)
    found, drawn, named = put_together(tempering.apply(odds), items, sampling)
    progress("sorting", 1, 1)
    mean, low, high = (max(0.0, count - named) for count in drawn.individuals())
    return Pile(
        individuals=_individuals(items, found, drawn, hardly_compared(items, flanks)),
        new=(mean, low, high),
        named=named,
        models=method.names,
        calibrated=matcher.calibrated,
        tempered=tempered,
        apart=tuple(sorted(set(wanted) - set(items["encounter"]))),
        skipped=tuple(skipped),
    )


def name_firm(catalogue: Catalogue, pile: Pile, sure: float = SURE) -> Pile:
    """Name those individuals of a pile that are new and firm enough: one decision of the machine.

    ``undo`` takes all of it back at once. What was told of the encounters of one individual and cannot be true of
    one animal (its sex, say) stands against a name, and so does a name that one of them was given since.

    Args:
        catalogue: whose pile it is.
        pile: as :func:`sort` found it.
        sure: how firm an individual must be, a probability.

    Returns:
        the pile with the names.

    Raises:
        SettingError: if ``sure`` is no probability.
    """
    require_probability(sure)
    result: list[ProbableIndividual] = []
    answers: dict[Encounter, Individual] = {}
    with catalogue.writing() as session:
        for each in pile.individuals:
            if each.known_as is not None or each.firm < sure:
                result.append(each)
                continue
            own = [session.get_one(Encounter, member.encounter) for member in each.members]
            if doubt := each.doubt or _doubt(own):
                result.append(replace(each, doubt=doubt))
                continue
            told = next((encounter.species for encounter in own if encounter.species is not None), None)
            individual = decisions.new_individual(session, told)  # a classifier's word is written onto nobody
            answers |= dict.fromkeys(own, individual)
            result.append(replace(each, named=individual.name))
        if answers:
            decisions.accept(session, answers, who=who(), evidence=_evidence(result, pile, sure))
    return replace(pile, individuals=tuple(result))


def require_probability(sure: float) -> None:
    """Refuse what cannot say how firm an individual must be.

    Raises:
        SettingError: if it is no probability.
    """
    if not 0 < sure <= 1:
        raise SettingError(f"sure {sure}: how firm an individual must be is a probability, above 0 and at most 1")


def pile_of(
    table: pd.DataFrame, encounters: Sequence[int], survey: str | None = None, site: str | None = None
) -> list[int]:
    """The numbers of the encounters to put together.

    Args:
        table: as :func:`hanzaki.catalogue.gallery.encounter_table` gives it.
        encounters: that are asked for; none = all that have no name.
        survey: of this survey only.
        site: at this site only.

    Raises:
        CatalogueError: if there is no such encounter, or nothing to put together.
        DecisionError: if one that is asked for has a name.
    """
    name = table.set_index("encounter")["individual"]
    for number in encounters:
        if number not in name.index:
            raise CatalogueError(f"there is no encounter {number}; `hanzaki encounters` lists them")
        if name[number] is not None:
            raise DecisionError(f"encounter {number} is {name[number]}; only encounters without a name are sorted")
    chosen = table["individual"].isna()
    chosen &= table["encounter"].isin(list(encounters)) if encounters else True
    chosen &= table["survey"].eq(survey) if survey is not None else True
    chosen &= table["site"].eq(site) if site is not None else True
    if not chosen.any():
        where = "".join(f" {word} {place}" for word, place in (("in", survey), ("at", site)) if place is not None)
        raise CatalogueError(f"there is no encounter without a name{where}; `hanzaki encounters` lists them all")
    return [int(number) for number in table.loc[chosen, "encounter"]]


def items_of(table: pd.DataFrame, pile: Sequence[int], machine: set[int]) -> pd.DataFrame:
    """The encounters to compare: those of the pile, and then the latest of each named individual of its species.

    Args:
        table: annotations that are described, as :class:`~hanzaki.fieldwork.identity.matcher.Matcher` has them.
        pile: encounters without a name.
        machine: encounters that the machine named.

    Returns:
        columns ``encounter individual_id individual species picture machine``.
    """
    table = table.assign(aside=table["aside"].astype(bool), seen=pd.to_datetime(table["seen"]))
    rows = table.sort_values(["aside", "annotation"]).drop_duplicates("encounter")
    rows = rows.rename(columns={"annotation": "picture"}).assign(machine=rows["encounter"].isin(list(machine)))
    asked = rows[rows["encounter"].isin(list(pile))].sort_values("encounter")
    named = rows[rows["individual_id"].notna()]
    if asked["species"].notna().all():
        named = named[named["species"].isna() | named["species"].isin(asked["species"].unique())]
    # a person's word first: by it an individual is known, and only where there is none by the machine's
    named = named.sort_values(["machine", "seen", "encounter"], ascending=[True, False, False])
    named = named.groupby("individual_id", sort=True).head(OF_ONE).sort_values(["individual_id", "machine"])
    columns = ["encounter", "individual_id", "individual", "species", "picture", "machine"]
    return pd.concat([asked[columns], named[columns]]).reset_index(drop=True)


def hardly_compared(items: pd.DataFrame, flanks: npt.NDArray[np.bool_]) -> dict[int, str]:
    """Why encounters of the pile are not known to be new: most of those that they may be show another flank.

    The only right flank among left ones stands alone, whoever it is. Half of the pile and half of the named
    individuals must be comparable, those of other species not counted.

    Args:
        items: as :func:`items_of` gives them.
        flanks: bool (n, 2), as :func:`~hanzaki.fieldwork.identity.check.flanks_shown` gives them.

    Returns:
        by place among the items, why, in words; those that could be compared with half of them are left out.
    """
    unnamed = items["individual_id"].isna().to_numpy(bool)
    kinds = items.assign(species=items["species"].fillna(""), left=flanks[:, 0], right=flanks[:, 1])[unnamed]
    reasons: dict[int, str] = {}
    for (species, left, right), own in kinds.groupby(["species", "left", "right"]):
        alike = (items["species"].isna() | items["species"].eq(str(species)) | (species == "")).to_numpy(bool)
        seen = alike & (flanks & [left, right]).any(axis=1)
        known = items["individual_id"]
        beside = int((seen & unnamed).sum()) - 1, int((alike & unnamed).sum()) - 1  # but for itself
        among = known[seen & ~unnamed].nunique(), known[alike & ~unnamed].nunique()
        for (some, whole), others in ((beside, "other encounters of the pile"), (among, "named individuals")):
            if 2 * some < whole:
                why = f"a flank that can be compared with it is known of only {some} of {whole} {others}"
                reasons |= dict.fromkeys(own.index.tolist(), why)
    return reasons


def tempering_for(odds: PairOdds, items: pd.DataFrame) -> tuple[Tempering, str]:
    """How far sums of the odds can be trusted, by what people said; and in words what that rests on.

    Args:
        odds: of the items.
        items: as :func:`items_of` gives them.
    """
    told = items[items["individual_id"].notna() & ~items["machine"].astype(bool)]
    again = told["individual_id"].value_counts().gt(1)
    if int(again.sum()) >= ENOUGH:
        own = _part(odds, told.index.to_numpy(np.int64))
        words = f"{len(again)} individuals of this catalogue, {int(again.sum())} of them met again"
        return fit_tempering(own, told["individual_id"].tolist()), words
    return starting_tempering(), f"animals of other studies ({', '.join(tempered_on())})"


def put_together(
    odds: PairOdds, items: pd.DataFrame, sampling: Sampling | None = None
) -> tuple[Integers, PartitionPosterior, int]:
    """The partition that agrees best with those drawn by their probability.

    Args:
        odds: of the items, tempered.
        items: as :func:`items_of` gives them.
        sampling: how many partitions are drawn.

    Returns:
        int64 (n,) the cluster of each item, what partitions say of these clusters, and how many individuals are
        named.
    """
    same, anchors = words_of(items)
    constraints = same + _apart(odds, same, anchors)
    first = cluster(odds, constraints)
    drawn = sample_partitions(odds, first.labels, constraints, sampling)
    labels = drawn.agreed(constraints).labels
    while clashes := _clashes(labels, anchors):  # pairs that no odds connect, so that they were not forbidden yet
        constraints += clashes
        labels = drawn.agreed(constraints).labels
    return labels, sample_partitions(odds, labels, constraints, sampling), len(anchors)


def words_of(items: pd.DataFrame) -> tuple[list[Constraint], dict[int, str]]:
    """What was said of the named items: who is the same; and by one item of each, the individuals, who are two.

    A person's and a table's word hold. The machine's counts as evidence, beside an item of that individual.

    Args:
        items: as :func:`items_of` gives them.
    """
    same: list[Constraint] = []
    anchors: dict[int, str] = {}
    named = items[items["individual_id"].notna()]
    for _, rows in named.groupby("individual_id", sort=True):
        anchor, *others = (int(place) for place in rows.index)
        anchors[anchor] = str(rows["individual"].iloc[0])
        for place in others:
            doubtful = bool(rows.loc[place, "machine"])
            weight = {"weight": MACHINE_WORD} if doubtful else {}
            same.append(Constraint(anchor, place, True, f"that both are {anchors[anchor]}", **weight))
    return same, anchors


def _apart(odds: PairOdds, same: Sequence[Constraint], anchors: dict[int, str]) -> list[Constraint]:
    """That named individuals are two, of those who could be put together at all.

    All pairs of a large catalogue's individuals would be millions. What speaks for one animal connects few.
    """
    said = np.array([(each.first, each.second) for each in same], np.int64).reshape(-1, 2)
    links = np.concatenate([odds.pairs[odds.log_odds > 0], said])
    graph = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(odds.items, odds.items))
    _, component = connected_components(graph, directed=False)
    return _clashes(component, anchors)


def _clashes(labels: npt.NDArray[np.integer], anchors: dict[int, str]) -> list[Constraint]:
    """That named individuals with one label are two."""
    beside: dict[int, list[int]] = {}
    found = []
    for anchor, name in anchors.items():
        others = beside.setdefault(int(labels[anchor]), [])
        found += [Constraint(other, anchor, False, f"that {anchors[other]} is not {name}") for other in others]
        others.append(anchor)
    return found


def _individuals(
    items: pd.DataFrame, labels: Integers, drawn: PartitionPosterior, reasons: Mapping[int, str]
) -> tuple[ProbableIndividual, ...]:
    """The clusters that hold an encounter of the pile, in doubt where there are reasons to doubt each of these."""
    anchors = words_of(items)[1]
    known = {int(labels[anchor]): name for anchor, name in anchors.items()}
    firm = dict(zip(np.unique(labels).tolist(), drawn.standing.tolist(), strict=True))
    rows = items.assign(label=labels, sure=drawn.together)
    rows = rows[rows["individual_id"].isna()].sort_values(["sure", "encounter"], ascending=[False, True])
    found = []
    for label in sorted(set(rows["label"].tolist())):
        own = rows[rows["label"] == label]
        columns = (own[name].tolist() for name in ("encounter", "sure", "picture"))
        members = tuple(starmap(Member, zip(*columns, strict=True)))
        species = next(iter(own["species"].dropna()), None)
        doubts = [reasons.get(place) for place in own.index.tolist()]
        doubt = doubts[0] if label not in known and all(doubts) else None
        found.append(ProbableIndividual(0, known.get(label), species, members, firm[label], doubt=doubt))
    found.sort(key=lambda each: (-len(each.members), min(member.encounter for member in each.members)))
    return tuple(replace(each, number=number) for number, each in enumerate(found, 1))


def _part(odds: PairOdds, items: Integers) -> PairOdds:
    """The odds of some items among themselves, numbered anew in the order given."""
    number = np.full(odds.items, -1, np.int64)
    number[items] = np.arange(len(items))
    ends = number[odds.pairs]
    inside = (ends >= 0).all(axis=1)
    return PairOdds.listed(len(items), ends[inside, 0], ends[inside, 1], odds.log_odds[inside], odds.absent)


def _doubt(encounters: Sequence[Encounter]) -> str | None:
    """Why encounters cannot be named as one new animal, in words."""
    if named := [each.id for each in encounters if each.individual_id is not None]:
        return f"encounter {named[0]} was given a name meanwhile"
    for label in facts.FACTS:
        told = sorted({value for each in encounters if (value := getattr(each, label)) is not None})
        if len(told) > 1:
            return f"{label} is told as {' and '.join(told)}"
    return None


def _evidence(individuals: Sequence[ProbableIndividual], pile: Pile, sure: float) -> dict[str, object]:
    named = [each for each in individuals if each.named is not None]
    return {
        "by": "sort",
        "sure": sure,
        "firm": {str(each.named): each.firm for each in named},
        "probabilities": {str(member.encounter): member.sure for each in named for member in each.members},
        "models": list(pile.models),
        "calibrated": pile.calibrated,
        "tempered": pile.tempered,
    }
