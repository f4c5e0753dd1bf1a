"""One drawing for the command line, reports and the web: why, over the photographs themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from hanzaki.boxes import Box
from hanzaki.errors import SettingError, printable
from hanzaki.explanation.colours import INK, PAPER, QUIET, Colour, colours_of, covering, heated
from hanzaki.explanation.panels import Panel
from hanzaki.vision.crop import Pixels

Floats = npt.NDArray[np.float32]

_WIDTH = 1200  # of what lies between the margins
_TALLEST = 960
_LARGER = 3  # times that a small picture is enlarged at most
_NARROWEST = 760  # so that a title has room over a narrow picture
_EDGE = 40
_GAP = 20
_TITLE, _TEXT, _SMALL = 40, 30, 26  # a phone shows 1200 pixels as 400: what is set smaller is not read there
_LEADING = 1.3
_BAR = (360, 22)
_SHIFT = 4  # bits behind the point of OpenCV's coordinates


@dataclass(frozen=True)
class Legend:
    """What the colours mean.

    Attributes:
        label: what is measured.
        least, most: what stands at the two ends of the bar.
        over_photograph: whether the colours lie over a photograph, and thin out towards the least.
    """

    label: str
    least: str
    most: str
    over_photograph: bool = True


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines from the first picture to the second.

    Attributes:
        left: (M, 2), x and y in pixels of the first panel.
        right: (M, 2), likewise of the second.
        strength: float32 (M,), 0 to 1, which is their colour.
    """

    left: npt.NDArray[np.float64]
    right: npt.NDArray[np.float64]
    strength: Floats


def draw(
    panels: Sequence[Panel], title: str, note: str = "", legend: Legend | None = None, lines: Lines | None = None
) -> Pixels:
    """Draw one picture, or several side by side at the same height, with what is marked on them.

    Args:
        panels: the pictures.
        title: what is to be known at once.
        note: a quieter line or two under it.
        legend: of the colours.
        lines: between the first two pictures.

    Returns:
        uint8 (H, W, 3), RGB; some 1280 pixels wide, less where one picture is tall and narrow.

    Raises:
        ValueError: if there is no panel, or lines lead to a second that is not there.
    """
    if not panels or (lines is not None and len(panels) < 2):
        raise ValueError("a drawing wants a picture, and lines want two")
    height = _common_height(panels)
    scale = [height / panel.size[1] for panel in panels]
    shown = [panel.scaled(height) for panel in panels]
    strip, corners = _strip(shown)
    if lines is not None:
        _draw_lines(strip, lines, scale, corners)
    width = max(strip.shape[1], _NARROWEST)
    top = [*_wrapped(title, _TITLE, width, INK), *_wrapped(note, _TEXT, width, QUIET)]
    captions = [_wrapped(panel.caption, _SMALL, panel.size[0], QUIET) for panel in shown]
    if len(panels) == 1:
        captions = [_wrapped(shown[0].caption, _SMALL, width, QUIET)]
    return _set_out(strip, corners, top, captions, legend, width)


def write_picture(path: Path | str, picture: Pixels) -> None:
    """Write a drawing as PNG, JPEG or WebP, by the file's ending.

    Args:
        path: the file.
        picture: uint8 (H, W, 3), RGB.

    Raises:
        SettingError: if it cannot be written there, or the ending is of no such format.
    """
    try:
        Image.fromarray(picture).save(path, quality=92)
    except (OSError, ValueError) as error:
        raise SettingError(
            f"{printable(path)}: the picture cannot be written ({error}); name a .png, .jpg or .webp file"
        ) from error


@dataclass(frozen=True)
class _Line:
    """A line of text."""

    text: str
    size: int
    colour: Colour

    @property
    def height(self) -> int:
        return round(self.size * _LEADING)


def _common_height(panels: Sequence[Panel]) -> int:
    """The height at which the panels side by side fill the width, unless that is too tall."""
    room = _WIDTH - _GAP * (len(panels) - 1)
    shapes = sum(panel.size[0] / panel.size[1] for panel in panels)
    largest = _LARGER * max(panel.size[1] for panel in panels)
    return max(1, min(round(room / shapes), _TALLEST, largest))


def _strip(panels: Sequence[Panel]) -> tuple[Pixels, list[int]]:
    """The panels side by side on paper, and where each begins."""
    corners = [0]
    for panel in panels[:-1]:
        corners.append(corners[-1] + panel.size[0] + _GAP)
    strip = np.empty((panels[0].size[1], corners[-1] + panels[-1].size[0], 3), np.uint8)
    strip[:] = PAPER
    for panel, left in zip(panels, corners, strict=True):
        strip[:, left : left + panel.size[0]] = _marked(panel)
    return strip, corners


def _marked(panel: Panel) -> Pixels:
    """A panel with its heat, its box and its rings."""
    picture = panel.pixels.copy() if panel.heat is None else heated(panel.pixels, panel.heat)
    if panel.box is not None:
        _outline(picture, panel.box)
    for number, (x, y) in enumerate(panel.rings, 1):
        _ring(picture, (x, y), number)
    return picture


def _outline(picture: Pixels, box: Box) -> None:
    """A thin light line with a dark one beside it, which is seen on every ground."""
    x, y, w, h, theta = box
    cosine, sine = math.cos(theta), math.sin(theta)
    half = np.array([[-w, -h], [w, -h], [w, h], [-w, h]]) / 2
    corners = half @ np.array([[cosine, sine], [-sine, cosine]]) + [x + w / 2, y + h / 2]
    drawn = np.rint(corners * (1 << _SHIFT)).astype(np.int32)
    for colour, thickness in ((INK, 4), ((255, 255, 255), 2)):
        cv2.polylines(picture, [drawn], True, colour, thickness, cv2.LINE_AA, _SHIFT)


