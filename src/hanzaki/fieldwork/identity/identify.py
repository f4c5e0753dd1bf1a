"""Who is it, or is it somebody new? Photographs or encounters in, probabilities and their scope out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hanzaki.catalogue import gallery
from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.errors import BadMedium, SettingError
from hanzaki.fieldwork.identity.calibrate import keep_up
from hanzaki.fieldwork.identity.history import History, nearest, places_of, seen_by_site
from hanzaki.fieldwork.identity.history import Seen as Seen
from hanzaki.fieldwork.identity.matcher import Compared, Matcher
from hanzaki.fieldwork.identity.method import Method, describe_all_of
from hanzaki.fieldwork.progress import Progress, silent
from hanzaki.fieldwork.queries import Query, find_queries, told_by_file
from hanzaki.fieldwork.watch import Glimpse, Watched
from hanzaki.matching.choice import Posterior
from hanzaki.matching.scope import Scope


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
        probability: that it is the one.
        evidence: by name, what each kind says: log likelihood ratios as they were weighed, in nats; ``records``
            among them where records were asked.
        photograph: of it, the one that speaks most for it.
        encounter: of that photograph.
        asked: the query's photograph that is so much like it; None where the query is a file.
        seen: when it was met at which site, the latest first, without the query's own encounter.
        kilometres: from the query's place to the nearest where it was met; None where either is not known.
    """

    individual: str
    probability: float
    evidence: Mapping[str, float]
    photograph: Photograph
    encounter: int
    asked: int | None
    seen: tuple[Seen, ...]
    kilometres: float | None


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
        photographs: how many photographs of named individuals it was compared with.
        individuals: how many individuals those show.
        poor: whether all its pictures show the animal badly and were compared for want of others.
        compared: whether pictures say anything; where its pictures can be compared with fewer than three animals,
            they do not, and the probabilities are no more than the prior, and what records say if these are asked.
        models: what compared them.
        new: probability of somebody new.
        prior_new: the same before it was looked at.
        calibrated: in words, what the probabilities rest on.
        candidates: the most probable individuals, best first; the likest first where they are equally probable.
        sites: probability by the site where the individual was met last, of all individuals and not only the
            candidates; the rest is somebody new, or was met nowhere that was written down.
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
    compared: bool
    models: tuple[str, ...]
    new: float
    prior_new: float
    calibrated: str
    candidates: tuple[Answer, ...]
    sites: Mapping[str, float]

    @property
    def answer(self) -> str | None:
        """The most probable: an individual's name, or None for somebody new."""
        if not self.candidates or self.new >= self.candidates[0].probability:
            return None
        return self.candidates[0].individual

    @property
    def confidence(self) -> float:
        """The probability of that answer."""
        return max(self.new, max((answer.probability for answer in self.candidates), default=0.0))

    @property
    def rest(self) -> float:
        """The probability of all individuals that are not among the candidates."""
        return max(0.0, 1 - self.new - sum(answer.probability for answer in self.candidates))


@dataclass
class IdentifyReport:
    """Answers to all queries, and the files that cannot be used, each with its reason."""

    identifications: list[Identification] = field(default_factory=list)
    skipped: list[BadMedium] = field(default_factory=list)


def identify(
    catalogue: Catalogue,
    asked: Sequence[Path | str | int],
    method: Method,
    *,
    scope: Scope | None = None,
    everywhere: bool = False,
    top: int = 5,
    watched: Callable[[Path], Watched],
    progress: Progress = silent,
) -> IdentifyReport:
    """Find who the animals in photographs, videos or encounters are, or that they are new.

    What the catalogue's photographs were not yet described by is computed first, and kept. A query never finds its
    own encounter. Files that the catalogue does not hold are looked at and not added. Pictures that were set aside
    are not compared, unless a query, or a side of a named individual, has no others.

    Args:
        catalogue: with named individuals.
        asked: files, folders, or numbers of encounters.
        method: how to compare.
        scope: where to look; what it leaves open (species, side) is taken from each query.
        everywhere: the animal may come from anywhere: no site, and no distance, may be asked for.
        top: how many candidates to give.
        watched: what is seen in a video that the catalogue does not hold.
        progress: told how far it is.

    Raises:
        CatalogueError: if there is no such encounter.
        SettingError: if ``top`` is not positive, a side is asked for and any side as well, or everywhere and a
            place as well.
        KeyboardInterrupt: if the user stops it; what was described by then is kept.
    """
    scope = scope or Scope()
    _check(method, scope, everywhere, top)
    with catalogue.reading() as session:
        table = gallery.annotation_table(session)
    questions = find_queries(catalogue, asked, table, watched)
    described = describe_all_of(catalogue, method, progress)
    if described.interrupted:
        raise KeyboardInterrupt  # an answer from half of the gallery would look like one from all of it
    keep_up(catalogue, method, progress)
    report = IdentifyReport(skipped=[*questions.skipped, *described.skipped])
    identifier = Identifier(Matcher(catalogue, method, scope))
    for done, query in enumerate(questions.queries, 1):
        try:
            report.identifications.append(identifier(query, top))
        except BadMedium as bad:
            report.skipped.append(bad)
        progress("identifying", done, len(questions.queries))
    return report


