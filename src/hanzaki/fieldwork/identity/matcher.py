"""Encounters compared with a catalogue's animals, as often as need be: scores, and what they are worth."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from hanzaki.catalogue import calibrations, gallery
from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.catalogue.tables import Calibration
from hanzaki.errors import BadMedium, CatalogueError
from hanzaki.fieldwork.identity.comparing import Comparison, Pairs
from hanzaki.fieldwork.identity.method import Method
from hanzaki.fieldwork.identity.pairing import likest, listed_odds
from hanzaki.fieldwork.identity.shown import Showing, Shown
from hanzaki.fieldwork.progress import Progress, silent
from hanzaki.fieldwork.queries import Query, encounter_queries
from hanzaki.matching.choice import PRIOR_NEW, Fusion, Posterior
from hanzaki.matching.drift import Drift, years_to_nearest
from hanzaki.matching.evidence import Gallery
from hanzaki.matching.odds import PairOdds
from hanzaki.matching.pooling import best_of_individuals, pool, standardised
from hanzaki.matching.scope import Scope
from hanzaki.matching.starting import starting_fusion
from hanzaki.vision.embedder import Embedder

Floats = npt.NDArray[np.float64]

#: What records say, among the kinds of evidence.
RECORDS = "records"

#: What it makes that an individual was last photographed long ago, likewise, where a drift is kept.
YEARS = "years"


@dataclass(frozen=True)
class Pair:
    """Two annotations: of the query (None where that is a file), and of the gallery."""

    asked: int | None
    gallery: int


@dataclass(frozen=True, eq=False)
class Compared:
    """One query against the individuals of its scope.

    Attributes:
        individuals: their numbers in the catalogue; the order of all that follows.
        scores: by name of the evidence, float64 (m,), pooled; NaN where not compared.
        kinds: of each evidence, ``embedding`` or ``keypoints``.
        records: float64 (m,), log likelihood ratios of what is recorded, in nats; 0 where that was not asked.
        years: float64 (m,), to the photograph of each that is nearest in time; NaN where that is not known.
        best: of each, the two photographs that speak most for it.
        likeness: float64 (m,), the score of the likest pair of each before it is measured against the others, by
            the first evidence that has any; it orders those whom nothing else does. -inf where not compared.
        scope: where was looked.
        photographs: how many of the gallery's could be compared with any of the query's.
        poor: whether all pictures of the query show the animal badly and were compared for want of others.
    """

    individuals: tuple[int, ...]
    scores: dict[str, Floats]
    kinds: dict[str, str]
    records: Floats
    years: Floats
    best: tuple[Pair, ...]
    likeness: Floats
    scope: Scope
    photographs: int
    poor: bool

    @property
    def told(self) -> bool:
        """Whether pictures say anything: fewer than three individuals are nothing to measure likeness by."""
        return any(bool(np.isfinite(scores).any()) for scores in self.scores.values())


class Matcher:
    """A catalogue's animals compared by a method, in a scope; what several queries need is built once.

    All is described before: see :func:`hanzaki.fieldwork.identity.method.describe_all_of`.

    Args:
        catalogue: with named individuals.
        method: how to compare.
        scope: where to look; what it leaves open (species, side) is taken from each query.
        without: encounters that nothing is compared with, though they may ask.

    Attributes:
        everything: every annotation, with the columns of ``annotation_table``; the index is the annotation.
        table: those of them that all describers described.
        fusion: what scores are worth, by the names of the method's evidence.
        prior_new: probability that an animal is new, before it is looked at.
        calibrated: in words, what the probabilities rest on.
        drift: how markings change with the years; None where none is kept, and then years make no difference.
    """

    def __init__(
        self, catalogue: Catalogue, method: Method, scope: Scope | None = None, *, without: Collection[int] = ()
    ) -> None:
        self.catalogue, self.method, self.scope = catalogue, method, scope or Scope()
        with catalogue.reading() as session:
            everything = gallery.annotation_table(session)
            described = set.intersection(*(gallery.described(session, each.name) for each in method.describers))
            kept = calibrations.newest(session, method.names)
        self.everything = everything.set_index("annotation", drop=False).rename_axis(None)
        self.table = self.everything[self.everything.index.isin(described)]
        if kept is None:
            self.fusion, prior_new = beginning(method), PRIOR_NEW
            self.calibrated = f"{_studies(self.fusion)}; run `hanzaki calibrate`"
        else:
            self.fusion, prior_new = Fusion.from_json(kept.fusion), kept.prior_new
            self.calibrated = _own_words(self.fusion, kept, catalogue, self.everything)
        self.drift = None if kept is None or kept.drift is None else Drift.from_json(kept.drift)
        self.prior_new = prior_new if method.prior_new is None else method.prior_new
        named = self.table[self.table["individual_id"].notna() & ~self.table["encounter"].isin(list(without))]
        named = named.assign(sex=named["sex"].where(named["sex"].notna(), named["individual_sex"]))
        self._gallery = Comparison(catalogue, method, named, "individual_id")
        self._show = Showing(catalogue, method, self.scope, self.everything, self.table)

    def compare(self, query: Query, left_out: Collection[int] = ()) -> Compared:
        """Score a query against every individual in its scope; it never meets its own encounter.

        Args:
            query: an encounter, or a file that the catalogue does not hold.
            left_out: numbers of individuals treated as if they were not in the catalogue.

        Raises:
            BadMedium: if none of its pictures can be compared, or the file cannot be read.
        """
        shown = self._show(query, left_out)
        pairs = self._gallery.compare(shown.asked, shown.scope)
        present, scores = _pooled(pairs)
        return Compared(
            individuals=tuple(pairs.names[code] for code in present),
            scores=scores,
            kinds=self.method.kinds,
            records=self._records(self._gallery, shown, pairs)[present],
            years=self._years(shown, pairs)[present],
            best=self._best(shown, pairs, scores, present),
            likeness=_likeness(pairs)[present],
            scope=shown.told,
            photographs=int(pairs.admitted.any(axis=0).sum()),
            poor=shown.poor,
        )

    def posterior(self, compared: Compared) -> Posterior:
        """How probable each individual is, and somebody new: scores, records and years together."""
        posterior = self.fusion.posterior(compared.scores, self.prior_new, compared.kinds)
        beside = compared.records + self._for_years(compared)
        if not beside.any():
            return posterior
        with np.errstate(divide="ignore"):  # a probability of nought stays one
            logs = np.append(np.log(posterior.known) + beside, np.log(posterior.new))
        shares = np.exp(logs - logs.max())
        shares /= shares.sum()
        return Posterior(shares[:-1], float(shares[-1]))

    def ratios(self, compared: Compared) -> dict[str, Floats]:
        """What each kind of evidence says of each individual, ``records`` where these count, and ``years``.

        Returns:
            by name, (m,) nats.
        """
        ratios = self.fusion.ratios(compared.scores, compared.kinds)
        if self.drift is not None:
            ratios |= {YEARS: self._for_years(compared)}
        return ratios | ({RECORDS: compared.records} if self.method.asks_records else {})

    def pair_odds(self, encounters: Sequence[int], neighbours: int = 30, progress: Progress = silent) -> PairOdds:
        """How much likelier two encounters are of one animal than of two: log likelihood ratios in nats.

        Each encounter asks, and the others answer as if each were an individual of its own; the likeliest of each
        are listed (:func:`hanzaki.fieldwork.identity.pairing.listed_odds`). Their names play no part.

        Args:
            encounters: their numbers, which the items stand for in this order.
            neighbours: of each, how many of its likeliest partners are listed.
            progress: told after each encounter.

        Returns:
            items in the order of ``encounters``; one without a picture that can be compared has no pair.

        Raises:
            CatalogueError: if an encounter is not in the catalogue, or is named twice.
        """
        queries = encounter_queries(self.everything, encounters)
        place = {int(encounter): number for number, encounter in enumerate(encounters)}
        if len(place) < len(queries):
            raise CatalogueError("an encounter is named twice; name each once")
        table = self.table[self.table["encounter"].isin(list(place))]
        answering = Comparison(self.catalogue, self.method, table, "encounter")
        with tempfile.TemporaryFile() as file:  # all against all of a large catalogue is more than memory holds
            odds = np.memmap(file, np.float32, "w+", shape=(max(1, len(place)), max(1, len(place))))
            odds[:] = np.nan
            for number, query in enumerate(queries):
                for encounter, value in self._odds(answering, query).items():
                    odds[number, place[encounter]] = value
                progress("comparing", number + 1, len(queries))
            first = self.everything.drop_duplicates("encounter").set_index("encounter")
            species = first["species"].reindex(list(place)).to_numpy(object)
            return listed_odds(odds[: len(place), : len(place)], neighbours, species)

    def _odds(self, answering: Comparison, query: Query) -> dict[int, float]:
        """What a query's encounter says of each other that it could be compared with."""
        try:
            shown = self._show(query)
        except BadMedium:
            return {}
        pairs = answering.compare(shown.asked, shown.scope)
        present, scores = _pooled(pairs)
        total = np.sum(list(self.fusion.ratios(scores, self.method.kinds).values()), axis=0)
        total = total + self._records(answering, shown, pairs)[present]
        return {pairs.names[code]: float(value) for code, value in zip(present, total, strict=True)}

    def _records(self, answering: Comparison, shown: Shown, pairs: Pairs) -> Floats:
        """Log likelihood ratios of what is recorded, of each whom the gallery shows: (count,), nats."""
        ratios = np.zeros(len(pairs.names))
        if not self.method.asks_records:
            return ratios
        whole, asked = answering.gallery(shown.scope), shown.asked
        met = {encounter for encounter in asked.encounters if encounter is not None}
        others = [
            place
            for place in range(len(whole))
            if whole.encounters[place] not in met and whole.individuals[place] not in asked.left_out
        ]
        rest = Gallery(
            keys=[whole.keys[place] for place in others],
            individuals=[whole.individuals[place] for place in others],
            seen=[whole.seen[place] for place in others],
            sexes=[whole.sexes[place] for place in others],
            places=[whole.places[place] for place in others],
        )
        number = {name: place for place, name in enumerate(pairs.names)}
        told = [number[int(str(name))] for name in rest.numbered[0]]
        ratios[told] = self.method.facts.ratios(asked, rest)
        return ratios

    def _years(self, shown: Shown, pairs: Pairs) -> Floats:
        """Years to the photograph of each that is nearest in time: (count,)."""
        whole, asked = self._gallery.gallery(shown.scope), shown.asked
        return years_to_nearest(asked.seen, whole.seen, pairs.admitted, pairs.codes, len(pairs.names))

    def _for_years(self, compared: Compared) -> Floats:
        """What it changes of the scores' log odds that markings change with the years: (m,) nats."""
        if self.drift is None:
            return np.zeros(len(compared.individuals))
        scored: Floats = np.sum(list(self.fusion.ratios(compared.scores, compared.kinds).values()), axis=0)
        return np.where(scored == 0, 0.0, self.drift.corrected(scored, compared.years) - scored)

    def _best(
        self, shown: Shown, pairs: Pairs, scores: Mapping[str, Floats], present: npt.NDArray[np.intp]
    ) -> tuple[Pair, ...]:
        """Of each individual the pair of photographs most alike by the evidence that weighs most for it."""
        if not len(present):
            return ()
        ratios = self.fusion.ratios(scores, self.method.kinds)
        count = len(pairs.names)
        heaviest = np.argmax([np.where(np.isnan(scores[name]), -np.inf, ratios[name]) for name in ratios], axis=0)
        values = [standardised(pairs.scores[name], pairs.codes, count) for name in ratios]
        values += [
            pairs.scores[name].astype(np.float64) for name in ratios
        ]  # without a cohort there is no standard
        values += [np.where(pairs.admitted, 0.0, np.nan)]
        found = np.stack([likest(each, pairs.codes, count)[present] for each in values])
        annotations = self._gallery.table["annotation"].to_numpy()[pairs.rows]
        best = []
        for first, ways in zip(heaviest, found.T, strict=True):
            flat = next(way for way in (ways[first], *ways[len(ratios) :]) if way >= 0)
            row, column = divmod(int(flat), len(pairs.rows))
            best.append(Pair(shown.annotations[row], int(annotations[column])))
        return tuple(best)


