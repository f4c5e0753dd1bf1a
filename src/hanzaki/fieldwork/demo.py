"""The whole main job on a virtual stream, as in the salamander paper, and what it found against the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from hanzaki.boxes import Box
from hanzaki.errors import CatalogueError, SettingError, printable
from hanzaki.fieldwork.fieldcatalogue import FieldCatalogue
from hanzaki.fieldwork.identity.identify import Identification
from hanzaki.fieldwork.identity.sheet import draw_sheet
from hanzaki.fieldwork.progress import Progress, silent
from hanzaki.settings import settings
from hanzaki.virtual import write_stream

INDIVIDUALS = 11
NEWCOMERS = 2

#: With fewer, fewer than three are known on the second day: no cohort to measure a likeness against.
FEWEST = NEWCOMERS + 3

#: What tells natives from hybrids: it knows virtual animals only.
ORIGIN = "virtual-origin"

_HYBRIDS = 3  # one animal in so many
_SECONDS, _RATE = 2.0, 10  # of a clip: as many frames a second as are looked at
_BEST = 3  # frames of each clip: it is short
_CATALOGUE = "catalogue"
_HEADS = "heads.csv"
_SURVEYS = ("first survey", "second survey")
_SAME = 0.3  # overlap (intersection over union) from which on a box is that of a true head
_SOON = 0.06  # seconds between a picture and the truth that was sampled next to it


@dataclass(frozen=True)
class Found:
    """One encounter of the second survey: what was found, and the truth.

    Attributes:
        identification: how probable each animal is, and somebody new.
        clip: name of the video.
        light: the time of day.
        truth: who it really is; None where the detector took something for a head.
        was_known: whether the catalogue knew it, from the first survey or by what was decided since.
        origin: what a classifier says it is, native or hybrid.
        true_origin: what it really is; None where the detector took something for a head.
    """

    identification: Identification
    clip: str
    light: str
    truth: str | None
    was_known: bool
    origin: str | None
    true_origin: str | None

    @property
    def is_new(self) -> bool:
        """Whether it really is an animal that the catalogue did not know."""
        return self.truth is not None and not self.was_known

    @property
    def called_new(self) -> bool:
        """Whether the answer is somebody new."""
        return self.identification.answer is None

    @property
    def right(self) -> bool:
        """Whether the answer is the truth: the name of a known animal, somebody new of a new one."""
        return self.is_new if self.called_new else self.was_known and self.identification.answer == self.truth


@dataclass(frozen=True)
class Demo:
    """What the demo made and found.

    Attributes:
        folder: with all of it.
        catalogue: within.
        sheet: a picture of the answers.
        clips: videos of the second survey.
        missed: animals of those videos that were not found.
        found: the encounters that were.
    """

    folder: Path
    catalogue: Path
    sheet: Path
    clips: int
    missed: int
    found: tuple[Found, ...]


def run_demo(folder: Path, individuals: int = INDIVIDUALS, progress: Progress = silent) -> Demo:
    """Film a virtual stream on two days, find the heads, name the animals of the first day, identify the second's.

    A keeper names what was found on the first day; the demo plays the keeper, by the truth. Nothing of the truth
    about the second day is used but to judge. It can be stopped and run again; what is there is used.

    Args:
        folder: new, empty, or of an earlier demo.
        individuals: how many animals live in the stream, of which two come on the second day only.
        progress: told how far it is.

    Raises:
        CatalogueError: if the folder holds something else.
        SettingError: if it holds a demo of other animals, or there are fewer than five.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / "videos").is_dir():
        raise CatalogueError(f"{printable(folder)} holds other files; name a folder that is new or empty")
    if individuals < FEWEST:
        raise SettingError(
            f"{individuals} animals are too few: {NEWCOMERS} of them come on the second day only, and among fewer "
            f"than three nothing can be told; ask for {FEWEST} or more"
        )
    filmed = write_stream(
        folder,
        individuals,
        photographs=0,
        seconds=_SECONDS,
        rate=_RATE,
        newcomers=NEWCOMERS,
        hybrids=individuals // _HYBRIDS,
        threads=settings().threads,
        progress=lambda done, total: progress("filming", done, total),
    )
    truth = Truth(folder)
    days = sorted(filmed["date"].str[:10].unique())
    clips = [filmed.loc[filmed["date"].str[:10] == day, "path"].unique().tolist() for day in days]
    place = folder / _CATALOGUE
    with FieldCatalogue.open(place) if place.is_dir() else FieldCatalogue.init(place) as catalogue:
        for survey, paths in zip(_SURVEYS, clips, strict=True):
            catalogue.add([folder / path for path in paths], survey=survey, site="stream", progress=progress)
            catalogue.detect(best=_BEST, progress=progress)
            if survey == _SURVEYS[0]:
                _name(catalogue, truth)
        asked = _encounters(catalogue, _SURVEYS[1])
        report = catalogue.identify(asked, progress=progress)
        told = catalogue.classify(ORIGIN, asked, progress=progress)
        origins = {animal.encounter: animal.word.value for animal in told.animals if animal.word is not None}
        real = {number: _truly(catalogue, truth, number) for number in asked}
        sheet = folder / "answers.jpg"
        named = {number: name for number, name in real.items() if name is not None}
        draw_sheet(catalogue, report.identifications, sheet, named)
        table = catalogue.encounters().set_index("encounter")
        starts = table["starts"]
        found = [
            Found(
                answer,
                str(catalogue.pictures(number)["file"].iloc[0]),
                _light(starts[number]),
                real[number],
                bool((table["individual"].drop(number) == real[number]).any()),
                origins.get(number),
                truth.origin(real[number]),
            )
            for answer in report.identifications
            if (number := answer.encounter) is not None
        ]
    there = truth.animals(clips[1])
    missed = len(there - {(one.clip, one.truth) for one in found})
    return Demo(folder, place, sheet, len(clips[1]), missed, tuple(found))


