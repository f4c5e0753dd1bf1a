"""A catalogue taken into the field: what it remembers, and the work that fills it, under one name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pandas as pd
from sqlalchemy import select

from hanzaki import defaults
from hanzaki.annotations import Annotations
from hanzaki.catalogue import decisions, facts, gallery, opinions, records
from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.catalogue.tables import Decision
from hanzaki.errors import CatalogueError, DecisionError, SettingError
from hanzaki.fieldwork.accept import Acceptance, accept
from hanzaki.fieldwork.add import AddReport, add
from hanzaki.fieldwork.asking import Queue, queue
from hanzaki.fieldwork.bursts import BURST
from hanzaki.fieldwork.check import WORD, CheckReport, check
from hanzaki.fieldwork.classify import SURE, ClassifyReport, classify, load_classifier
from hanzaki.fieldwork.describe import DescribeReport
from hanzaki.fieldwork.detect import DetectReport, detect
from hanzaki.fieldwork.drift import Drifting, learn_drift
from hanzaki.fieldwork.explain import Asked, Explanation, explain
from hanzaki.fieldwork.files import size_of
from hanzaki.fieldwork.identify import IdentifyReport, identify
from hanzaki.fieldwork.method import VERIFY, Models, asked_facts, describe_all_of, load_method
from hanzaki.fieldwork.named import encounter_numbered, individual_of_species, picture_numbered
from hanzaki.fieldwork.progress import Progress, silent
from hanzaki.fieldwork.queries import Watcher
from hanzaki.fieldwork.record import Circumstances
from hanzaki.fieldwork.reidentify import Reidentification, reidentify
from hanzaki.fieldwork.sort import SURE as FIRM
from hanzaki.fieldwork.sort import Pile, name_firm, sort
from hanzaki.fieldwork.suspicion import TOLERATED, WRONG
from hanzaki.fieldwork.tell import UNKNOWN, Altered, altered, tell
from hanzaki.fieldwork.watch import BEST, RATE, load_watcher
from hanzaki.matching.scope import SIDES, Scope
from hanzaki.settings import who
from hanzaki.vision.model import find_model, load_classifier_model

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

    def describe(self, model: Models = defaults.MODEL, *, progress: Progress = silent) -> DescribeReport:
        """Describe what one or several models have not seen yet; ``identify`` does it by itself when need be."""
        return describe_all_of(self, load_method(model), progress)

    def identify(
        self,
        asked: Paths | int | Sequence[Path | str | int],
        *,
        model: Models = defaults.MODEL,
        detector: Path | str = defaults.DETECTOR,
        top: int = 5,
        verify: int | None = None,
        species: str | None = None,
        side: str | None = None,
        any_side: bool = False,
        sites: Sequence[str] = (),
        since: date | None = None,
        until: date | None = None,
        everywhere: bool = False,
        sex: bool = False,
        near: float | None = None,
        years: float | None = None,
        prior_new: float | None = None,
        progress: Progress = silent,
    ) -> IdentifyReport:
        """Say who it may be, or that it is somebody new; see :func:`hanzaki.fieldwork.identify.identify`.

        Args:
            asked: files, folders, or numbers of encounters.
            model: a model that comes with hanzaki, a model folder, or ``sift``; or several, that speak together.
            detector: that finds the animals in videos.
            top: how many candidates to give.
            verify: in how many photographs keypoints are compared, if an embedding can choose them.
            species: look among these only; by default each query's own.
            side: ``left`` or ``right``: look among these only; by default each query's own.
            any_side: compare left flanks with right ones too.
            sites: look among animals seen there only.
            since: and not before this day.
            until: and not after this day.
            everywhere: the animal may come from anywhere, so that neither sites nor ``near`` may be asked for.
            sex: let recorded sexes count.
            near: let places count: how far from one another, in km, one animal is usually found.
            years: let dates count: how many years such an animal lives.
            prior_new: probability that an animal is new, before it is looked at; by default the calibration's.
            progress: told how far it is.

        Raises:
            CatalogueError: if there is no such encounter.
            SettingError: if a value cannot be used, or two contradict each other.
            ModelError: if there is no such model.
        """
        if side is not None and side not in SIDES:
            raise SettingError(f"side {side!r}: only the flanks differ, so write left or right")
        method = load_method(
            model,
            verify=VERIFY if verify is None else verify,
            facts=asked_facts(sex=sex, near=near, years=years),
            any_side=any_side,
            prior_new=prior_new,
        )
        return identify(
            self,
            [asked] if isinstance(asked, (Path, str, int)) else list(asked),
            method,
            scope=Scope(species, (side,) if side else (), tuple(sites), since, until),
            everywhere=everywhere,
            top=top,
            watched=Watcher(detector),
            progress=progress,
        )

    def drift(
        self,
        individuals: Sequence[str] = (),
        *,
        model: Models = defaults.MODEL,
        keep: bool = False,
        progress: Progress = silent,
    ) -> Drifting:
        """Say how markings change with the years; see :func:`hanzaki.fieldwork.drift.learn_drift`.

        Args:
            individuals: names of those that are asked about; learnt is from all that were met again.
            model: a model that comes with hanzaki, a model folder, or ``sift``; or several, that speak together.
            keep: let answers heed it from now on.
            progress: told how far it is.
        """
        return learn_drift(self, load_method(model), individuals, keep=keep, progress=progress)

    def sort(
        self,
        encounters: int | Sequence[int] = (),
        *,
        model: Models = defaults.MODEL,
        survey: str | None = None,
        site: str | None = None,
        apply: bool = False,
        sure: float = FIRM,
        progress: Progress = silent,
    ) -> Pile:
        """Put encounters without a name together; see :func:`hanzaki.fieldwork.sort.sort`.

        Args:
            encounters: their numbers; none = all that have no name.
            model: a model that comes with hanzaki, a model folder, or ``sift``; or several, that speak together.
            survey: of this survey only.
            site: at this site only.
            apply: name the new individuals that are firm enough; else nothing is written.
            sure: how firm that is, a probability.
            progress: told how far it is.
        """
        asked = [encounters] if isinstance(encounters, int) else encounters
        pile = sort(self, asked, method=load_method(model), survey=survey, site=site, progress=progress)
        return name_firm(self, pile, sure) if apply else pile

    def accept(
        self,
        encounters: int | Sequence[int] = (),
        *,
        tolerate: float,
        model: Models = defaults.MODEL,
        prior_new: float | None = None,
        apply: bool = False,
        progress: Progress = silent,
    ) -> Acceptance:
        """Name by machine what is sure enough; see :func:`hanzaki.fieldwork.accept.accept`.

        Args:
            encounters: their numbers; none = all that have no name.
            tolerate: the share of wrong ones that is tolerated among the accepted, a fraction.
            model: as in :meth:`identify`.
            prior_new: likewise.
            apply: write it; else it is only said.
            progress: told how far it is.
        """
        asked = [encounters] if isinstance(encounters, int) else encounters
        method = load_method(model, prior_new=prior_new)
        return accept(self, method, asked, rate=tolerate, apply=apply, progress=progress)

    def queue(
        self,
        *,
        model: Models = defaults.MODEL,
        top: int | None = None,
        prior_new: float | None = None,
        progress: Progress = silent,
    ) -> Queue:
        """What to ask a person, what teaches most first; see :func:`hanzaki.fieldwork.asking.queue`.

        Args:
            model: as in :meth:`identify`.
            top: so many questions at most.
            prior_new: as in :meth:`identify`.
            progress: told how far it is.
        """
        return queue(self, load_method(model, prior_new=prior_new), top=top, progress=progress)

    def reidentify(
        self,
        *,
        tolerate: float,
        model: Models = defaults.MODEL,
        old: Models | None = None,
        everybody: bool = False,
        prior_new: float | None = None,
        apply: bool = False,
        progress: Progress = silent,
    ) -> Reidentification:
        """Say what a better model would change; see :func:`hanzaki.fieldwork.reidentify.reidentify`.

        Args:
            tolerate: the share of wrong ones that is tolerated among the accepted, a fraction.
            model: as in :meth:`identify`.
            old: by which to compute how probable the present names were; None = what was kept.
            everybody: ask of what people and tables named too, which is shown and never changed.
            prior_new: as in :meth:`identify`.
            apply: write the changes; else they are only said.
            progress: told how far it is.
        """
        before = None if old is None else load_method(old, prior_new=prior_new)
        return reidentify(
            self,
            load_method(model, prior_new=prior_new),
            before,
            rate=tolerate,
            everybody=everybody,
            apply=apply,
            progress=progress,
        )

    def check(
        self,
        *,
        model: Models = defaults.MODEL,
        tolerated: float = TOLERATED,
        wrong: float = WRONG,
        word: float = WORD,
        progress: Progress = silent,
    ) -> CheckReport:
        """Find individuals who are probably one, or two; see :func:`hanzaki.fieldwork.check.check`.

        Args:
            model: a model that comes with hanzaki, a model folder, or ``sift``; or several, that speak together.
            tolerated: how much of each list may be false alarms, by expectation.
            wrong: the share of encounters that is believed to have a wrong name.
            word: how many times likelier right than wrong a person is who said that two are not the same.
            progress: told how far it is.
        """
        return check(self, load_method(model), tolerated=tolerated, wrong=wrong, word=word, progress=progress)

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