def beginning(method: Method) -> Fusion:
    """What scores are worth before a catalogue's own decisions teach it, by the names of a method's evidence."""
    return by_name(starting_fusion(_cards(method)), method.kinds)


def by_name(fusion: Fusion, kinds: Mapping[str, str]) -> Fusion:
    """A fusion that knows kinds of evidence, made one that knows them by name.

    Several of one kind share its weight: nobody knows yet how much they repeat each other, so that until they are
    calibrated together they count as one.

    Args:
        fusion: that knows each name, or its kind.
        kinds: of each name, its kind.
    """
    evidence = {}
    for name, kind in kinds.items():
        known = fusion.evidence.get(name) or fusion.evidence[kind]
        alike = sum(kind == other for other in kinds.values())
        evidence[name] = replace(known, weight=known.weight / alike)
    return Fusion(evidence, fusion.bias, fusion.fitted_on)


def _pooled(pairs: Pairs) -> tuple[npt.NDArray[np.intp], dict[str, Floats]]:
    """Who could be compared at all, and the score of each by every kind of evidence."""
    present = np.unique(pairs.codes[pairs.admitted.any(axis=0)])
    count = len(pairs.names)
    return present, {
        name: pool(scores, pairs.codes, count, admitted=pairs.admitted)[present]
        for name, scores in pairs.scores.items()
    }


