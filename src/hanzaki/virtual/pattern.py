"""The markings of an individual: dark blotches on a brown ground, the same for life."""

from __future__ import annotations

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


#: Of the native species, or a hybrid of its first generation with the Chinese giant salamander.
Origin = Literal["native", "hybrid"]


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
        """Draws the markings of a native *Andrias japonicus*, or of a hybrid with *Andrias davidianus*.

        A hybrid's blotches are larger, fewer and softer, with more freckles between them. The ranges touch
        those of natives, so that a single blotch tells nothing.
        """
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


def draw_pattern(rng: np.random.Generator, markings: Markings) -> Floats:
    """Draws where the skin is dark.

    Band-passed noise is cut at the height that gives the wanted coverage; a longer wave lets blotches run
    together in places, a shorter one frays their outlines.

    Args:
        rng: The individual's own generator.
        markings: The statistics of the blotches.

    Returns:
        Darkness from 0 (ground colour) to 1 (black), float32 of `SKIN_SHAPE`.
    """
    wave = markings.spacing * HEAD
    field = band_noise(rng, SKIN_SHAPE, wave, 0.28)
    field += markings.coalescence * band_noise(rng, SKIN_SHAPE, 2.6 * wave)
    field += markings.raggedness * band_noise(rng, SKIN_SHAPE, 0.36 * wave)
    field += 0.16 * grain(rng, SKIN_SHAPE, 2.0)
    field = _drawn_out(field, rng, wave)
    cut = float(np.quantile(field[::4, ::4], 1.0 - markings.coverage))
    blotches = smoothstep(field, cut - markings.softness, cut + markings.softness)
    # Old blotches fade unevenly: none is equally black throughout.
    blotches *= 0.86 + 0.10 * np.clip(band_noise(rng, SKIN_SHAPE, 0.9 * wave), -1.4, 1.4)
    specks = band_noise(rng, SKIN_SHAPE, 0.30 * wave, 0.25)
    speck_cut = float(np.quantile(specks[::4, ::4], 1.0 - markings.freckles))
    specks = 0.8 * smoothstep(specks, speck_cut - 0.2, speck_cut + 0.3)
    return np.clip(blur(np.maximum(blotches, specks), 0.7), 0.0, 1.0)


def _drawn_out(field: Floats, rng: np.random.Generator, wave: float) -> Floats:
    """Bends the field by a slow random flow, so that the blotches lose the sameness of filtered noise."""
    x, y = np.meshgrid(np.arange(field.shape[1], dtype=np.float32), np.arange(field.shape[0], dtype=np.float32))
    x = x + 0.08 * wave * band_noise(rng, SKIN_SHAPE, 1.3 * wave)
    y = y + 0.08 * wave * band_noise(rng, SKIN_SHAPE, 1.3 * wave)
    return np.asarray(cv2.remap(field, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT), np.float32)
