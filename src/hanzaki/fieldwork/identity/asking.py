"""Many encounters asked at once who they are, and the questions that are left for a person."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.errors import BadMedium
from hanzaki.fieldwork.identity.answers import SOMEBODY_NEW, percent
from hanzaki.fieldwork.identity.calibrate import keep_up
from hanzaki.fieldwork.identity.matcher import Compared, Matcher, Pair
from hanzaki.fieldwork.identity.method import Method, describe_all_of
from hanzaki.fieldwork.progress import Progress, silent
from hanzaki.fieldwork.queries import Query, encounter_queries
from hanzaki.matching.choice import NEW, Posterior
from hanzaki.matching.decision import review_order
from hanzaki.matching.scope import SIDES

_ANSWERS = 3  # that a question names


@dataclass(frozen=True, eq=False)
class Heard:
    """What the machine says of one encounter.

    Attributes:
        encounter: its number.
        individuals: int64 (m,), numbers of those that it may be, in the order of the posterior.
        posterior: how probable each is, and somebody new.
        likest: the two pictures that speak most for the likeliest of those; None where there is nobody, or where
            that is the individual it has and was not compared with.
        poor: whether all its pictures show the animal badly.
        unheard: known animals of its species that it was not compared with, in words; None if there are none.
    """

    encounter: int
    individuals: npt.NDArray[np.int64]
    posterior: Posterior
    likest: Pair | None
    poor: bool
    unheard: str | None = None

    def probability_of(self, individual: int | None) -> float:
        """That it is an individual by its number; 0 of one that it could not be compared with."""
        return 0.0 if individual is None else float(self.posterior.known[self.individuals == individual].sum())

    def pair(self, place: int) -> Pair | None:
        """The two pictures that speak most for an answer, where there are any."""
        return self.likest if place == self.posterior.best else None


@dataclass(frozen=True)
class Likely:
    """An answer.

    Attributes:
        individual: its name; None is somebody new.
        probability: that it is right.
        begun_by: of somebody new, the encounter of the same batch that shows the animal too, if any.
    """

    individual: str | None
    probability: float
    begun_by: int | None = None

    def __str__(self) -> str:
        if self.begun_by is not None:
            return f"the new animal of encounter {self.begun_by}"
        return self.individual or SOMEBODY_NEW


@dataclass(frozen=True)
class Question:
    """What a person is to be asked of an encounter.

    Attributes:
        encounter: its number.
        answers: the likeliest; somebody new is always among them.
        bits: how much a full answer is expected to teach.
        poor: whether all its pictures show the animal badly.
        asked: the number of the picture to look at.
        beside: and of the picture of the likeliest individual to hold beside it; both None where nobody is known.
        obstacle: why a sure answer was not accepted; None if it is not sure.
    """

    encounter: int
    answers: tuple[Likely, ...]
    bits: float
    poor: bool
    asked: int | None
    beside: int | None
    obstacle: str | None = None

    @property
    def text(self) -> str:
        """The question in words: ``is encounter 12 AJ-007? 48 %, or somebody new 40 %``."""
        first, *others = self.answers
        rivals = "".join(f", or {other} {percent(other.probability)}" for other in others[:1])
        return f"is encounter {self.encounter} {first}? {percent(first.probability)}{rivals}"


@dataclass(frozen=True)
class Queue:
    """Questions in the order in which a person's answers teach most.

    Attributes:
        questions: first what teaches most; last those whose pictures a person can hardly read either.
        models: by what animals were compared.
        calibrated: in words, what the probabilities rest on.
        skipped: encounters that could not be compared, with the reason.
    """

    questions: tuple[Question, ...]
    models: tuple[str, ...]
    calibrated: str
    skipped: tuple[BadMedium, ...]


def ready_matcher(
    catalogue: Catalogue, method: Method, progress: Progress = silent
) -> tuple[Matcher, list[BadMedium]]:
    """A matcher of a catalogue in which all that can be described is, and what could not be.

    Raises:
        KeyboardInterrupt: if the user stops it; what was described by then is kept.
    """
    described = describe_all_of(catalogue, method, progress)
    if described.interrupted:
        raise KeyboardInterrupt  # an answer from half of the gallery would look like one from all of it
    keep_up(catalogue, method, progress)
    return Matcher(catalogue, method), described.skipped


def unnamed(matcher: Matcher) -> list[int]:
    """The encounters of nobody known, in the order of their numbers."""
    everything = matcher.everything
    return sorted({int(number) for number in everything.loc[everything["individual_id"].isna(), "encounter"]})


def names_of(matcher: Matcher) -> dict[int, str]:
    """The name of each individual that was met, by its number."""
    named = matcher.everything.dropna(subset=["individual_id"])
    return {int(number): name for number, name in zip(named["individual_id"], named["individual"], strict=True)}


def hear(
    matcher: Matcher,
    encounters: Sequence[int],
    present: Mapping[int, int] | None = None,
    progress: Progress = silent,
) -> tuple[list[Heard], list[BadMedium]]:
    """Ask who encounters are, each by itself.

    Args:
        matcher: that knows the animals.
        encounters: their numbers.
        present: of encounters that are of an individual, its number. To one that cannot be compared with its own
            individual, perhaps as the only one of it, "somebody new" means: it is nobody else, and so the
            individual that it is.
        progress: told after each.

    Returns:
        what was said, in order; and the encounters that cannot be compared.

    Raises:
        CatalogueError: if there is no such encounter.
    """
    heard, skipped = [], []
    known = _Known(matcher)
    for done, query in enumerate(encounter_queries(matcher.everything, encounters), 1):
        try:
            compared = matcher.compare(query)
        except BadMedium as bad:
            skipped.append(bad)
        else:
            encounter = encounters[done - 1]
            heard.append(_heard(matcher, known, query, encounter, compared, (present or {}).get(encounter)))
        progress("identifying", done, len(encounters))
    return heard, skipped


def _heard(
    matcher: Matcher, known: _Known, query: Query, encounter: int, compared: Compared, own: int | None
) -> Heard:
    """What a comparison says of an encounter; only what is used later is kept of it."""
    posterior, individuals = matcher.posterior(compared), compared.individuals
    if own is not None and own not in individuals:
        posterior = Posterior(np.append(posterior.known, posterior.new), 0.0)
        individuals = (*individuals, own)
    return Heard(
        encounter=encounter,
        individuals=np.array(individuals, np.int64),
        posterior=posterior,
        likest=compared.best[posterior.best] if 0 <= posterior.best < len(compared.best) else None,
        poor=compared.poor,
        unheard=known.besides(individuals, query),
    )


class _Known:
    """The individuals that an encounter should be compared with before it is called somebody new."""

    def __init__(self, matcher: Matcher) -> None:
        self._everything = matcher.everything
        named = self._everything.dropna(subset=["individual_id"])
        self._species: dict[str | None, set[int]] = {}
        for number, species in zip(named["individual_id"], named["species"].fillna(""), strict=True):
            self._species.setdefault(species or None, set()).add(int(number))
        shown = named[named.index.isin(matcher.table.index)]
        sides = shown["side"].where(shown["side"].isin(SIDES)).fillna("").astype(str)
        pairs = zip(shown["individual_id"].astype(int), sides, strict=True)
        self._sides: dict[int, set[str]] = {}
        for number, side in pairs:
            self._sides.setdefault(number, set()).add(side)
        self._any_side = matcher.method.any_side

    def besides(self, compared: Collection[int], query: Query) -> str | None:
        """Those that a query was not compared with, in words; None if it was compared with all."""
        rows = self._everything.loc[list(query.annotations)]
        species = next(iter(rows["species"].dropna()), None)
        wanted = set().union(*(self._species.get(each, set()) for each in {species, None}))
        if species is None:
            wanted = set().union(*self._species.values())
        missing = wanted - set(compared)
        if not missing:
            return None
        animals = f"{len(missing)} known animal{'s were' if len(missing) > 1 else ' was'}"
        asked = set(rows["side"])
        if not self._any_side and asked <= SIDES and not any(self._on_side(each, asked) for each in missing):
            return f"{animals} photographed only from the other side"
        return f"{animals} not compared with it"

    def _on_side(self, individual: int, sides: Collection[str]) -> bool:
        """Whether an individual has no picture, or one that could show one of these sides."""
        shown = self._sides.get(individual, {""})
        return "" in shown or not shown.isdisjoint(sides)


def question_of(
    heard: Heard,
    names: Mapping[int, str],
    posterior: Posterior | None = None,
    newcomers: Sequence[int] = (),
    obstacle: str | None = None,
) -> Question:
    """What a person is to be asked of an encounter.

    Args:
        heard: what the machine says of it.
        names: of individuals, by number.
        posterior: over its individuals and then newcomers; None = its own, without newcomers.
        newcomers: the encounters that began those.
        obstacle: see :class:`Question`.
    """
    posterior = posterior or heard.posterior
    shares = posterior.known
    order = np.argsort(-shares, kind="stable")[:_ANSWERS]
    answers = [_likely(heard, names, newcomers, int(place), float(shares[place])) for place in order]
    answers = sorted([Likely(None, posterior.new), *answers], key=lambda answer: -answer.probability)
    pair = heard.pair(int(heard.posterior.best))
    return Question(
        encounter=heard.encounter,
        answers=tuple(answers),
        bits=posterior.entropy,
        poor=heard.poor,
        asked=None if pair is None else pair.asked,
        beside=None if pair is None else pair.gallery,
        obstacle=obstacle,
    )


def queue(
    catalogue: Catalogue,
    method: Method,
    *,
    top: int | None = None,
    encounters: Collection[int] | None = None,
    progress: Progress = silent,
) -> Queue:
    """The encounters of nobody known, in the order in which a person's answer teaches most.

    Args:
        catalogue: with named individuals.
        method: how animals are compared.
        top: so many questions at most.
        encounters: of these only.
        progress: told how far it is.

    Raises:
        KeyboardInterrupt: if the user stops it.
    """
    matcher, undescribed = ready_matcher(catalogue, method, progress)
    asked = [number for number in unnamed(matcher) if encounters is None or number in encounters]
    heard, skipped = hear(matcher, asked, progress=progress)
    names = names_of(matcher)
    order = in_review_order(heard, [each.posterior for each in heard], range(len(heard)))
    questions = [question_of(heard[place], names) for place in order[:top]]
    return Queue(tuple(questions), method.names, matcher.calibrated, (*undescribed, *skipped))


def in_review_order(heard: Sequence[Heard], posteriors: Sequence[Posterior], places: Collection[int]) -> list[int]:
    """Places in the order in which an answer teaches most; poor pictures, which nobody can read, come last."""
    return sorted(review_order(posteriors, list(places)), key=lambda place: heard[place].poor)


def _likely(
    heard: Heard, names: Mapping[int, str], newcomers: Sequence[int], place: int, probability: float
) -> Likely:
    known = len(heard.individuals)
    if place == NEW or place >= known:
        return Likely(None, probability, newcomers[place - known] if place >= known else None)
    return Likely(names[int(heard.individuals[place])], probability)