def _name(catalogue: FieldCatalogue, truth: Truth) -> None:
    """Decide who the encounters of the first survey are of, as one would who knows the animals."""
    table = catalogue.encounters()
    known = set(table["individual"].dropna())
    undecided = table["individual"].isna() & (table["survey"] == _SURVEYS[0]) & (table["photographs"] > 0)
    for number in table.loc[undecided, "encounter"].tolist():
        name = _truly(catalogue, truth, number)
        if name is None:
            continue
        if name in known:
            catalogue.confirm(number, name)
        else:
            catalogue.confirm(number, "new", name=name)
            known.add(name)


def _truly(catalogue: FieldCatalogue, truth: Truth, encounter: int) -> str | None:
    """Who an encounter is of."""
    pictures = catalogue.pictures(encounter)
    glimpses = [
        (float(frame), Box.parse(box)) for frame, box in zip(pictures["frame"], pictures["box"], strict=True)
    ]
    return truth.of(str(pictures["file"].iloc[0]), glimpses)


def _encounters(catalogue: FieldCatalogue, survey: str) -> list[int]:
    table = catalogue.encounters()
    seen = (table["survey"] == survey) & (table["photographs"] > 0)
    return [int(number) for number in table.loc[seen, "encounter"]]


def _light(start: datetime) -> str:
    return "morning" if start.hour < 12 else "afternoon" if start.hour < 17 else "evening"


class Truth:
    """Where which head is in which clip of a virtual stream.

    Args:
        folder: of the stream.
    """

    def __init__(self, folder: Path) -> None:
        heads = pd.read_csv(folder / _HEADS)
        heads["clip"] = [Path(path).name for path in heads["path"]]
        self._heads = heads[heads["visible"] > 0]
        table = pd.read_csv(folder / "annotations.csv")
        self._origins: dict[str, str] = dict(zip(table["identity"], table["origin"], strict=True))

    def origin(self, name: str | None) -> str | None:
        """Whether an animal is native or hybrid; None for nobody."""
        return None if name is None else self._origins[name]

    def animals(self, paths: list[str]) -> set[tuple[str, str]]:
        """Clips and individuals of which more than half of the head is in the picture at some time."""
        shown = self._heads[self._heads["clip"].isin([Path(path).name for path in paths])]
        shown = shown[shown["visible"] > 0.5]
        return set(zip(shown["clip"], shown["identity"], strict=True))

    def of(self, clip: str, glimpses: Sequence[tuple[float, Box]]) -> str | None:
        """Whose head most of some boxes show; None where they show none.

        Args:
            clip: the video's name.
            glimpses: seconds from its start, and a box.
        """
        names = [name for seconds, box in glimpses if (name := self._at(clip, seconds, box)) is not None]
        return max(names, key=names.count, default=None)

    def _at(self, clip: str, frame: float, box: Box) -> str | None:
        near = self._heads[(self._heads["clip"] == clip) & ((self._heads["frame"] - frame).abs() < _SOON)]
        overlaps = [box.overlap(Box.parse(str(head))) for head in near["bbox"]]
        if not overlaps or max(overlaps) < _SAME:
            return None
        return str(near["identity"].iloc[overlaps.index(max(overlaps))])
