"""What a classifier says of animals: kept in the catalogue as the machine's word, or only told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sqlalchemy import select

from hanzaki.ahead import ahead, batches
from hanzaki.boxes import Box
from hanzaki.catalogue import gallery, opinions, records
from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.catalogue.engine import IN_CHUNK
from hanzaki.catalogue.opinions import Word
from hanzaki.catalogue.tables import Annotation, Medium, Opinion
from hanzaki.errors import BadMedium, SettingError
from hanzaki.fieldwork.crops import Crops
from hanzaki.fieldwork.progress import Progress, silent
from hanzaki.fieldwork.queries import Query, find_queries, pictures_of
from hanzaki.fieldwork.watch import Watched
from hanzaki.fieldwork.why import Drawer
from hanzaki.media import Pixels, load_picture
from hanzaki.settings import settings
from hanzaki.vision.classifier import Classifier, Explained
from hanzaki.vision.model import find_model, load_classifier_model

#: How probable an answer must be to count, if nothing else is said.
SURE = 0.8

#: What is seen in a single picture; all else is told of an animal, by the mean over its pictures.
OF_PICTURE = frozenset({"orientation", "quality"})

_BATCH = 32

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ToldPicture:
    """What was told of one picture.

    Attributes:
        name: its file and, of a video, the second.
        number: of the picture in the catalogue; None for a file that it does not hold.
        shares: how probable every answer is.
        told: what a person or a table told of it, which stands; of a side only.
        drawn: the drawing of what spoke for the answer, where one was asked for.
    """

    name: str
    number: int | None
    shares: Mapping[str, float]
    told: str | None = None
    drawn: Path | None = None

    @property
    def value(self) -> str:
        """The most probable answer."""
        return max(self.shares, key=self.shares.__getitem__)

    @property
    def probability(self) -> float:
        """Of the most probable answer."""
        return self.shares[self.value]


@dataclass(frozen=True)
class ToldAnimal:
    """What was told of one animal.

    Attributes:
        name: ``encounter 3``, or the file that shows it.
        encounter: its number; None for a file that the catalogue does not hold.
        word: the mean over its pictures, with those that were told of before; None for what is of pictures only.
        told: what a person or a table told of it, which stands.
        pictures: that were asked about.
    """

    name: str
    encounter: int | None
    word: Word | None
    told: str | None
    pictures: tuple[ToldPicture, ...]


@dataclass
class ClassifyReport:
    """What a classifier told.

    Attributes:
        model: its fingerprint.
        label: what it tells of.
        labels: its answers.
        sure: how probable one had to be to count.
        animals: those that were asked about, or without a question those that it had not told of.
        kept: pictures of which its opinion was kept now.
        known: of which it was kept before.
        skipped: pictures that cannot be read, with the reason.
        interrupted: whether the user stopped it; the same command goes on where it was.
    """

    model: str
    label: str
    labels: list[str]
    sure: float
    animals: list[ToldAnimal] = field(default_factory=list)
    kept: int = 0
    known: int = 0
    skipped: list[BadMedium] = field(default_factory=list)
    interrupted: bool = False


def load_classifier(which: Path | str) -> Classifier:
    """A classifier, run as the settings say.

    Args:
        which: a shipped model's name, or a model folder.

    Raises:
        ModelError: if it is neither, or tells no labels.
    """
    return Classifier(load_classifier_model(find_model(which)), settings().runtime, settings().threads)


def classify(
    catalogue: Catalogue | None,
    classifier: Classifier,
    asked: Sequence[Path | str | int] = (),
    *,
    sure: float = SURE,
    explain: Path | None = None,
    watched: Callable[[Path], Watched],
    progress: Progress = silent,
) -> ClassifyReport:
    """Ask a classifier about animals.

    Its opinion of what the catalogue holds is kept there, batch by batch, beside what people told and never over
    it. What it said of a picture before is not computed again, but counts from ``sure`` on too. Files that the
    catalogue does not hold are looked at and not added.

    Args:
        catalogue: None where there is none.
        classifier: of any label.
        asked: files, folders, or numbers of encounters; without any, all that it has not told of yet.
        sure: how probable an answer must be to count where nobody told.
        explain: a folder to draw into what in each picture spoke for the answer.
        watched: what is seen in a video that the catalogue does not hold.
        progress: told after every batch.

    Raises:
        CatalogueError: if there is no such encounter.
        ModelError: if the drawing is asked for and the network does not tell what it needs.
        SettingError: if ``sure`` is no probability, nothing is asked and there is no catalogue, or the folder
            for the drawings cannot be made.
    """
    if not 0 <= sure <= 1:
        raise SettingError(f"sure {sure:g}: a probability is from 0 to 1")
    if catalogue is None and not asked:
        raise SettingError("name photographs, videos or folders to look at, or go to a catalogue")
    work = _Work(
        catalogue, classifier, sure, None if explain is None else Drawer(explain, classifier.model.config)
    )
    work.gather(asked, watched)
    try:
        work.run(progress)
    except KeyboardInterrupt:
        work.report.interrupted = True
    work.report.animals = work.animals()
    return work.report


@dataclass(frozen=True, eq=False)
class _Item:
    """One picture to be looked at.

    Attributes:
        name: for people.
        path: its file.
        frame: of a video, in seconds.
        box: of the animal in a file that the catalogue does not hold.
        number: in the catalogue, with its encounter; None for such a file.
        animal: what shows the animal, as the user knows it, for such a file.
        told: the side that people told.
        aside: whether it shows the animal too badly to count if there are others.
        load: the pixels, for such a file.
    """

    name: str
    path: Path
    frame: float | None = None
    box: Box | None = None
    number: int | None = None
    encounter: int | None = None
    animal: str = ""
    told: str | None = None
    aside: bool = False
    load: Callable[[], Pixels] | None = None


@dataclass(frozen=True)
class _Seen:
    """A picture made ready, and the box that was cut out."""

    item: _Item
    prepared: Floats
    box: Box | None


class _Work:
    """One question to a classifier."""

    def __init__(
        self, catalogue: Catalogue | None, classifier: Classifier, sure: float, drawer: Drawer | None
    ) -> None:
        self.catalogue = catalogue
        self.classifier = classifier
        self.drawer = drawer
        self.report = ClassifyReport(classifier.name, classifier.label, classifier.labels, sure)
        self._items: list[_Item] = []
        self._shares: dict[_Item, Mapping[str, float]] = {}
        self._drawn: dict[_Item, Path] = {}

    def gather(self, asked: Sequence[Path | str | int], watched: Callable[[Path], Watched]) -> None:
        """Find the pictures that are asked about, and take what was told of them before."""
        if asked:
            self._gather_asked(asked, watched)
        elif self.catalogue is not None:
            with self.catalogue.writing() as session:
                self.report.known = opinions.count(session, self.classifier.name)
                opinions.make_sure(session, self.classifier.name, self.report.sure)
                waiting = opinions.untold(session, self.classifier.name)
            self._add_annotations(waiting)

    def _gather_asked(self, asked: Sequence[Path | str | int], watched: Callable[[Path], Watched]) -> None:
        table = None
        if self.catalogue is not None:
            with self.catalogue.reading() as session:
                table = gallery.annotation_table(session)
        found = find_queries(self.catalogue, asked, table, watched)
        self.report.skipped += found.skipped
        unwatched = set() if table is None else set(table.loc[table["unwatched"].astype(bool), "annotation"])
        numbers: dict[int, None] = {}
        for query in found.queries:
            shown = [number for number in query.annotations if number not in unwatched]
            numbers |= dict.fromkeys(shown)
            if query.file is not None:
                self._add_file(query, query.file)
            elif not shown:
                reason = "nobody has looked for the animal in its video yet: run `hanzaki detect`"
                self.report.skipped.append(BadMedium(query.name, reason))
        if self.catalogue is not None:
            with self.catalogue.writing() as session:
                before = opinions.told(session, self.classifier.name, list(numbers))
                opinions.make_sure(session, self.classifier.name, self.report.sure, list(before))
            self.report.known = len(before)
            for item in self._add_annotations(list(numbers)):
                if item.number in before:
                    self._shares[item] = before[item.number]

    def _add_annotations(self, numbers: Sequence[int]) -> list[_Item]:
        if self.catalogue is None:
            return []
        query = select(
            Annotation.id, Annotation.encounter_id, Annotation.frame, Annotation.orientation, Annotation.aside,
            Medium.name, Medium.path,
        ).join(Annotation.medium)  # fmt: skip
        added = []
        with self.catalogue.reading() as session:
            for chunk in batches(numbers, IN_CHUNK):
                rows = session.execute(query.where(Annotation.id.in_(chunk)).order_by(Annotation.id))
                for number, encounter, frame, side, aside, name, path in rows:
                    shown = name if frame is None else f"{name}, {frame:.1f} s"
                    told = side if self.classifier.label == "orientation" else None
                    place = self.catalogue.media.path(path)
                    item = _Item(shown, place, frame, number=number, encounter=encounter, told=told, aside=aside)
                    added.append(item)
        self._items += added
        return added

    def _add_file(self, query: Query, file: Path) -> None:
        def load(place: int) -> Pixels:
            return pictures_of(query, self.classifier.area_fraction)[place]

        if not query.glimpses:
            self._items.append(_Item(query.name, file, animal=query.name, load=partial(load, 0)))
        for place, glimpse in enumerate(query.glimpses):
            item = _Item(
                f"{query.name}, {glimpse.seconds:.1f} s", file, glimpse.seconds, glimpse.box,
                animal=query.name, aside=glimpse.quality.low, load=partial(load, place),
            )  # fmt: skip
            self._items.append(item)

    def run(self, progress: Progress) -> None:
        """Look at every picture that was not told of before, or is to be drawn; keep what is told by batches."""
        waiting = [item for item in self._items if item not in self._shares or self.drawer is not None]
        done = 0
        for batch in batches(self._ready(waiting), _BATCH):
            seen = [one for one in batch if isinstance(one, _Seen)]
            self.report.skipped += [bad for bad in batch if isinstance(bad, BadMedium)]
            told = self._told([one.prepared for one in seen])
            self._keep(seen, [probabilities for probabilities, _ in told])
            for one, (_, explained) in zip(seen, told, strict=True):
                if explained is not None:
                    self._draw(one, explained)
            done += len(batch)
            progress("classifying", done, len(waiting))

    def _ready(self, waiting: Sequence[_Item]) -> Iterator[_Seen | BadMedium]:
        numbers = [item.number for item in waiting if item.number is not None]
        crops = None
        if self.catalogue is not None:
            crops = Crops(self.catalogue, numbers, self.classifier.area_fraction)

        def prepare(item: _Item) -> _Seen | BadMedium:
            try:
                if crops is not None and item.number is not None:
                    cut = crops.cut(item.number)
                    return _Seen(item, self.classifier.prepare(cut.pixels), cut.box)
                if item.load is not None:
                    return _Seen(item, self.classifier.prepare(item.load()), item.box)
            except BadMedium as bad:
                return bad
            raise ValueError(f"{item.name} is neither in the catalogue nor a file")

        return ahead(prepare, waiting, settings().threads)

    def _told(self, prepared: Sequence[Floats]) -> list[tuple[Floats, Explained | None]]:
        if self.drawer is None:
            return [(probabilities, None) for probabilities in self.classifier.classify(prepared)]
        return [(explained.probabilities, explained) for explained in self.classifier.explain(prepared)]

    def _draw(self, seen: _Seen, explained: Explained) -> None:
        if self.drawer is None:
            return
        item = seen.item
        try:
            photograph = load_picture(item.path, item.frame, settings().max_megapixels)
        except BadMedium as bad:  # it vanished since it was looked at
            self.report.skipped.append(bad)
            return
        self._drawn[item] = self.drawer.draw(item.name, item.number, photograph, seen.box, explained)

    def _keep(self, seen: Sequence[_Seen], told: Sequence[Floats]) -> None:
        """Keep opinions of pictures of the catalogue whose box is still the one that was looked at."""
        fresh: list[tuple[_Seen, Mapping[str, float]]] = []
        for one, probabilities in zip(seen, told, strict=True):
            if one.item not in self._shares:
                pairs = zip(self.classifier.labels, probabilities.tolist(), strict=True)
                fresh.append((one, opinions.rounded(dict(pairs))))
        if self.catalogue is not None and any(one.item.number is not None for one, _ in fresh):
            with self.catalogue.writing() as session:
                for one, shares in fresh:
                    row = None if one.item.number is None else session.get(Annotation, one.item.number)
                    if row is not None and records.box_of(row) == one.box:
                        model, label = self.classifier.name, self.classifier.label
                        opinions.keep(session, model, label, row.id, shares, self.report.sure)
                        self.report.kept += 1
        self._shares.update({one.item: shares for one, shares in fresh})

    def animals(self) -> list[ToldAnimal]:
        """What was told of every animal, in the order in which they were asked about."""
        shown: dict[int | str, list[_Item]] = {}
        for item in self._items:
            if item in self._shares:
                key = item.animal if item.encounter is None else item.encounter
                shown.setdefault(key, []).append(item)
        encounters = [key for key in shown if isinstance(key, int)]
        words, told = self._of_encounters(encounters)
        return [
            ToldAnimal(
                name=f"encounter {key}" if isinstance(key, int) else key,
                encounter=key if isinstance(key, int) else None,
                word=words.get(key) if isinstance(key, int) else self._word(items),
                told=told.get(key) if isinstance(key, int) else None,
                pictures=tuple(
                    ToldPicture(item.name, item.number, self._shares[item], item.told, self._drawn.get(item))
                    for item in items
                ),
            )
            for key, items in shown.items()
        ]

    def _of_encounters(self, encounters: Sequence[int]) -> tuple[dict[int, Word], dict[int, str]]:
        """The model's word on encounters by all of their pictures, and what people and tables told."""
        if self.catalogue is None or self.classifier.label in OF_PICTURE:
            return {}, {}
        words: dict[int, Word] = {}
        label, own = self.classifier.label, Opinion.model == self.classifier.name
        with self.catalogue.reading() as session:
            for chunk in batches(encounters, IN_CHUNK):
                words |= opinions.words(session, label, "encounter", own, Annotation.encounter_id.in_(chunk))
            return words, gallery.told_of_encounters(session, label, encounters)

    def _word(self, items: Sequence[_Item]) -> Word | None:
        if self.classifier.label in OF_PICTURE:
            return None
        said = [(self._shares[item], item.aside) for item in items]
        return opinions.word_of(said, self.report.sure, self.classifier.name)