def _likeness(pairs: Pairs) -> Floats:
    """The likest pair of each whom the gallery shows, as :class:`Compared` has it: (count,)."""
    for scores in pairs.scores.values():
        best = best_of_individuals(scores, pairs.codes, len(pairs.names))
        if np.isfinite(best).any():
            return np.asarray(np.where(np.isnan(best), -np.inf, best).max(axis=0), np.float64)
    return np.full(len(pairs.names), -np.inf)


def _cards(method: Method) -> dict[str, dict[str, object] | None]:
    """What the models' cards say that their scores are worth."""
    embedders = [each for each in method.describers if isinstance(each, Embedder)]
    return {each.name: each.model.config.calibration for each in embedders}


def _studies(fusion: Fusion) -> str:
    animals = ", ".join(fusion.fitted_on.get("animals") or ())
    return f"animals of other studies ({animals})" if animals else "animals of other studies"


def _own_words(fusion: Fusion, kept: Calibration, catalogue: Catalogue, everything: pd.DataFrame) -> str:
    """What a catalogue's own calibration rests on, and whether it wants to be judged, anew or at all.

    Where the beginning was found better, it was kept.
    """
    told, day = fusion.fitted_on, f"{kept.at:%Y-%m-%d}"
    if "decisions" in told:
        words = f"this catalogue: {told['decisions']} decisions on {told['individuals']} individuals, {day}"
    else:
        words = f"{_studies(fusion)}; found to hold on this catalogue, {day}"
    if kept.report.get(calibrations.BESIDE):
        return f"{words}, not yet judged; run `hanzaki calibrate`"
    with catalogue.reading() as session:
        taught = everything["encounter"].isin(calibrations.teaching(session))
    named = everything[taught & everything["individual_id"].notna() & ~everything["unwatched"].astype(bool)]
    decided = kept.report.get("decided")
    if decided and named["encounter"].nunique() >= calibrations.GROWN * decided:
        return f"{words}; decisions have grown by half since; run `hanzaki calibrate`"
    return words
