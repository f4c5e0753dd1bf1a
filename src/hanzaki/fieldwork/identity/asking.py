"""Many encounters asked at once who they are, and the questions that are left for a person."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.errors import BadMedium
from hanzaki.fieldwork.identity.answers import SOMEBODY_NEW, percent
from hanzaki.fieldwork.identity.calibrate import keep_up
from hanzaki.fieldwork.identity.matcher import Matcher, Pair
from hanzaki.fieldwork.identity.method import Method, describe_all_of
from hanzaki.fieldwork.progress import Progress, silent
from hanzaki.fieldwork.queries import encounter_queries
from hanzaki.matching.choice import NEW, Posterior
from hanzaki.matching.decision import review_order

_ANSWERS = 3  # that a question names


@dataclass(frozen=True, eq=False)
class Heard:
    """What the machine says of one encounter.

    Attributes:
        encounter: its number.
        individuals: numbers of those that it may be, in the order of the posterior.
        posterior: how probable each is, and somebody new.
        best: of each, the two pictures that speak most for it; may be shorter, then nothing is known of the last.
        poor: whether all its pictures show the animal badly.
    """

    encounter: int
    individuals: tuple[int, ...]
    posterior: Posterior
    best: tuple[Pair, ...]
    poor: bool

    def probability_of(self, individual: int | None) -> float:
        """That it is an individual by its number; 0 of one that it could not be compared with."""
        places = [place for place, number in enumerate(self.individuals) if number == individual]
        return float(self.posterior.known[places].sum())

    def pair(self, place: int) -> Pair | None:
        """The two pictures that speak most for an answer, where there are any."""
        return self.best[place] if 0 <= place < len(self.best) else None


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
    alone: Mapping[int, int] | None = None,
    progress: Progress = silent,
) -> tuple[list[Heard], list[BadMedium]]:
    """Ask who encounters are, each by itself.

    Args:
        matcher: that knows the animals.
        encounters: their numbers.
        alone: of encounters that are the only one of an individual, that individual's number. To such a one
            "somebody new" means: it is nobody else, and so the individual that it is.
        progress: told after each.

    Returns:
        what was said, in order; and the encounters that cannot be compared.

    Raises:
        CatalogueError: if there is no such encounter.
    """
    heard, skipped = [], []
    for done, query in enumerate(encounter_queries(matcher.everything, encounters), 1):
        own = (alone or {}).get(encounters[done - 1])
        try:
            compared = matcher.compare(query, () if own is None else (own,))
        except BadMedium as bad:
            skipped.append(bad)
        else:
            posterior, individuals = matcher.posterior(compared), compared.individuals
            if own is not None:
                posterior = Posterior(np.append(posterior.known, posterior.new), 0.0)
                individuals = (*individuals, own)
            heard.append(Heard(encounters[done - 1], individuals, posterior, compared.best, compared.poor))
        progress("identifying", done, len(encounters))
    return heard, skipped


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
    return Likely(names[heard.individuals[place]], probability)
