"""Crops of annotations, small enough to stand within a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from PIL import Image

from hanzaki.errors import BadMedium, printable
from hanzaki.evaluation.report.page import Picture
from hanzaki.media import Pixels

_SIDE = 240  # pixels: sharp at the size of a strip's picture
_QUALITY = 78


class Album:
    """Shows annotations by their position in a table.

    Args:
        frame: the annotations, with ``path identity``.
        pixels: gives the pixels of a position; raises ``BadMedium``.
    """

    def __init__(self, frame: pd.DataFrame, pixels: Callable[[int], Pixels]) -> None:
        self._paths, self._identities = frame["path"].to_numpy(), frame["identity"].to_numpy()
        self._pixels = pixels
        self._sources: dict[int, str] = {}

    def show(self, position: int, *lines: str, mark: Literal["right", "wrong"] | None = None) -> Picture:
        """An annotation with its individual, further lines and the name of its file under it."""
        if position not in self._sources:
            self._sources[position] = self._source(position)
        identity = self._identities[position]
        caption = ("nobody known" if identity is None else str(identity), *lines, self.name(position))
        return Picture(self._sources[position], caption, mark)

    def name(self, position: int) -> str:
        """The name of an annotation's file."""
        return printable(Path(self._paths[position]).name)

    def _source(self, position: int) -> str:
        try:
            return within_page(self._pixels(position))
        except BadMedium:
            return ""  # a photograph may vanish after it was described; its place then stays empty


def within_page(pixels: Pixels) -> str:
    """Pixels, made small, as what ``<img src>`` takes and needs no file: a ``data:`` URI of a JPEG."""
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    picture.thumbnail((_SIDE, _SIDE))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
