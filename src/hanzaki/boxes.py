"""Where an animal is in its photograph."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

_SEPARATOR = re.compile(r"[\s,;]+")


class Box(NamedTuple):
    """An upright rectangle in pixels of the image as displayed (EXIF orientation applied).

    ``x, y`` is the top left corner; both may be negative, and the box may reach over the image's edge: a box
    is what somebody drew, and is never moved to fit.
    """

    x: float
    y: float
    w: float
    h: float

    @classmethod
    def parse(cls, text: str) -> Box:
        """Read ``x y w h`` as the field writes it: by blanks or commas, with or without brackets.

        Raises:
            ValueError: if there are not four finite numbers, or width or height is not positive.
        """
        parts = [part for part in _SEPARATOR.split(text.strip().strip("[]()")) if part]
        try:
            numbers = [float(part) for part in parts]
        except ValueError:
            numbers = []
        if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
            raise ValueError(f"{text!r} is not a box: write four numbers, x y width height, in pixels")
        box = cls(*numbers)
        if box.w <= 0 or box.h <= 0:
            raise ValueError(f"box {text!r} is empty: width and height must be above zero")
        return box

    def __str__(self) -> str:
        """The box as ``x y w h``, which :meth:`parse` reads back exactly."""
        return " ".join(repr(float(value)).removesuffix(".0") for value in self)

    @property
    def area(self) -> float:
        """Width times height, in square pixels."""
        return self.w * self.h

    def scaled_area(self, fraction: float) -> Box:
        """The box of the same shape and centre with ``fraction`` of the area (the salamander paper's 60%)."""
        side = math.sqrt(fraction)
        w, h = self.w * side, self.h * side
        return Box(self.x + (self.w - w) / 2, self.y + (self.h - h) / 2, w, h)

    def meets(self, width: int, height: int) -> bool:
        """Whether any of the box lies on an image of ``width`` x ``height`` pixels."""
        return self.x < width and self.y < height and self.x + self.w > 0 and self.y + self.h > 0
