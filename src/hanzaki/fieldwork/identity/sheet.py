"""Answers as a picture: each query beside its candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps
from sqlalchemy import select

from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.catalogue.gallery import annotation_table
from hanzaki.catalogue.tables import Annotation
from hanzaki.errors import BadMedium, SettingError, printable
from hanzaki.fieldwork.crops import crop_of_annotation
from hanzaki.fieldwork.identity.answers import SOMEBODY_NEW, in_order, percent
from hanzaki.fieldwork.identity.identify import Identification
from hanzaki.media import Pixels, load_picture
from hanzaki.settings import settings
from hanzaki.vision.crop import crop

_TILE = 220
_GAP = 12
_LINE = 18
_ROW = _TILE + 2 * _LINE + _GAP
_MOST_ANSWERS = 3
_MOST_ROWS = 60

_PAPER, _INK, _QUIET, _EMPTY = "#faf9f6", "#22303a", "#7a858c", "#ece9e2"
_RIGHT, _WRONG = "#2a7f62", "#b5533c"


def draw_sheet(
    catalogue: Catalogue,
    answers: Sequence[Identification],
    path: Path,
    truth: Mapping[int, str] | None = None,
) -> None:
    """Draw each query (left) beside its three likeliest answers, one row a query.

    Where the answer is somebody new, that has a tile; where it is not, its probability stands below the query.
    Where pictures say nothing (fewer than three animals to compare with), "prior only" stands there too.

    Args:
        catalogue: that the answers are from.
        answers: of these, the first sixty are drawn.
        path: JPEG or PNG file to write.
        truth: who the encounters really are; answers are then framed green where right and red where wrong. Who
            has no other encounter in the catalogue is rightly called somebody new.

    Raises:
        SettingError: if the picture cannot be written there.
    """
    shown = answers[:_MOST_ROWS]
    rows = max(1, len(shown))
    sheet = Image.new("RGB", ((1 + _MOST_ANSWERS) * (_TILE + _GAP) + _GAP, _GAP + rows * _ROW), _PAPER)
    met = _met(catalogue) if truth else {}
    for row, answer in enumerate(shown):
        real = None if truth is None or answer.encounter is None else truth.get(answer.encounter)
        known = real is not None and bool(met.get(real, set()) - {answer.encounter})
        _draw_row(sheet, _GAP + row * _ROW, catalogue, answer, real, known)
    if not shown:
        _write(sheet, (_GAP, _GAP), "No answers to show", _INK)
    try:
        sheet.save(path, quality=88)
    except (OSError, ValueError) as error:
        raise SettingError(f"{printable(path)}: the picture cannot be written ({error})") from error


def _met(catalogue: Catalogue) -> dict[str, set[int | None]]:
    """The encounters of each individual that has a name."""
    with catalogue.reading() as session:
        table = annotation_table(session)
    return {str(name): set(rows) for name, rows in table.groupby("individual")["encounter"]}


def _draw_row(
    sheet: Image.Image, top: int, catalogue: Catalogue, found: Identification, real: str | None, known: bool
) -> None:
    """One query and its answers.

    Args:
        sheet: to draw on.
        top: of the row, in pixels.
        catalogue: that the answers are from.
        found: the answers.
        real: who it really is; None if nobody knows.
        known: whether the catalogue knows that one from elsewhere.
    """
    below = top + _TILE + 2
    ranked = list(enumerate(in_order(found), 1))
    if found.answer is not None:  # an empty tile would take the place of a photograph to look at
        ranked = [(rank, answer) for rank, answer in ranked if answer is not None]
    _draw_tile(sheet, (_GAP, top), _query_pixels(catalogue, found), None)
    name = Path(found.query).name if found.file is not None else found.query
    truly = "" if real is None else f" is {real}" if known else f" is {real}, new"
    _write(sheet, (_GAP, below), f"{name}{truly}", _INK)
    said = [] if found.answer is None else [f"{SOMEBODY_NEW} {percent(found.new)}"]
    said += [] if found.compared or not found.candidates else ["prior only"]
    _write(sheet, (_GAP, below + _LINE), ", ".join(said), _QUIET)
    for place, (rank, answer) in enumerate(ranked[:_MOST_ANSWERS], 1):
        corner = (place * (_TILE + _GAP) + _GAP, top)
        right = not known if answer is None else answer.individual == real
        frame = None if real is None else _RIGHT if right else _WRONG
        if answer is None:
            _draw_nobody(sheet, corner, frame)
        else:
            _draw_tile(sheet, corner, _annotation_pixels(catalogue, answer.photograph.annotation), frame)
        name = SOMEBODY_NEW if answer is None else answer.individual
        _write(sheet, (corner[0], below), f"{rank}  {name}", frame or _INK)
        probability = found.new if answer is None else answer.probability
        _write(sheet, (corner[0], below + _LINE), percent(probability), _QUIET)


def _query_pixels(catalogue: Catalogue, answer: Identification) -> Pixels | None:
    asked = answer.candidates[0].asked if answer.candidates else None
    if asked is None and answer.encounter is not None:
        asked = _first_picture(catalogue, answer.encounter)
    if asked is not None:
        return _annotation_pixels(catalogue, asked)
    if answer.file is None:
        return None
    frame, box = (None, None) if answer.glimpse is None else (answer.glimpse.seconds, answer.glimpse.box)
    try:
        return crop(load_picture(answer.file, frame, settings().max_megapixels), box)
    except BadMedium:
        return None


def _first_picture(catalogue: Catalogue, encounter: int) -> int | None:
    pictures = select(Annotation.id).where(Annotation.encounter_id == encounter)
    with catalogue.reading() as session:
        return session.scalar(pictures.order_by(Annotation.aside, Annotation.id).limit(1))


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
    _draw_frame(sheet, corner, frame)


def _draw_nobody(sheet: Image.Image, corner: tuple[int, int], frame: str | None) -> None:
    """The tile of somebody new, of whom there is no photograph yet."""
    x, y = corner
    pencil = ImageDraw.Draw(sheet)
    pencil.rectangle((x, y, x + _TILE - 1, y + _TILE - 1), fill=_EMPTY)
    middle = (x + _TILE // 2, y + _TILE // 2)
    pencil.text(middle, SOMEBODY_NEW, fill=frame or _INK, font=ImageFont.load_default(22), anchor="mm")
    _draw_frame(sheet, corner, frame)


def _draw_frame(sheet: Image.Image, corner: tuple[int, int], frame: str | None) -> None:
    if frame is not None:
        x, y = corner
        ImageDraw.Draw(sheet).rectangle((x - 3, y - 3, x + _TILE + 2, y + _TILE + 2), outline=frame, width=3)


def _write(sheet: Image.Image, corner: tuple[int, int], text: str, colour: str) -> None:
    """Write a line no wider than a tile."""
    font = ImageFont.load_default(14)
    whole = text
    while font.getlength(text) > _TILE:
        whole = whole[:-1]
        text = f"{whole}..."
    ImageDraw.Draw(sheet).text(corner, text, fill=colour, font=font)
