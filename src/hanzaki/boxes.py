"""Where an animal is in its photograph."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

_SEPARATOR = re.compile(r"[\s,;]+")


class Box(NamedTuple):
    """A rectangle in pixels of the image as displayed (EXIF orientation applied).

    ``x, y`` is the top left corner; both may be negative, and the box may reach over the image's edge: a box
    is what somebody drew, and is never moved to fit. ``theta`` turns that rectangle about its centre, in radians
    clockwise, as MiewID's tables have it; boxes are upright unless it is said.
    """

    x: float
    y: float
    w: float
    h: float
    theta: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Box:
        """Read ``x y w h`` as the field writes it: by blanks or commas, with or without brackets.

        A fifth number is ``theta``.

        Raises:
            ValueError: if there are not four or five finite numbers, width or height is not positive, or the fifth
                is no angle in radians.
        """
        parts = [part for part in _SEPARATOR.split(text.strip().strip("[]()")) if part]
        try:
            numbers = [float(part) for part in parts]
        except ValueError:
            numbers = []
        if len(numbers) not in (4, 5) or not all(map(math.isfinite, numbers)):
            raise ValueError(f"{text!r} is not a box: write four numbers, x y width height, in pixels")
        box = cls(*numbers)
        if box.w <= 0 or box.h <= 0:
            raise ValueError(f"box {text!r} is empty: width and height must be above zero")
        if abs(box.theta) > 2 * math.pi:
            raise ValueError(f"box {text!r} is turned by {box.theta:g}: the fifth number is an angle in radians")
        return box

    def __str__(self) -> str:
        """The box as ``x y w h``, and ``theta`` if it is turned; :meth:`parse` reads it back exactly."""
        return " ".join(repr(float(value)).removesuffix(".0") for value in (self if self.theta else self[:4]))

    @property
    def upright(self) -> Box:
        """The smallest upright box around it: itself, unless it is turned."""
        if not self.theta:
            return self
        sine, cosine = abs(math.sin(self.theta)), abs(math.cos(self.theta))
        return self._about_its_centre(self.w * cosine + self.h * sine, self.w * sine + self.h * cosine, 0.0)

    @property
    def area(self) -> float:
        """Width times height, in square pixels."""
        return self.w * self.h

    def scaled_area(self, fraction: float) -> Box:
        """The box of the same shape and centre with ``fraction`` of the area (the salamander paper's 60%)."""
        side = math.sqrt(fraction)
        return self._about_its_centre(self.w * side, self.h * side, self.theta)

    def meets(self, width: int, height: int) -> bool:
        """Whether any of the (upright) box lies on an image of ``width`` x ``height`` pixels."""
        x, y, w, h, _ = self.upright
        return x < width and y < height and x + w > 0 and y + h > 0

    def overlap(self, other: Box) -> float:
        """Intersection over union with another box, 0 to 1, both as :attr:`upright`."""
        x, y, w, h, _ = self.upright
        x2, y2, w2, h2, _ = other.upright
        wide, high = min(x + w, x2 + w2) - max(x, x2), min(y + h, y2 + h2) - max(y, y2)
        shared = max(0.0, wide) * max(0.0, high)
        return shared / (w * h + w2 * h2 - shared)

    def _about_its_centre(self, w: float, h: float, theta: float) -> Box:
        return Box(self.x + (self.w - w) / 2, self.y + (self.h - h) / 2, w, h, theta)
