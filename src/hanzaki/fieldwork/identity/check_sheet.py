"""What ``hanzaki check`` found as a picture: of each the two photographs that show it best, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.errors import BadMedium
from hanzaki.explanation.colours import PAPER
from hanzaki.explanation.drawing import draw, write_picture
from hanzaki.explanation.panels import Panel
from hanzaki.fieldwork.crops import crop_of_annotation
from hanzaki.fieldwork.identity.answers import percent
from hanzaki.fieldwork.identity.check import CheckReport, OneAsTwo, Sight, TwoAsOne
from hanzaki.media import Pixels

_MOST = 40  # more is not looked at in one picture, and JPEG ends at 65 500 pixels
_WIDTH = 900
_GONE = (240, 320)


def draw_check(catalogue: Catalogue, report: CheckReport, path: Path) -> None:
    """Draw what was found, the most probable first: at most the first forty.

    Args:
        catalogue: that was checked.
        report: what was found.
        path: JPEG, PNG or WebP file to write.

    Raises:
        SettingError: if the picture cannot be written there.
    """
    found = in_order(report)[:_MOST]
    parts = [_drawn(catalogue, each) for each in found] or [_nothing()]
    write_picture(path, np.concatenate([_of_width(part, _WIDTH) for part in parts]))


def in_order(report: CheckReport) -> list[OneAsTwo | TwoAsOne]:
    """Both lists as one, the most probable first."""
    return sorted([*report.ones, *report.twos], key=lambda found: -found.probability)


def headline(found: OneAsTwo | TwoAsOne) -> str:
    """What is probably so, in a line: ``A and B are probably one: 93 %``."""
    if isinstance(found, OneAsTwo):
        return f"{found.individuals[0]} and {found.individuals[1]} are probably one: {percent(found.probability)}"
    return f"{found.individual} is probably two: {percent(found.probability)}"


def numbers(encounters: Sequence[int]) -> str:
    """Encounters in words: ``encounter 3``, ``encounters 3, 7``."""
    return f"encounter{'s' if len(encounters) > 1 else ''} {', '.join(map(str, encounters))}"


def _drawn(catalogue: Catalogue, found: OneAsTwo | TwoAsOne) -> Pixels:
    panels = [_panel(catalogue, sight) for sight in found.sights]
    few, many = found.encounters
    return draw(panels, headline(found), f"{numbers(few)} against {numbers(many)}")


def _panel(catalogue: Catalogue, sight: Sight) -> Panel:
    caption = f"{sight.individual}, encounter {sight.encounter}: {sight.photograph.name}"
    try:
        return Panel(crop_of_annotation(catalogue, sight.photograph.annotation), caption)
    except BadMedium:
        return Panel(np.full((*_GONE, 3), 220, np.uint8), f"{caption} (the photograph is gone)")


def _nothing() -> Pixels:
    return draw([Panel(np.full((*_GONE, 3), 220, np.uint8))], "Nothing suspicious was found")


def _of_width(picture: Pixels, width: int) -> Pixels:
    """A drawing at a width: smaller if it is wider, on paper if it is narrower."""
    height, own = picture.shape[:2]
    if own > width:
        size = (width, max(1, round(height * width / own)))
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    paper = np.full((height, width, 3), PAPER, np.uint8)
    paper[:, :own] = picture
    return paper
