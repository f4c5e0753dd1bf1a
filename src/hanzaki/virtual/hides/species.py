"""Species, which fix the statistics of the markings, and hides, the individuals, which differ by their places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hanzaki.virtual.hides.bodies import Body
from hanzaki.virtual.hides.patterns import Style, draw_pattern, waves
from hanzaki.virtual.noise import smoothstep

SHEET = 1.25
"""A sheet of skin reaches from -SHEET to SHEET along the body, in half lengths of the trunk."""

_PIXELS = 0.6  # of a sheet per half length, for each pixel of a photograph: about as fine as it will be seen
_SPARE = 0.35  # a sheet goes on beyond the trunk, for legs

Colour = tuple[float, float, float]

# Kinds of markings in the order in which species take them; a second kind lies between or upon the first.
_KINDS = (
    ("spots", None),
    ("threads", None),
    ("stripes", None),
    ("net", None),
    ("blotches", None),
    ("dots", None),
    ("rosettes", None),
    ("bars", None),
    ("saddles", "dots"),
    ("maze", None),
    ("threads", "dots"),
    ("scars", "blotches"),
    ("pied", "spots"),
    ("scribbles", None),
    ("scars", None),
    ("blotches", "spots"),
)

# Spacing, coverage, elongation, broken, raggedness, softness: from, to.
_Range = tuple[float, float]
_RANGES: dict[str, tuple[str, _Range, _Range, _Range, _Range, _Range, _Range]] = {
    "spots": ("spots", (0.10, 0.24), (0.18, 0.42), (1.0, 1.6), (0.05, 0.25), (0.03, 0.10), (0.01, 0.06)),
    "dots": ("spots", (0.16, 0.34), (0.04, 0.10), (1.0, 1.8), (0.2, 0.5), (0.0, 0.02), (0.0, 0.02)),
    "threads": ("threads", (0.16, 0.30), (0.3, 1.2), (1.0, 1.0), (0.2, 0.7), (0.01, 0.05), (0.0, 0.01)),
    "stripes": ("stripes", (0.15, 0.30), (0.38, 0.58), (1.0, 1.0), (0.0, 0.15), (0.0, 0.03), (0.0, 0.03)),
    "bars": ("stripes", (0.13, 0.28), (0.22, 0.42), (1.0, 1.0), (0.5, 1.0), (0.02, 0.06), (0.0, 0.03)),
    "net": ("net", (0.22, 0.42), (0.58, 0.85), (1.0, 1.0), (0.0, 0.0), (0.02, 0.06), (0.0, 0.02)),
    "blotches": ("blotches", (0.20, 0.45), (0.25, 0.50), (1.0, 1.0), (0.0, 0.0), (0.02, 0.08), (0.0, 0.03)),
    "pied": ("blotches", (0.55, 0.90), (0.35, 0.55), (1.0, 1.0), (0.0, 0.0), (0.0, 0.04), (0.0, 0.01)),
    "rosettes": ("rosettes", (0.18, 0.32), (0.0, 0.6), (0.8, 1.2), (0.2, 0.7), (0.02, 0.06), (0.0, 0.03)),
    "saddles": ("saddles", (0.28, 0.50), (0.6, 1.1), (1.0, 1.0), (0.0, 0.0), (0.02, 0.05), (0.0, 0.02)),
    "maze": ("maze", (0.10, 0.22), (0.36, 0.58), (1.0, 1.0), (0.0, 0.0), (0.0, 0.05), (0.0, 0.04)),
    "scribbles": ("scribbles", (0.18, 0.34), (0.3, 0.9), (1.0, 1.0), (0.2, 0.8), (0.0, 0.03), (0.0, 0.01)),
    "scars": ("scars", (0.24, 0.42), (0.15, 0.8), (1.0, 1.0), (0.0, 0.4), (0.0, 0.02), (0.0, 0.01)),
}

# Coats and skins, as RGB of 255.
_COATS = np.array(
    [
        (34, 28, 26), (62, 44, 34), (104, 72, 46), (146, 104, 66), (182, 140, 92), (206, 172, 124),
        (232, 214, 180), (240, 236, 226), (160, 154, 146), (110, 108, 106), (66, 72, 80), (84, 98, 112),
        (126, 76, 48), (176, 108, 62), (216, 148, 52), (214, 190, 86), (112, 108, 58), (92, 118, 70),
        (70, 116, 108), (124, 74, 60), (214, 178, 160),
    ],
    np.float32,
)  # fmt: skip

_LUMINANCE = np.array((0.299, 0.587, 0.114), np.float32)


@dataclass(frozen=True)
class Species:
    """What individuals of one kind have in common.

    Attributes:
        styles: The markings, one layer or two.
        ground: Colour of the back, RGB of 255.
        belly: Colour of the belly.
        inks: Colour of each layer of markings.
        fade: Where markings fade out: towards the belly (positive) or the back (negative), at most 1.
        body: The shape.
    """

    styles: tuple[Style, ...]
    ground: Colour
    belly: Colour
    inks: tuple[Colour, ...]
    fade: float
    body: Body

    @classmethod
    def draw(cls, rng: np.random.Generator, number: int) -> Species:
        """Draws a species.

        Args:
            rng: The species' own generator.
            number: Which of the species it is: kinds of markings come in turn, so that none is left out.
        """
        kinds = [kind for kind in _KINDS[number % len(_KINDS)] if kind]
        styles = tuple(_draw_style(rng, kind) for kind in kinds)
        ground, belly, inks = _draw_colours(rng, len(styles))
        fade = float(rng.choice((0.0, 0.5, 0.9, -0.6), p=(0.5, 0.2, 0.2, 0.1)))
        return cls(styles, ground, belly, inks, fade, Body.draw(rng))

    @property
    def contrast(self) -> float:
        """Difference of luminance between ground and first layer of markings, of 255."""
        return float(abs(_LUMINANCE @ (np.array(self.inks[0]) - np.array(self.ground))))


@dataclass(frozen=True)
class Hide:
    """An individual's skin, spread out.

    Attributes:
        sheet: uint8 RGB, (H, W, 3): head to the left, back up; not to be written to.
        pattern: float32 (H, W): the first layer of markings alone, 0 to 1.
        scale: Pixels per half length of the body.
    """

    sheet: npt.NDArray[np.uint8]
    pattern: npt.NDArray[np.float32]
    scale: float


def draw_hide(species: Species, rng: np.random.Generator, size: int = 256) -> Hide:
    """Draws an individual of a species.

    Args:
        species: Colours, body and statistics.
        rng: The individual's own generator, on which nothing depends but the places of the markings.
        size: Longer side, in pixels, of the photographs to be taken of it.
    """
    scale = _PIXELS * size
    height = 2 * (species.body.height * np.pi / 2 + _SPARE)
    shape = (round(height * scale), round(2 * SHEET * scale))
    down = np.linspace(-1.0, 1.0, shape[0], dtype=np.float32)[:, None]
    undulating = np.broadcast_to(down, shape) + 0.07 * waves(rng, shape, 0.6 * scale)
    ground, belly = np.array(species.ground, np.float32), np.array(species.belly, np.float32)
    low = smoothstep(np.asarray(undulating, np.float32), 0.0, 0.75)[..., None]
    colour = ground + low * (belly - ground)
    kept = 1.0 - abs(species.fade) * smoothstep(np.asarray(np.sign(species.fade) * undulating), -0.1, 0.6)
    layers = [draw_pattern(rng, style, shape, scale) for style in species.styles]
    for layer, ink in zip(layers, species.inks, strict=True):
        colour += (layer * kept)[..., None] * (np.array(ink, np.float32) - colour)
    sheet = np.clip(colour, 0, 255).astype(np.uint8)
    sheet.setflags(write=False)
    return Hide(sheet, layers[0], scale)


def _draw_style(rng: np.random.Generator, name: str) -> Style:
    kind, *ranges = _RANGES[name]
    spacing, coverage, elongation, broken, raggedness, softness = (
        float(rng.uniform(*bounds)) for bounds in ranges
    )
    tilt = rng.normal(0.0, 0.12) if rng.random() < 0.8 else rng.uniform(-1.5, 1.5)
    spread = float(rng.uniform(0.25, 0.9))
    return Style(kind, spacing, coverage, float(tilt), elongation, spread, broken, raggedness, softness)


def _draw_colours(rng: np.random.Generator, layers: int) -> tuple[Colour, Colour, tuple[Colour, ...]]:
    """Colours of back, belly and markings; about a third of the species are so faint that it hurts."""
    ground = _coat(rng)
    belly = ground + rng.uniform(0.0, 0.5) * (np.float32(235) - ground)
    wanted = rng.uniform(26, 42) if rng.random() < 0.35 else rng.uniform(45, 170)
    inks = [_ink(rng, ground, wanted)]
    if layers > 1:
        inks.append(_ink(rng, ground, wanted * rng.uniform(0.6, 1.0)))
    return _colour(ground), _colour(belly), tuple(_colour(ink) for ink in inks)


def _coat(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    first, second = _COATS[rng.choice(len(_COATS), 2, replace=False)]
    return np.asarray(np.clip(first + rng.uniform(0, 0.3) * (second - first), 0, 255), np.float32)


def _ink(rng: np.random.Generator, ground: npt.NDArray[np.float32], wanted: float) -> npt.NDArray[np.float32]:
    """A colour that stands out from the ground by the wanted luminance, or as nearly as coats go."""
    choices = np.array([_coat(rng) for _ in range(4)])
    gaps = np.abs((choices - ground) @ _LUMINANCE)
    best = int(gaps.argmax()) if gaps.max() < wanted else int(np.where(gaps < wanted, np.inf, gaps).argmin())
    share = min(1.0, wanted / max(float(gaps[best]), 1.0))
    return np.asarray(ground + share * (choices[best] - ground), np.float32)


def _colour(values: npt.NDArray[np.float32]) -> Colour:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