def _ring(picture: Pixels, place: tuple[float, float], number: int) -> None:
    x, y = (round(value) for value in place)
    for colour, thickness in ((INK, 5), ((255, 255, 255), 2)):
        cv2.circle(picture, (x, y), 22, colour, thickness, cv2.LINE_AA)
    image = Image.fromarray(picture)
    ImageDraw.Draw(image).text(
        (x, y), str(number), fill=(255, 255, 255), font=_font(_SMALL), anchor="mm", stroke_width=2, stroke_fill=INK
    )
    picture[:] = np.asarray(image)


def _draw_lines(strip: Pixels, lines: Lines, scale: Sequence[float], corners: Sequence[int]) -> None:
    """The strongest line comes last, and lies on top."""
    ends = [
        (np.asarray(points, np.float64) + 0.5) * scale[side] - 0.5 + [corners[side], 0]
        for side, points in enumerate((lines.left, lines.right))
    ]
    fixed = [np.rint(points * (1 << _SHIFT)).astype(int).tolist() for points in ends]
    colours = colours_of(lines.strength).tolist()
    for row in np.argsort(lines.strength, kind="stable"):
        first, second = fixed[0][row], fixed[1][row]
        thickness = 2 if lines.strength[row] < 0.5 else 3
        cv2.line(strip, first, second, INK, thickness + 2, cv2.LINE_AA, _SHIFT)
        cv2.line(strip, first, second, colours[row], thickness, cv2.LINE_AA, _SHIFT)
        for end in (first, second):
            cv2.circle(strip, end, 7 << _SHIFT, INK, cv2.FILLED, cv2.LINE_AA, _SHIFT)
            cv2.circle(strip, end, 5 << _SHIFT, colours[row], cv2.FILLED, cv2.LINE_AA, _SHIFT)


def _set_out(
    strip: Pixels,
    corners: Sequence[int],
    top: Sequence[_Line],
    captions: Sequence[Sequence[_Line]],
    legend: Legend | None,
    width: int,
) -> Pixels:
    """Title, pictures, captions and legend on one sheet of paper."""
    head = sum(line.height for line in top) + (_GAP if top else 0)
    under = max((sum(line.height for line in lines) for lines in captions), default=0)
    under += _GAP // 2 if under else 0
    foot = _GAP + _legend_height() if legend else 0
    height = _EDGE + head + strip.shape[0] + under + foot + _EDGE
    sheet = Image.new("RGB", (width + 2 * _EDGE, height), PAPER)
    pencil = ImageDraw.Draw(sheet)
    y = _EDGE
    for line in top:
        pencil.text((_EDGE, y), line.text, fill=line.colour, font=_font(line.size))
        y += line.height
    y = _EDGE + head
    sheet.paste(Image.fromarray(strip), (_EDGE, y))
    y += strip.shape[0]
    for left, lines in zip(corners, captions, strict=True):
        below = y + _GAP // 2
        for line in lines:
            pencil.text((_EDGE + left, below), line.text, fill=line.colour, font=_font(line.size))
            below += line.height
    if legend is not None:
        _draw_legend(sheet, (_EDGE, y + under + _GAP), legend)
    return np.asarray(sheet)


def _legend_height() -> int:
    return 2 * round(_SMALL * _LEADING) + _BAR[1] + 8


def _draw_legend(sheet: Image.Image, corner: tuple[int, int], legend: Legend) -> None:
    pencil, line, (x, y) = ImageDraw.Draw(sheet), round(_SMALL * _LEADING), corner
    pencil.text((x, y), legend.label, fill=INK, font=_font(_SMALL))
    strength = np.linspace(0, 1, _BAR[0], dtype=np.float32)
    colours = colours_of(strength).astype(np.float32)
    if legend.over_photograph:  # as it looks there: thin where it is weak
        share = (covering(strength) / covering(1.0))[:, None]
        colours = colours * share + np.array(PAPER, np.float32) * (1 - share)
    bar = np.repeat(np.rint(colours).astype(np.uint8)[None], _BAR[1], axis=0)
    sheet.paste(Image.fromarray(bar), (x, y + line + 4))
    pencil.rectangle((x, y + line + 4, x + _BAR[0] - 1, y + line + 3 + _BAR[1]), outline=QUIET)
    below = y + line + _BAR[1] + 8
    pencil.text((x, below), legend.least, fill=QUIET, font=_font(_SMALL))
    pencil.text((x + _BAR[0], below), legend.most, fill=QUIET, font=_font(_SMALL), anchor="ra")


def _wrapped(text: str, size: int, width: int, colour: Colour) -> list[_Line]:
    """Text in lines that fit the width; a word that is too long for a line (a file's name) loses its middle."""
    lines: list[str] = []
    for word in text.split():
        fitting = _shortened(word, size, width)
        longer = f"{lines[-1]} {fitting}" if lines else fitting
        if lines and _font(size).getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(fitting)
    return [_Line(line, size, colour) for line in lines]


def _shortened(word: str, size: int, width: int) -> str:
    shown = word
    keep = len(word)
    while keep > 2 and _font(size).getlength(shown) > width:
        keep -= 1
        shown = f"{word[: keep // 2]}…{word[len(word) - (keep - keep // 2) :]}"
    return shown


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
