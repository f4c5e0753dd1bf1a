"""A pile as a picture: a contact sheet with a row for each probable individual."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.errors import BadMedium, SettingError, printable
from hanzaki.fieldwork.crops import crop_of_annotation
from hanzaki.fieldwork.identity.answers import percent
from hanzaki.fieldwork.identity.sort import Member, Pile, ProbableIndividual

#: Encounters of one individual that are drawn, and individuals on one sheet.
MOST_MEMBERS = 8
MOST_ROWS = 60

_TILE, _GAP, _LINE = 160, 12, 18
_ROW = _LINE + _TILE + _LINE + 2 * _GAP
_PAPER, _INK, _QUIET = "#faf9f6", "#22303a", "#7a858c"


def draw_pile(catalogue: Catalogue, pile: Pile, path: Path) -> None:
    """Draw each probable individual as a row: its encounters, the surest first, each with a picture.

    Of more than :data:`MOST_ROWS` individuals, and of more than :data:`MOST_MEMBERS` encounters of one, the first
    are drawn; a line says how many are not.

    Args:
        catalogue: that the pile is from.
        pile: as it was found.
        path: JPEG or PNG file to write.

    Raises:
        SettingError: if the picture cannot be written there.
    """
    shown = pile.individuals[:MOST_ROWS]
    columns = min(MOST_MEMBERS, max((len(each.members) for each in shown), default=1))
    size = (max(4, columns) * (_TILE + _GAP) + _GAP, _GAP + len(shown) * _ROW + _LINE)
    sheet = Image.new("RGB", size, _PAPER)
    for row, each in enumerate(shown):
        _draw_individual(sheet, _GAP + row * _ROW, catalogue, each)
    if len(pile.individuals) > len(shown):
        _write(sheet, (_GAP, size[1] - _LINE), f"and {len(pile.individuals) - len(shown)} more", _QUIET)
    try:
        sheet.save(path, quality=88)
    except (OSError, ValueError) as error:
        raise SettingError(f"{printable(path)}: the picture cannot be written ({error})") from error


def title_of(individual: ProbableIndividual) -> str:
    """Who it is, as far as is known: ``1  new, firm 97 %``."""
    who = individual.known_as or individual.named or "new"
    now = ", named now" if individual.named else ""
    return f"{individual.number}  {who}{now}, firm {percent(individual.firm)}"


def _draw_individual(sheet: Image.Image, top: int, catalogue: Catalogue, each: ProbableIndividual) -> None:
    left_out = len(each.members) - MOST_MEMBERS
    more = f", {left_out} more encounters not drawn" if left_out > 0 else ""
    _write(sheet, (_GAP, top), title_of(each) + more, _INK)
    for place, member in enumerate(each.members[:MOST_MEMBERS]):
        corner = (_GAP + place * (_TILE + _GAP), top + _LINE)
        _draw_member(sheet, corner, catalogue, member)


def _draw_member(sheet: Image.Image, corner: tuple[int, int], catalogue: Catalogue, member: Member) -> None:
    try:
        pixels = crop_of_annotation(catalogue, member.picture)
    except BadMedium:  # a photograph may vanish after it was described
        _write(sheet, corner, "(photograph gone)", _QUIET)
    else:
        sheet.paste(ImageOps.pad(Image.fromarray(pixels), (_TILE, _TILE), color=_PAPER), corner)
    caption = f"encounter {member.encounter}  {percent(member.sure)}"
    _write(sheet, (corner[0], corner[1] + _TILE + 2), caption, _QUIET)


def _write(sheet: Image.Image, corner: tuple[int, int], text: str, colour: str) -> None:
    ImageDraw.Draw(sheet).text(corner, text, fill=colour, font=ImageFont.load_default(14))
