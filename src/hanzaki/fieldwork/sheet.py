"""Answers as a picture: each query beside its candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.errors import BadMedium, SettingError, printable
from hanzaki.fieldwork.crops import crop_of_annotation
from hanzaki.fieldwork.identify import Answer, Identification
from hanzaki.media import Pixels, load_picture
from hanzaki.settings import settings
from hanzaki.vision.crop import crop

_TILE = 220
_GAP = 12
_LINE = 18
_MOST_CANDIDATES = 3
_MOST_ROWS = 60

_PAPER, _INK, _QUIET = "#faf9f6", "#22303a", "#7a858c"
_RIGHT, _WRONG = "#2a7f62", "#b5533c"


def draw_sheet(
    catalogue: Catalogue,
    answers: Sequence[Identification],
    path: Path,
    truth: Mapping[int, str] | None = None,
) -> None:
    """Draw each query (left) beside its first three candidates, one row a query.

    Args:
        catalogue: that the answers are from.
        answers: of these, the first sixty are drawn.
        path: JPEG or PNG file to write.
        truth: who the encounters really are; candidates are then framed green where right and red where wrong.

    Raises:
        SettingError: if the picture cannot be written there.
    """
    shown = [answer for answer in answers if answer.candidates][:_MOST_ROWS]
    rows = max(1, len(shown))
    height = _GAP + rows * (_TILE + 2 * _LINE + _GAP)
    sheet = Image.new("RGB", ((1 + _MOST_CANDIDATES) * (_TILE + _GAP) + _GAP, height), _PAPER)
    for row, answer in enumerate(shown):
        _draw_row(sheet, _GAP + row * (_TILE + 2 * _LINE + _GAP), catalogue, answer, truth)
    if not shown:
        _write(sheet, (_GAP, _GAP), "No candidates to show", _INK)
    try:
        sheet.save(path, quality=88)
    except (OSError, ValueError) as error:
        raise SettingError(f"{printable(path)}: the picture cannot be written ({error})") from error


def _draw_row(
    sheet: Image.Image, top: int, catalogue: Catalogue, answer: Identification, truth: Mapping[int, str] | None
) -> None:
    real = None if truth is None or answer.encounter is None else truth.get(answer.encounter)
    first = answer.candidates[0]
    _draw_tile(sheet, (_GAP, top), _query_pixels(catalogue, answer, first), None)
    name = Path(answer.query).name if answer.file is not None else answer.query
    _write(sheet, (_GAP, top + _TILE + 2), name, _INK)
    if real is not None:
        _write(sheet, (_GAP, top + _TILE + 2 + _LINE), f"truly {real}", _QUIET)
    for place, candidate in enumerate(answer.candidates[:_MOST_CANDIDATES], 1):
        left = _GAP + place * (_TILE + _GAP)
        frame = None if real is None else _RIGHT if candidate.individual == real else _WRONG
        pixels = _annotation_pixels(catalogue, candidate.photograph.annotation)
        _draw_tile(sheet, (left, top), pixels, frame)
        _write(sheet, (left, top + _TILE + 2), f"{place}  {candidate.individual}", frame or _INK)
        _write(sheet, (left, top + _TILE + 2 + _LINE), f"score {candidate.score:.3g}", _QUIET)


def _query_pixels(catalogue: Catalogue, answer: Identification, best: Answer) -> Pixels | None:
    if best.asked is not None:
        return _annotation_pixels(catalogue, best.asked)
    if answer.file is None:
        return None
    frame, box = (None, None) if answer.glimpse is None else (answer.glimpse.seconds, answer.glimpse.box)
    try:
        return crop(load_picture(answer.file, frame, settings().max_megapixels), box)
    except BadMedium:
        return None


def _annotation_pixels(catalogue: Catalogue, annotation: int) -> Pixels | None:
    try:
        return crop_of_annotation(catalogue, annotation)
    except BadMedium:
        return None  # a photograph may vanish after it was described; its place then stays empty


def _draw_tile(sheet: Image.Image, corner: tuple[int, int], pixels: Pixels | None, frame: str | None) -> None:
    if pixels is None:
        _write(sheet, corner, "(photograph gone)", _QUIET)
    else:
        tile = ImageOps.pad(Image.fromarray(pixels), (_TILE, _TILE), color=_PAPER)
        sheet.paste(tile, corner)
    if frame is not None:
        x, y = corner
        ImageDraw.Draw(sheet).rectangle((x - 3, y - 3, x + _TILE + 2, y + _TILE + 2), outline=frame, width=3)


def _write(sheet: Image.Image, corner: tuple[int, int], text: str, colour: str) -> None:
    ImageDraw.Draw(sheet).text(corner, text, fill=colour, font=ImageFont.load_default(14))
