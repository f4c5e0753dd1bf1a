"""A page on a detector: how well it finds what is there, and its worst errors to look at."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from hanzaki.errors import BadMedium, SettingError, printable
from hanzaki.evaluation.detection import Judged, average_precision, measure_intervals
from hanzaki.evaluation.report.page import Headline, Picture, Section, Strip, Table, render_page
from hanzaki.evaluation.resampling import USUAL, Resampling
from hanzaki.media import Pixels

PAGE = "index.html"

_SHOWN = 8  # of each kind of error
_SIDE = 360  # pixels of a picture
_THERE, _FOUND = (0, 158, 115), (213, 94, 0)  # Okabe and Ito's green and vermilion
_NAMES = {"map": "mAP@50-95", "map50": "mAP@50", "precision": "precision", "recall": "recall"}


def write_detection_report(
    folder: Path,
    title: str,
    judged: Judged,
    pixels: Callable[[int], Pixels],
    names: Sequence[str],
    groups: Sequence[Hashable] | None = None,
    resampling: Resampling = USUAL,
) -> Path:
    """Write ``index.html``: the measures with their intervals, and the worst misses, false alarms and loose boxes.

    Args:
        folder: made if need be.
        title: of the page.
        judged: what was found beside what is there.
        pixels: gives a photograph by its number; may raise BadMedium.
        names: of the photographs' files.
        groups: what each photograph is drawn again with for the intervals; by itself if None.
        resampling: for the intervals.

    Returns:
        The page.

    Raises:
        ModelError: if the extra ``learn`` is not installed.
        SettingError: if it cannot be written there.
    """
    intervals = measure_intervals(judged.matches, judged.threshold, groups, resampling)
    headlines = [
        Headline(_percent(one.value), f"{_percent(one.low)} to {_percent(one.high)}", _NAMES[name])
        for name, one in intervals.items()
    ]
    page = render_page(title, _sections(judged, _Shown(judged, pixels, names)), headlines=headlines)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / PAGE).write_text(page, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise SettingError(f"{printable(folder)}: no report can be written there ({error})") from error
    return folder / PAGE


def _sections(judged: Judged, shown: _Shown) -> list[Section]:
    missed, alarms, loose = judged.missed, judged.false_alarms, judged.loose
    return [
        _measured(judged),
        Section(
            "Missed",
            [f"{len(missed):,} of {len(judged.there.picture):,} boxes were not found; the largest of them:"],
            strips=[Strip([shown.there(int(row)) for row in missed[:_SHOWN]])],
        ),
        Section(
            "False alarms",
            [f"{len(alarms):,} of what was found is not there; the surest of it. Look here first for boxes"
             " that nobody drew."],
            strips=[Strip([shown.found(int(row)) for row in alarms[:_SHOWN]])],
        ),
        Section(
            "Loose boxes",
            [f"Of the {len(loose):,} that were found, those that fit worst:"],
            strips=[
                Strip([shown.found(row, f"overlap {overlap:.2f}") for row, _, overlap in loose[:_SHOWN]]),
            ],
        ),
    ]  # fmt: skip


def _measured(judged: Judged) -> Section:
    averages = average_precision(judged.matches)
    counts = np.bincount(judged.there.label, minlength=len(judged.labels))
    rows = [
        [name, f"{count:,}", _percent(float(column.mean())), _percent(float(column[0]))]
        for name, count, column in zip(judged.labels, counts.tolist(), averages.T, strict=True)
    ]
    said = (
        f"{len(judged.there.picture):,} boxes in {judged.matches.pictures:,} photographs. Precision and recall"
        f" count what has a score of {judged.threshold:.2f} or more and overlaps a box of its label by half"
        " (intersection over union). Intervals are 95%, by bootstrap."
    )
    return Section("How well", [said], table=Table(("label", "boxes", "mAP@50-95", "mAP@50"), rows))


class _Shown:
    """Photographs with boxes in them: green is there, vermilion was found."""

    def __init__(self, judged: Judged, pixels: Callable[[int], Pixels], names: Sequence[str]) -> None:
        self._judged, self._pixels, self._names = judged, pixels, names

    def there(self, row: int) -> Picture:
        """The photograph of a box that is there."""
        picture = int(self._judged.there.picture[row])
        label = self._judged.labels[int(self._judged.there.label[row])]
        return self._picture(picture, f"{label}, not found")

    def found(self, row: int, *lines: str) -> Picture:
        """The photograph of a box that was found."""
        found = self._judged.found
        label = self._judged.labels[int(found.label[row])]
        return self._picture(int(found.picture[row]), f"{label}, score {found.score[row]:.2f}", *lines)

    def _picture(self, number: int, *lines: str) -> Picture:
        try:
            photograph = self._pixels(number)
        except BadMedium:
            return Picture("", (*lines, printable(self._names[number])))
        scale = min(1.0, _SIDE / max(photograph.shape[:2]))
        size = (max(1, round(photograph.shape[1] * scale)), max(1, round(photograph.shape[0] * scale)))
        drawn = np.ascontiguousarray(cv2.resize(photograph, size, interpolation=cv2.INTER_AREA), np.uint8)
        judged = self._judged
        seen = (judged.found.picture == number) & (judged.found.score >= judged.threshold)
        for corners, colour in (
            (judged.there.corners[judged.there.picture == number], _THERE),
            (judged.found.corners[seen], _FOUND),
        ):
            for x1, y1, x2, y2 in np.rint(corners * scale).astype(int).tolist():
                cv2.rectangle(drawn, (x1, y1), (x2, y2), colour, 2)
        file = io.BytesIO()
        Image.fromarray(drawn).save(file, "JPEG", quality=80, optimize=True)
        source = "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
        return Picture(source, (*lines, printable(self._names[number])))


def _percent(value: float) -> str:
    return "-" if value != value else f"{100 * value:.1f}%"
