"""A catalogue taken into the field: what it remembers, and the work that fills it, under one name."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import Session

from hanzaki import defaults
from hanzaki.annotations import Annotations
from hanzaki.catalogue import decisions, gallery, records
from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.catalogue.tables import Annotation, Decision, Encounter, Individual
from hanzaki.errors import CatalogueError, DecisionError, SettingError
from hanzaki.fieldwork.add import AddReport, add
from hanzaki.fieldwork.bursts import BURST
from hanzaki.fieldwork.classify import SURE, ClassifyReport, classify
from hanzaki.fieldwork.describe import DescribeReport, describe
from hanzaki.fieldwork.detect import DetectReport, detect
from hanzaki.fieldwork.files import size_of
from hanzaki.fieldwork.identify import IdentifyReport, identify
from hanzaki.fieldwork.progress import Progress, silent
from hanzaki.fieldwork.record import Circumstances
from hanzaki.fieldwork.watch import BEST, RATE, Watched, load_watcher, watch
from hanzaki.matching.scope import SIDES, Scope
from hanzaki.settings import settings, who
from hanzaki.vision.classifier import Classifier
from hanzaki.vision.describing import Describer, load_describer
from hanzaki.vision.detector import Detector
from hanzaki.vision.model import find_model, load_classifier_model

_BEYOND = 1 << 63  # no number of a row is so large

Paths = Path | str | Sequence[Path | str]


class FieldCatalogue(Catalogue):
    """What ``hanzaki.open`` and ``hanzaki.init`` give; its methods are the commands of the command line.

    Example:
        >>> import hanzaki
        >>> catalogue = hanzaki.open("river")
        >>> catalogue.add("photos/")
        >>> catalogue.identify("IMG_1234.jpg")
    """

    def add(
        self,
        paths: Paths = (),
        *,
        table: Path | str | Annotations | None = None,
        species: str | None = None,
        site: str | None = None,
        survey: str | None = None,
        link: bool = False,
        burst: float = BURST,
        progress: Progress = silent,
    ) -> AddReport:
        """Add photographs and videos, each once; see :func:`hanzaki.fieldwork.add.add`.

        Args:
            paths: a file or folder, or several; without any, the table's photographs.
            table: an annotation table, or the CSV file of one.
            species: scientific name, where the table gives none.
            site: name of the place, likewise.
            survey: name of the occasion.
            link: leave the files where they are.
            burst: photographs within so many seconds of one another are one encounter.
            progress: told how far it is.
        """
        if table is not None and not isinstance(table, Annotations):
            from hanzaki.exchange.table import read_table

            table = read_table(table, size_of)
        circumstances = Circumstances(species=species, site=site, survey=survey)
        return add(
            self,
            _several(paths),
            table=table,
            circumstances=circumstances,
            link=link,
            burst=burst,
            progress=progress,
        )

    def detect(
        self,
        detector: Path | str = defaults.DETECTOR,
        *,
        rate: float = RATE,
        best: int = BEST,
        progress: Progress = silent,
    ) -> DetectReport:
        """Find the animals in photographs and videos; see :func:`hanzaki.fieldwork.detect.detect`.

        Args:
            detector: a model that comes with hanzaki, or a model folder.
            rate: frames of a video to look at, a second.
            best: frames of each animal to describe.
            progress: told how far it is.
        """
        return detect(self, load_watcher(detector), rate=rate, best=best, progress=progress)

    def describe(self, model: Path | str = defaults.MODEL, *, progress: Progress = silent) -> DescribeReport:
        """Describe what a model has not seen yet; ``identify`` does it by itself when need be."""
        return describe(self, _describer(model), progress)

    def identify(
        self,
        asked: Paths | int | Sequence[Path | str | int],
        *,
        model: Path | str = defaults.MODEL,
        detector: Path | str = defaults.DETECTOR,
        top: int = 5,
        species: str | None = None,
        side: str | None = None,
        any_side: bool = False,
        sites: Sequence[str] = (),
        since: date | None = None,
        until: date | None = None,
        progress: Progress = silent,
    ) -> IdentifyReport:
        """Say who it may be, best first; see :func:`hanzaki.fieldwork.identify.identify`.

        Args:
            asked: files, folders, or numbers of encounters.
            model: a model that comes with hanzaki, a model folder, or ``sift``.
            detector: that finds the animals in videos.
            top: how many candidates to give.
            species: look among these only; by default each query's own.
            side: ``left`` or ``right``: look among these only; by default each query's own.
            any_side: compare left flanks with right ones too.
            sites: look among animals seen there only.
            since: and not before this day.
            until: and not after this day.
            progress: told how far it is.
        """
        if side is not None and side not in SIDES:
            raise SettingError(f"side {side!r}: only the flanks differ, so write left or right")
        scope = Scope(species, (side,) if side else (), tuple(sites), since, until)
        items = [asked] if isinstance(asked, (Path, str, int)) else list(asked)
        return identify(
            self,
            items,
            _describer(model),
            scope=scope,
            any_side=any_side,
            top=top,
            watched=_Watcher(detector),
            progress=progress,
        )

    def confirm(self, encounter: int, individual: str, *, name: str | None = None) -> str:
        """Decide who an encounter is of.

        Args:
            encounter: its number.
            individual: a name in the catalogue, or ``new``.
            name: for a new individual; without it, the next free number of its species.

        Returns:
            The individual's name.

        Raises:
            CatalogueError: if there is no such encounter or individual.
            DecisionError: if it is decided so already, or cannot be.
        """
        if name is not None and individual != decisions.NEW:
            raise DecisionError(f"a name goes with 'new' only: `hanzaki confirm {encounter} new --name {name}`")
        with self.writing() as session:
            meeting = _meeting(session, encounter)
            if individual == decisions.NEW:
                decided = decisions.new_individual(session, meeting.species, name)
                decisions.assign(session, meeting, decided, who=who(), action=decisions.NEW)
            else:
                decided = _individual(session, individual, meeting.species)
                meeting.species = meeting.species or decided.species
                decisions.assign(session, meeting, decided, who=who())
            return decided.name

    def undo(self) -> list[tuple[int, str | None, str | None]]:
        """Take back the last decision of a person.

        Returns:
            For each encounter concerned: its number, who it was until now, who it is again.

        Raises:
            DecisionError: if there is nothing to take back.
        """
        with self.writing() as session:
            undone = decisions.undo(session, who=who())
            names = {row.id: row.name for row in session.scalars(select(Individual))}
            return [
                (
                    change.encounter_id,
                    None if change.before_id is None else names[change.before_id],
                    None if change.after_id is None else names[change.after_id],
                )
                for change in undone.changes
            ]

    def individuals(self) -> pd.DataFrame:
        """Every individual: ``individual species sex encounters photographs first last``."""
        with self.reading() as session:
            return gallery.individual_table(session)

    def encounters(self) -> pd.DataFrame:
        """Every encounter: ``encounter label individual species site survey starts photographs``."""
        with self.reading() as session:
            return gallery.encounter_table(session)

    def classify(self, model: Path | str, *, sure: float = SURE, progress: Progress = silent) -> ClassifyReport:
        """Fill in what nobody told; see :func:`hanzaki.fieldwork.classify.classify`.

        Args:
            model: the folder of a classifier of species or orientation.
            sure: how probable a label must be to be written down.
            progress: told how far it is.
        """
        folder = load_classifier_model(find_model(model))
        classifier = Classifier(folder, settings().runtime, settings().threads)
        return classify(self, classifier, sure=sure, progress=progress)

    def pictures(self, encounter: int) -> pd.DataFrame:
        """The pictures of an encounter: ``picture file frame box label confidence quality aside``.

        Raises:
            CatalogueError: if there is no such encounter.
        """
        with self.reading() as session:
            return gallery.picture_table(session, _meeting(session, encounter).id)

    def regroup(self, pictures: Sequence[int], into: int | None = None) -> int:
        """Put pictures into another encounter; see :func:`hanzaki.catalogue.records.regroup`.

        Args:
            pictures: their numbers.
            into: an encounter; None makes one.

        Returns:
            The encounter's number.

        Raises:
            CatalogueError: if there is no such picture or encounter.
        """
        with self.writing() as session:
            meeting = None if into is None else _meeting(session, into)
            return records.regroup(session, [_picture(session, number) for number in pictures], meeting).id

    def set_aside(self, pictures: Sequence[int], *, aside: bool = True) -> None:
        """Set pictures aside, which are then compared for want of others only; or take them up again.

        Raises:
            CatalogueError: if there is no such picture.
        """
        with self.writing() as session:
            for number in pictures:
                _picture(session, number).aside = aside

    def decisions(self) -> pd.DataFrame:
        """Every decision, in order: ``decision at who origin action undoes encounters``."""
        with self.reading() as session:
            rows = [
                (
                    row.id,
                    row.at,
                    row.who,
                    row.origin,
                    row.action,
                    row.undoes_id,
                    [c.encounter_id for c in row.changes],
                )
                for row in session.scalars(select(Decision).order_by(Decision.id))
            ]
        columns = ["decision", "at", "who", "origin", "action", "undoes", "encounters"]
        return pd.DataFrame(rows, columns=columns, dtype=object)


def _meeting(session: Session, number: int) -> Encounter:
    found = session.get(Encounter, number) if number < _BEYOND else None
    if found is None:
        raise CatalogueError(f"there is no encounter {number}; `hanzaki encounters` lists them")
    return found


def _picture(session: Session, number: int) -> Annotation:
    found = session.get(Annotation, number) if number < _BEYOND else None
    if found is None:
        raise CatalogueError(f"there is no picture {number}; `hanzaki pictures ENCOUNTER` lists an encounter's")
    return found


class _Watcher:
    """Watches videos; the detector is loaded for the first."""

    def __init__(self, which: Path | str) -> None:
        self._which = which
        self._detector: Detector | None = None

    def __call__(self, file: Path) -> Watched:
        if self._detector is None:
            self._detector = load_watcher(self._which)
        return watch(file, self._detector)


def _several(paths: Paths) -> list[Path | str]:
    return [paths] if isinstance(paths, (Path, str)) else list(paths)


def _describer(model: Path | str) -> Describer:
    return load_describer(model, settings().runtime, settings().threads)


def _individual(session: Session, name: str, species: str | None) -> Individual:
    found = decisions.individual_named(session, name, species)
    if found is not None:
        return found
    living = list(session.scalars(select(Individual).where(Individual.retired.is_(False))))
    names = [individual.name for individual in living]
    if species is None and names.count(name) == 1:
        return living[names.index(name)]  # whoever knows the animal knows its species
    if name in names:
        raise DecisionError(f"{name} is of another species than this encounter ({species or 'not recorded'})")
    close = difflib.get_close_matches(name, names, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else "`hanzaki individuals` lists them."
    raise CatalogueError(f"there is no individual {name!r}; {hint} A new animal is `new`.")
