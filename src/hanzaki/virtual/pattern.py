"""The markings of an individual: dark blotches on a brown ground, for life, and what the years do to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from hanzaki.virtual.noise import Floats, band_noise, blur, grain, smoothstep

HEAD = 320
"""Pixels of a skin map for one head length; the unit of length of the whole room is the head length."""

LEFT, TOP, RIGHT, BOTTOM = -1.05, -0.1, 1.05, 2.7
"""The part of the body that a skin map covers: x to the animal's right, y from the snout tip backwards."""

SKIN_SHAPE = (round((BOTTOM - TOP) * HEAD), round((RIGHT - LEFT) * HEAD))


def body_grid() -> tuple[Floats, Floats]:
    """Body coordinates (x, y), in head lengths, of the centre of every pixel of a skin map."""
    x = (np.arange(SKIN_SHAPE[1], dtype=np.float32) + 0.5) / HEAD + LEFT
    y = (np.arange(SKIN_SHAPE[0], dtype=np.float32) + 0.5) / HEAD + TOP
    return np.broadcast_to(x, SKIN_SHAPE), np.broadcast_to(y[:, None], SKIN_SHAPE)


#: Of the native species, of the Chinese giant salamander, or a hybrid of the two in the first generation.
Origin = Literal["native", "hybrid", "chinese"]

ADULT = 20.0
"""The age in years at which an individual bears the pattern that was drawn for it."""

_SPAN = 5  # years; how long the outlines go on drifting one way before they take another
_BLOTCH_DRIFT, _SPECK_DRIFT = 0.40, 0.50  # per span, in standard deviations of the noise that is cut
_FADING = 0.005  # share of its darkness that a pattern loses in a year


@dataclass(frozen=True)
class Markings:
    """What governs an individual's blotches. Lengths in head lengths, the others without unit.

    The ranges are narrow on purpose: animals must differ by where their blotches lie, not by how many there are.
    """

    spacing: float
    coverage: float
    coalescence: float
    raggedness: float
    freckles: float
    softness: float

    @classmethod
    def draw(cls, rng: np.random.Generator, origin: Origin = "native") -> Markings:
        """Draws the markings of a native *Andrias japonicus*, an *Andrias davidianus* or a hybrid of the two.

        A hybrid's blotches are larger, fewer and softer, with more freckles between them. The ranges touch
        those of natives, so that a single blotch tells nothing. Those of the Chinese species lie as far
        beyond: a plausible choice, not measured on animals.
        """
        if origin == "chinese":
            return cls(
                spacing=rng.uniform(0.30, 0.42),
                coverage=rng.uniform(0.15, 0.24),
                coalescence=rng.uniform(0.60, 1.00),
                raggedness=rng.uniform(0.55, 0.85),
                freckles=rng.uniform(0.08, 0.15),
                softness=rng.uniform(0.50, 0.75),
            )
        if origin == "hybrid":
            return cls(
                spacing=rng.uniform(0.23, 0.33),
                coverage=rng.uniform(0.21, 0.31),
                coalescence=rng.uniform(0.35, 0.80),
                raggedness=rng.uniform(0.40, 0.65),
                freckles=rng.uniform(0.05, 0.11),
                softness=rng.uniform(0.38, 0.60),
            )
        return cls(
            spacing=rng.uniform(0.17, 0.24),
            coverage=rng.uniform(0.29, 0.39),
            coalescence=rng.uniform(0.15, 0.55),
            raggedness=rng.uniform(0.25, 0.45),
            freckles=rng.uniform(0.02, 0.06),
            softness=rng.uniform(0.22, 0.42),
        )


@dataclass
class Drift:
    """How the noise that is cut into spots has moved: what is kept of it, and what has come instead.

    Attributes:
        kept: Factor on the noise as drawn.
        added: New noise, in standard deviations of the old.
    """

    kept: float
    added: Floats

    def go_on(self, way: float, noise: Floats) -> None:
        """Goes `way` standard deviations towards `noise`; the variance stays what it was."""
        same = 1.0 / float(np.hypot(1.0, way))
        self.kept *= same
        self.added = np.asarray(same * (self.added + way * noise), np.float32)

    def of(self, field: Floats) -> Floats:
        """The noise `field` after the drift."""
        return np.asarray(self.kept * field + float(field.std()) * self.added, np.float32)