def _check(method: Method, scope: Scope, everywhere: bool, top: int) -> None:
    if method.any_side and scope.sides:
        raise SettingError("one side and any side cannot both be asked for")
    if top < 1:
        raise SettingError(f"top {top}: ask for one candidate or more")
    if everywhere and scope.sites:
        raise SettingError("everywhere and certain sites cannot both be asked for")
    if everywhere and method.facts.moved_km is not None:
        raise SettingError("everywhere, place says nothing: leave out how far an animal is usually found")


class Identifier:
    """Answers queries in words and names, one after the other.

    Args:
        matcher: that compares them.
    """

    def __init__(self, matcher: Matcher) -> None:
        self.matcher = matcher
        self._history = History(matcher.everything)
        named = matcher.everything[matcher.everything["individual_id"].notna()]
        self._names: dict[int, str] = dict(zip(named["individual_id"], named["individual"], strict=True))

    def __call__(self, query: Query, top: int) -> Identification:
        """Who it is.

        Args:
            query: an encounter, or a file that the catalogue does not hold.
            top: how many candidates to give.

        Raises:
            BadMedium: if none of its pictures can be compared, or the file cannot be read.
        """
        compared = self.matcher.compare(query)
        return self.told(query, compared, self.matcher.posterior(compared), top)

    def told(self, query: Query, compared: Compared, posterior: Posterior, top: int) -> Identification:
        """What a comparison says, with the names of who is likeliest."""
        order = np.lexsort((np.array(compared.individuals, np.intp), -compared.likeness, -posterior.known))[:top]
        ratios = self.matcher.ratios(compared)
        own = () if query.encounter is None else (query.encounter,)
        rows = self.matcher.everything.loc[list(query.annotations)]
        places = places_of(rows) if query.file is None else tuple(filter(None, [told_by_file(query.file).place]))
        candidates = []
        for place in order:
            number, pair = compared.individuals[place], compared.best[place]
            row = self.matcher.table.loc[pair.gallery]
            meetings = self._history.of(number, own)
            candidates.append(
                Answer(
                    individual=self._names[number],
                    probability=float(posterior.known[place]),
                    evidence={name: float(values[place]) for name, values in ratios.items()},
                    photograph=Photograph(
                        row["name"], self.matcher.catalogue.media.path(row["path"]), pair.gallery
                    ),
                    encounter=int(row["encounter"]),
                    asked=pair.asked,
                    seen=seen_by_site(meetings),
                    kilometres=nearest(places, meetings),
                )
            )
        return Identification(
            query=query.name,
            encounter=query.encounter,
            file=query.file,
            glimpse=max(query.glimpses, key=lambda glimpse: glimpse.quality.score, default=None),
            known_as=None if rows.empty else rows["individual"].iloc[0],
            scope=compared.scope,
            photographs=compared.photographs,
            individuals=len(compared.individuals),
            poor=compared.poor,
            compared=compared.told,
            models=tuple(self.matcher.method.kinds),
            new=posterior.new,
            prior_new=self.matcher.prior_new,
            calibrated=self.matcher.calibrated,
            candidates=tuple(candidates),
            sites=self._sites(compared, posterior, own),
        )

    def _sites(self, compared: Compared, posterior: Posterior, own: Sequence[int]) -> dict[str, float]:
        """Probability by the site where the individual was met last, the most probable first."""
        sites: dict[str, float] = {}
        for number, probability in zip(compared.individuals, posterior.known.tolist(), strict=True):
            site = self._history.last_site(number, own)
            if site is not None:
                sites[site] = sites.get(site, 0.0) + probability
        return dict(sorted(sites.items(), key=lambda item: (-item[1], item[0])))
