"""The whole main job on a small virtual stream, and what it found against the truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from hanzaki.annotations import Annotations
from hanzaki.errors import CatalogueError, printable
from hanzaki.fieldwork.fieldcatalogue import FieldCatalogue
from hanzaki.fieldwork.identify import Identification
from hanzaki.fieldwork.progress import Progress, silent
from hanzaki.fieldwork.sheet import draw_sheet
from hanzaki.virtual import write_photographs

INDIVIDUALS = 14
NEWCOMERS = 2

_CATALOGUE = "catalogue"
_TRUTH = "annotations.csv"


@dataclass(frozen=True)
class Found:
    """One encounter of the second survey: what was found, and the truth.

    Attributes:
        identification: candidates in order.
        truth: who it really is.
        was_known: whether the catalogue could know it from the first survey.
    """

    identification: Identification
    truth: str
    was_known: bool

    @property
    def right(self) -> bool:
        """Whether the first candidate is the true one."""
        candidates = self.identification.candidates
        return bool(candidates) and candidates[0].individual == self.truth


@dataclass(frozen=True)
class Demo:
    """What the demo made and found."""

    folder: Path
    catalogue: Path
    sheet: Path
    found: tuple[Found, ...]


def run_demo(folder: Path, progress: Progress = silent) -> Demo:
    """Photograph a virtual stream twice, name the animals of the first survey, and identify those of the second.

    It can be stopped and run again; what is there is used.

    Args:
        folder: new, empty, or of an earlier demo.
        progress: told how far it is.

    Raises:
        CatalogueError: if the folder holds something else.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / "photographs").is_dir():
        raise CatalogueError(f"{printable(folder)} holds other files; name a folder that is new or empty")
    if not (folder / _TRUTH).is_file():
        write_photographs(
            folder,
            INDIVIDUALS,
            newcomers=NEWCOMERS,
            progress=lambda done, total: progress("photographing", done, total),
        )
    truth = pd.read_csv(folder / _TRUTH, dtype=str)
    second = truth["date"] >= _last_survey(truth)
    place = folder / _CATALOGUE
    with FieldCatalogue.open(place) if place.is_dir() else FieldCatalogue.init(place) as catalogue:
        for survey, rows in (("first survey", truth[~second]), ("second survey", truth[second])):
            names = rows if survey == "first survey" else rows.drop(columns="identity")
            table = Annotations(names, source=folder / _TRUTH)
            catalogue.add(table=table, survey=survey, progress=progress)
        encounters = catalogue.encounters()
        asked = encounters.loc[encounters["survey"] == "second survey", ["encounter", "label"]]
        report = catalogue.identify(asked["encounter"].tolist(), progress=progress)
        identity = truth.drop_duplicates("encounter").set_index("encounter")["identity"]
        real = {number: identity[label] for number, label in asked.itertuples(index=False)}
        sheet = folder / "answers.jpg"
        draw_sheet(catalogue, report.identifications, sheet, real)
    known = set(truth.loc[~second, "identity"])
    found = [
        Found(answer, real[answer.encounter or 0], real[answer.encounter or 0] in known)
        for answer in report.identifications
    ]
    return Demo(folder, place, sheet, tuple(found))


def _last_survey(truth: pd.DataFrame) -> str:
    return str(truth["date"].str[:10].max())