@dataclass(frozen=True)
class Change:
    """What the years between `ADULT` and another age do to a pattern.

    Attributes:
        blotches: Of the noise that is cut into blotches: their outlines move, neighbours merge or part.
        specks: Of the noise that is cut into specks: small spots come and go.
        contrast: Factor on the darkness.
    """

    blotches: Drift
    specks: Drift
    contrast: float

    @classmethod
    def until(cls, age: float, markings: Markings, chance: Callable[[int], np.random.Generator]) -> Change | None:
        """Goes through the years from `ADULT` to `age`, in either direction.

        In each span of five years of life the outlines drift steadily one way, in the next another way: an
        autoregressive process of the first order with straight lines between its values. It is stationary, so that
        how unlike an animal is to itself follows from the years between, whatever its age.

        Args:
            age: In years, not negative.
            markings: The statistics of the blotches.
            chance: Gives the individual's generator for the n-th span of five years, the first being 0.

        Returns:
            The change; None at `ADULT` itself, where there is none.
        """
        if age == ADULT:
            return None
        wave = markings.spacing * HEAD
        still = np.zeros(SKIN_SHAPE, np.float32)
        blotches, specks = Drift(1.0, still), Drift(1.0, still)
        for span, share in _spans(age):
            rng = chance(span)
            blotches.go_on(share * _BLOTCH_DRIFT, band_noise(rng, SKIN_SHAPE, 0.6 * wave))
            specks.go_on(share * _SPECK_DRIFT, band_noise(rng, SKIN_SHAPE, 0.30 * wave, 0.25))
        return cls(blotches, specks, float(np.exp(_FADING * (ADULT - age))))


def _spans(age: float) -> list[tuple[int, float]]:
    """The spans of life that lie between `ADULT` and `age`, from the former on, and how much of each does."""
    first, last = sorted((age, ADULT))
    spans = [
        (span, (min(last, _SPAN * (span + 1)) - max(first, _SPAN * span)) / _SPAN)
        for span in range(int(first // _SPAN), int(np.ceil(last / _SPAN)))
    ]
    return spans if age > ADULT else spans[::-1]


def draw_pattern(rng: np.random.Generator, markings: Markings, change: Change | None = None) -> Floats:
    """Draws where the skin is dark.

    Band-passed noise is cut at the height that gives the wanted coverage; a longer wave lets blotches run
    together in places, a shorter one frays their outlines.

    Args:
        rng: The individual's own generator.
        markings: The statistics of the blotches.
        change: What the years have altered; they leave the individual as dark in all, but for the contrast.

    Returns:
        Darkness from 0 (ground colour) to 1 (black), float32 of `SKIN_SHAPE`.
    """
    wave = markings.spacing * HEAD
    field = band_noise(rng, SKIN_SHAPE, wave, 0.28)
    field += markings.coalescence * band_noise(rng, SKIN_SHAPE, 2.6 * wave)
    field += markings.raggedness * band_noise(rng, SKIN_SHAPE, 0.36 * wave)
    field += 0.16 * grain(rng, SKIN_SHAPE, 2.0)
    field = _drawn_out(field, rng, wave)
    if change:
        field = change.blotches.of(field)
    cut = float(np.quantile(field[::4, ::4], 1.0 - markings.coverage))
    blotches = smoothstep(field, cut - markings.softness, cut + markings.softness)
    # Old blotches fade unevenly: none is equally black throughout.
    blotches *= 0.86 + 0.10 * np.clip(band_noise(rng, SKIN_SHAPE, 0.9 * wave), -1.4, 1.4)
    specks = band_noise(rng, SKIN_SHAPE, 0.30 * wave, 0.25)
    if change:
        specks = change.specks.of(specks)
    speck_cut = float(np.quantile(specks[::4, ::4], 1.0 - markings.freckles))
    specks = 0.8 * smoothstep(specks, speck_cut - 0.2, speck_cut + 0.3)
    dark = blur(np.maximum(blotches, specks), 0.7)
    if change:
        dark = change.contrast * dark
    return np.clip(dark, 0.0, 1.0)


def _drawn_out(field: Floats, rng: np.random.Generator, wave: float) -> Floats:
    """Bends the field by a slow random flow, so that the blotches lose the sameness of filtered noise."""
    x, y = np.meshgrid(np.arange(field.shape[1], dtype=np.float32), np.arange(field.shape[0], dtype=np.float32))
    x = x + 0.08 * wave * band_noise(rng, SKIN_SHAPE, 1.3 * wave)
    y = y + 0.08 * wave * band_noise(rng, SKIN_SHAPE, 1.3 * wave)
    return np.asarray(cv2.remap(field, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT), np.float32)
