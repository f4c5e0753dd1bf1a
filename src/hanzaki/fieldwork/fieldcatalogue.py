"""A catalogue taken into the field: what it remembers, and the work that fills it, under one name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from sqlalchemy import select

from hanzaki import defaults
from hanzaki.annotations import Annotations
from hanzaki.catalogue import decisions, facts, gallery, opinions, records
from hanzaki.catalogue.tables import Decision
from hanzaki.errors import CatalogueError, DecisionError
from hanzaki.fieldwork.add import AddReport, add
from hanzaki.fieldwork.bursts import BURST
from hanzaki.fieldwork.classify import SURE, ClassifyReport, classify, load_classifier
from hanzaki.fieldwork.describe import DescribeReport
from hanzaki.fieldwork.detect import DetectReport, detect
from hanzaki.fieldwork.explain import Asked, Explanation, explain
from hanzaki.fieldwork.files import size_of
from hanzaki.fieldwork.identity.method import Models, describe_all_of, load_method
from hanzaki.fieldwork.identity.telling_apart import TellingApart
from hanzaki.fieldwork.named import encounter_numbered, individual_of_species, picture_numbered
from hanzaki.fieldwork.progress import Progress, silent
from hanzaki.fieldwork.queries import Watcher
from hanzaki.fieldwork.record import Circumstances
from hanzaki.fieldwork.tell import UNKNOWN, Altered, altered, tell
from hanzaki.fieldwork.watch import BEST, RATE, load_watcher
from hanzaki.settings import who
from hanzaki.vision.model import find_model, load_classifier_model

Paths = Path | str | Sequence[Path | str]


class FieldCatalogue(TellingApart):
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

    def describe(self, model: Models = defaults.MODEL, *, progress: Progress = silent) -> DescribeReport:
        """Describe what one or several models have not seen yet; ``identify`` does it by itself when need be."""
        return describe_all_of(self, load_method(model), progress)

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
            meeting = encounter_numbered(session, encounter)
            if individual == decisions.NEW:
                decided = decisions.new_individual(session, meeting.species, name)
                decisions.assign(session, meeting, decided, who=who(), action=decisions.NEW)
            else:
                decided = individual_of_species(session, individual, meeting.species)
                decisions.assign(session, meeting, decided, who=who())
            return decided.name

    def tell(
        self,
        encounters: int | Sequence[int] = (),
        *,
        pictures: Sequence[int] = (),
        individuals: Sequence[str] = (),
        species: str | None = None,
        sex: str | None = None,
        origin: str | None = None,
        side: str | None = None,
    ) -> list[Altered]:
        """Keep what you know of animals and pictures; see :func:`hanzaki.fieldwork.tell.tell`.

        Args:
            encounters: a number, or several.
            pictures: their numbers, for the side.
            individuals: their names.
            species: scientific name; here and below ``unknown`` takes back what stands.
            sex: female, male ...
            origin: native, hybrid ...
            side: left, right, top ...; of an encounter it is told of all its pictures.
        """
        return tell(
            self,
            encounters=[encounters] if isinstance(encounters, int) else encounters,
            pictures=pictures,
            individuals=individuals,
            species=species,
            sex=sex,
            origin=origin,
            side=side,
        )

    def undo(self, *, machine: bool = False) -> list[Altered]:
        """Take back the last decision of a person, or batch of the machine's.

        Args:
            machine: the machine's last batch, whatever people decided since; what they said of it stays.

        Returns:
            For all that it altered: what, which column, what stood until now, what stands again.

        Raises:
            DecisionError: if there is nothing to take back.
        """
        with self.writing() as session:
            return altered(session, decisions.undo(session, who=who(), machine=machine))

    def individuals(self) -> pd.DataFrame:
        """Every individual: ``individual species sex origin encounters photographs first last``.

        What classifiers say stands beside it, as ``origin_by_machine origin_probability origin_sure
        origin_model``.
        """
        with self.reading() as session:
            return gallery.individual_table(session)

    def encounters(self) -> pd.DataFrame:
        """Every encounter: ``encounter label individual species sex origin site survey starts photographs``.

        What classifiers say stands beside it, as in :meth:`individuals`.
        """
        with self.reading() as session:
            return gallery.encounter_table(session)

    def classify(
        self,
        model: Path | str,
        asked: Paths | int | Sequence[Path | str | int] = (),
        *,
        sure: float = SURE,
        explain: Path | str | None = None,
        detector: Path | str = defaults.DETECTOR,
        progress: Progress = silent,
    ) -> ClassifyReport:
        """Ask a classifier, and keep its opinion; see :func:`hanzaki.fieldwork.classify.classify`.

        Args:
            model: the folder of a classifier.
            asked: files, folders, or numbers of encounters; without any, all that it has not told of yet.
            sure: how probable an answer must be to count where nobody told.
            explain: a folder to draw into what in each picture spoke for the answer.
            detector: that finds the animals in videos which the catalogue does not hold.
            progress: told how far it is.
        """
        return classify(
            self,
            load_classifier(model),
            [asked] if isinstance(asked, (Path, str, int)) else list(asked),
            sure=sure,
            explain=None if explain is None else Path(explain),
            watched=Watcher(detector),
            progress=progress,
        )

    def explain(
        self, asked: Asked | Sequence[Asked], model: Path | str = defaults.MODEL, *, label: str | None = None
    ) -> Explanation:
        """Draw why two pictures are alike, or what in one speaks for a label.

        See :func:`hanzaki.fieldwork.explain.explain`.
        """
        return explain(self, [asked] if isinstance(asked, (Path, str, int)) else list(asked), model, label=label)

    def forget_opinions(self, model: Path | str) -> int:
        """Take back all that a classifier told.

        Args:
            model: its folder, or its fingerprint as the listings have it.

        Returns:
            of how many pictures it had told.

        Raises:
            CatalogueError: if it had told of none.
        """
        with self.writing() as session:
            known = opinions.forget(session, str(model))
            if not known:
                name = load_classifier_model(find_model(model)).fingerprint
                known = opinions.forget(session, name)
                if not known:
                    raise CatalogueError(f"{name} has told nothing that could be forgotten")
            return known

    def pictures(self, encounter: int) -> pd.DataFrame:
        """The pictures of an encounter: ``picture file frame box label side confidence quality aside``.

        What classifiers say stands beside it, as in :meth:`individuals`.

        Raises:
            CatalogueError: if there is no such encounter.
        """
        with self.reading() as session:
            return gallery.picture_table(session, encounter_numbered(session, encounter).id)

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
            meeting = None if into is None else encounter_numbered(session, into)
            return records.regroup(session, [picture_numbered(session, number) for number in pictures], meeting).id

    def set_aside(self, pictures: Sequence[int], *, aside: bool = True) -> None:
        """Set pictures aside, which are then compared for want of others only; or take them up again.

        Raises:
            CatalogueError: if there is no such picture.
        """
        with self.writing() as session:
            for number in pictures:
                picture_numbered(session, number).aside = aside

    def decisions(self) -> pd.DataFrame:
        """Every decision, in order: ``decision at who origin action undoes encounters told``."""
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
                    [
                        f"{facts.name_of(told.subject)}: {told.label} {told.after or UNKNOWN}"
                        for told in row.statements
                    ],
                )
                for row in session.scalars(select(Decision).order_by(Decision.id))
            ]
        columns = ["decision", "at", "who", "origin", "action", "undoes", "encounters", "told"]
        return pd.DataFrame(rows, columns=columns, dtype=object)


def _several(paths: Paths) -> list[Path | str]:
    return [paths] if isinstance(paths, (Path, str)) else list(paths)
