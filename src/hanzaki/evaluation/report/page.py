"""One page of results: calm, in one column, by itself in one file; read on a telephone, a laptop or paper.

Whatever text comes in is text: names of animals and of files are escaped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hanzaki.extra import learning

if TYPE_CHECKING:
    from jinja2 import Template

_TEMPLATES = Path(__file__).parent / "templates"
_PROLOGUE = re.compile(r"^.*?(?=<svg\b)|<metadata>.*?</metadata>|<style\b.*?</style>", re.DOTALL)
_SIZE = re.compile(r'<svg [^>]*?\bwidth="([0-9.]+)pt"')
_LEAST_SCALE = 0.6
_ANCHOR = re.compile(r'(\bid="|\burl\(#|href="#)')


@dataclass(frozen=True)
class Table:
    """Cells of text; the first column is flush left, all others are numbers and flush right unless told.

    Attributes:
        headers: of the columns.
        rows: their cells.
        text: how many of the first columns are text.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    text: int = 1


@dataclass(frozen=True)
class Picture:
    """A picture with what stands under it.

    Attributes:
        source: what ``<img src>`` takes: a ``data:`` URI, or a path beside the page; empty = there is none.
        caption: lines of text.
        mark: frames it as right or wrong.
    """

    source: str
    caption: Sequence[str]
    mark: Literal["right", "wrong"] | None = None


@dataclass(frozen=True)
class Figure:
    """A figure with its legend.

    Attributes:
        svg: as :mod:`hanzaki.evaluation.report.figures` gives it.
        caption: what it shows, in a sentence.
    """

    svg: str
    caption: str


@dataclass(frozen=True)
class Strip:
    """Pictures side by side.

    Attributes:
        pictures: from left to right.
        title: above them; may be empty.
    """

    pictures: Sequence[Picture]
    title: str = ""


@dataclass(frozen=True)
class Section:
    """A part of a page, shown in the order of its attributes.

    Attributes:
        heading: of the part.
        paragraphs: of text.
        figure: if any.
        table: if any.
        strips: rows of pictures.
        files: links to files beside the page, each with what is in it.
    """

    heading: str
    paragraphs: Sequence[str] = ()
    figure: Figure | None = None
    table: Table | None = None
    strips: Sequence[Strip] = ()
    files: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Headline:
    """A number in large type.

    Attributes:
        value: as ``76.2%``.
        interval: as ``70.2 to 81.8``; may be empty.
        meaning: what it is, in a few words.
    """

    value: str
    interval: str
    meaning: str


def render_page(title: str, sections: Sequence[Section], *, headlines: Sequence[Headline] = ()) -> str:
    """A page of HTML that needs no other file but those that its pictures and links name.

    Args:
        title: of the page.
        sections: from top to bottom.
        headlines: the numbers that come first.

    Raises:
        ModelError: if the extra ``learn`` is not installed.
    """
    figures = {
        number: _inline(section.figure, f"f{number}-")
        for number, section in enumerate(sections)
        if section.figure is not None
    }
    return _template().render(title=title, sections=sections, headlines=headlines, figures=figures)


def _inline(figure: Figure, prefix: str) -> str:
    """A figure as part of a page: named by its legend, its ids unlike those of other figures."""
    with learning():
        from markupsafe import escape
    bare = _ANCHOR.sub(rf"\g<1>{prefix}", _PROLOGUE.sub("", figure.svg))
    width = _SIZE.search(bare)
    # letters that were scaled down further could not be read; a wide figure scrolls instead
    least = f' style="min-width: {_LEAST_SCALE * float(width[1]):.0f}pt"' if width else ""
    return bare.replace("<svg ", f'<svg role="img" aria-label="{escape(figure.caption)}"{least} ', 1)


@lru_cache(maxsize=1)
def _template() -> Template:
    with learning():
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")
