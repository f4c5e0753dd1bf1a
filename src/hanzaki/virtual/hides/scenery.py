"""What surrounds and hides an animal: backgrounds, foliage before it, mud upon it, all from one stock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.virtual.hides.patterns import cell_edges, waves
from hanzaki.virtual.hides.species import Species, draw_hide
from hanzaki.virtual.noise import Floats

Bytes = npt.NDArray[np.uint8]

_TILE = 768
_WAVES = (6, 18, 54, 150)  # wavelengths of the stock's noise, in pixels
_DECOYS = 24
_MOST_HIDDEN = 0.25  # of the animal

# Ends and middles of colour ramps, RGB of 255: earths, greens, straws, waters, skies, stones.
_PAINTS = np.array(
    [
        (38, 30, 22), (92, 70, 48), (150, 122, 88), (204, 182, 146), (30, 44, 20), (70, 96, 40), (126, 146, 72),
        (186, 178, 106), (20, 46, 58), (60, 108, 118), (142, 178, 184), (196, 214, 226), (70, 72, 72),
        (132, 130, 124), (222, 220, 212), (120, 70, 50), (14, 14, 16),
    ],
    np.float32,
)  # fmt: skip


@dataclass(frozen=True)
class Stock:
    """Textures that are cut, turned and stretched into every photograph, because noise is dear to draw anew.

    Attributes:
        noise: For every wavelength of `_WAVES` a float32 tile, mean 0, deviation 1.
        cells: uint8, 0 at the edges of pebble-like cells.
        grains: float32 white Gaussian noise.
        decoys: uint8 RGB sheets of other animals' skin.
    """

    noise: tuple[Floats, ...]
    cells: Bytes
    grains: Floats
    decoys: tuple[Bytes, ...]

    def field(
        self,
        rng: np.random.Generator,
        shape: tuple[int, int],
        wave: float,
        stretch: tuple[float, float] = (1, 1),
    ) -> Floats:
        """Cuts a noise of about one wavelength.

        Args:
            rng: Chooses the place.
            shape: Height and width in pixels.
            wave: In pixels.
            stretch: How much longer features are downwards and across.
        """
        have = min(range(len(_WAVES)), key=lambda index: abs(np.log(_WAVES[index] / wave)))
        step = _WAVES[have] / wave
        piece = _cut_out(self.noise[have], rng, shape, (step / stretch[0], step / stretch[1]))
        return np.asarray(piece, np.float32)

    def grain(self, rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
        """Cuts the noise of a sensor: (H, W, 3), mean 0, deviation 1."""
        return np.asarray(_cut_out(self.grains, rng, shape, (1.0, 1.0)), np.float32)


@lru_cache(maxsize=1)
def stock() -> Stock:
    """The one stock, the same in every process."""
    rng = np.random.Generator(np.random.PCG64(20_240_820))
    noise = tuple(waves(rng, (_TILE, _TILE), wave, 0.5) for wave in _WAVES)
    cells = np.clip(cell_edges(rng, (_TILE, _TILE), 26, 0.3) * 40, 0, 255).astype(np.uint8)
    grains = rng.standard_normal((_TILE, _TILE, 3), dtype=np.float32)
    decoys = tuple(draw_hide(Species.draw(rng, number), rng).sheet for number in range(_DECOYS))
    return Stock(noise, cells, grains, decoys)


def _cut_out(tile: Any, rng: np.random.Generator, shape: tuple[int, int], step: tuple[float, float]) -> Any:
    """Cuts a piece out of a tile and resamples it to a shape, `step` pixels of the tile for each of its own."""
    height, width = (
        int(np.clip(np.ceil(n * s), 2, most)) for n, s, most in zip(shape, step, tile.shape[:2], strict=True)
    )
    top, left = (
        int(rng.integers(0, most - n + 1)) for n, most in zip((height, width), tile.shape[:2], strict=True)
    )
    piece = tile[top : top + height, left : left + width]
    piece = cv2.resize(piece, shape[::-1], interpolation=cv2.INTER_LINEAR)
    flip = int(rng.integers(-1, 3))
    return piece if flip == 2 else cv2.flip(piece, flip)


def background(rng: np.random.Generator, shape: tuple[int, int]) -> Bytes:
    """Draws a background that has nothing to do with the animal: uint8 RGB, (H, W, 3)."""
    kind = rng.choice(("mottled", "grass", "water", "pebbles", "leaves", "plain", "hide"),
                      p=(0.25, 0.18, 0.14, 0.13, 0.15, 0.09, 0.06))  # fmt: skip
    store = stock()
    if kind == "hide":
        step = rng.uniform(0.5, 1.2)
        decoy = store.decoys[rng.integers(len(store.decoys))]
        return np.asarray(_cut_out(decoy, rng, shape, (step, step)), np.uint8)
    wave = float(np.exp(rng.uniform(np.log(12), np.log(140))))
    stretch = {"grass": (6.0, 0.6), "water": (0.5, 4.0)}.get(str(kind), (1.0, 1.0))
    field = store.field(rng, shape, wave, stretch)
    if kind == "plain":
        field = 0.4 * field
    else:
        field = field + rng.uniform(0.3, 1.0) * store.field(rng, shape, 0.3 * wave, stretch)
        field += rng.uniform(0.0, 0.6) * store.field(rng, shape, 6.0)
    tone: Any = _tone(field)
    if kind == "pebbles":
        step = rng.uniform(0.5, 1.6)
        tone = cv2.multiply(tone, _cut_out(store.cells, rng, shape, (step, step)), scale=1 / 255)
    return _painted(rng, tone, steps=int(rng.integers(4, 10)) if kind == "leaves" else 0)


def _tone(field: Floats) -> Bytes:
    return np.clip(128 + 45 * field, 0, 255).astype(np.uint8)


def _painted(rng: np.random.Generator, tone: Any, steps: int = 0) -> Bytes:
    """Colours tones by a ramp of four paints, or by leaps of paint if there are `steps`."""
    paints = _PAINTS[rng.integers(0, len(_PAINTS), 4)]
    paints = paints + rng.uniform(0.0, 0.8) * (paints.mean(0) - paints)
    at = np.linspace(0, 255, 256)
    if steps:
        at = np.floor(at / 256 * steps) * (255 / steps)
    ramp = np.stack([np.interp(at, (0, 85, 170, 255), paints[:, channel]) for channel in range(3)], 1)
    if steps:
        ramp *= rng.uniform(0.6, 1.3, steps)[np.arange(256) * steps // 256, None]
    table = np.clip(ramp, 0, 255).astype(np.uint8)[None]
    return np.asarray(cv2.LUT(cv2.merge([tone] * 3), table), np.uint8)


def before(rng: np.random.Generator, animal: Bytes) -> tuple[Bytes, Bytes] | None:
    """Draws what stands before the animal: blades, branches, or another's body.

    Args:
        rng: The photograph's own generator.
        animal: uint8 (H, W), 255 where the animal is.

    Returns:
        Colour (H, W, 3) and opacity (H, W), hiding at most a quarter of the animal; None if nothing is there.
    """
    if rng.random() < 0.45:
        return None
    shape = animal.shape
    mask = np.zeros(shape, np.uint8)
    seen = max(1.0, float(cv2.mean(animal)[0]))
    colour = _painted(rng, _tone(stock().field(rng, shape, 30.0, (3.0, 1.0))))
    pieces = _blades(rng, shape)
    kind = rng.random()
    if kind < 0.3:
        pieces = _branches(rng, shape)
    elif kind < 0.45:
        pieces = _body_part(rng, shape)
        decoy = stock().decoys[rng.integers(len(stock().decoys))]
        colour = np.asarray(_cut_out(decoy, rng, (shape[0], shape[1]), (1.0, 1.0)), np.uint8)
    for points in pieces:
        more = mask.copy()
        cv2.fillPoly(more, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        if float(cv2.mean(cv2.min(more, animal))[0]) < _MOST_HIDDEN * seen:
            mask = more
    return colour, mask


def _blades(rng: np.random.Generator, shape: tuple[int, ...]) -> Iterator[npt.NDArray[Any]]:
    """Grass, rising from below the picture in bows."""
    height, width = shape
    t = np.linspace(0, 1, 7)
    lean = rng.normal(0, 0.2)
    for _ in range(int(rng.integers(3, 22))):
        foot, length = rng.uniform(-0.1, 1.1) * width, rng.uniform(0.3, 1.2) * height
        x = foot + (lean + rng.normal(0, 0.25)) * length * t**2
        thick = (1 - 0.9 * t) * rng.uniform(0.8, 0.016 * max(shape))
        y = height * 1.02 - length * t
        yield np.stack([np.concatenate([x - thick, (x + thick)[::-1]]), np.concatenate([y, y[::-1]])], 1)


def _branches(rng: np.random.Generator, shape: tuple[int, ...]) -> Iterator[npt.NDArray[Any]]:
    """One to four crooked sticks across the picture."""
    height, width = shape
    t = np.linspace(-0.8, 0.8, 8)
    for _ in range(int(rng.integers(1, 5))):
        turn = rng.uniform(0, np.pi)
        along, across = np.array((np.cos(turn), np.sin(turn))), np.array((-np.sin(turn), np.cos(turn)))
        place = np.array((width, height)) * rng.uniform(0.1, 0.9, 2)
        bow = 0.02 * width * np.cumsum(rng.normal(0, 1, len(t)))
        line = place + t[:, None] * along * max(shape) + bow[:, None] * across
        thick = rng.uniform(0.004, 0.022) * max(shape) * (1 + 0.15 * rng.normal(0, 1, len(t)))[:, None] * across
        yield np.concatenate([line - thick, (line + thick)[::-1]])


def _body_part(rng: np.random.Generator, shape: tuple[int, ...]) -> Iterator[npt.NDArray[Any]]:
    """Another animal, reaching in from a side."""
    height, width = shape
    t = np.linspace(0, 2 * np.pi, 24)
    side = rng.uniform(0, 2 * np.pi)
    centre = np.array((width, height)) * (0.5 + 0.62 * np.array((np.cos(side), np.sin(side))))
    axes = np.array((width, height)) * rng.uniform(0.12, 0.4, 2)
    yield centre + axes * np.stack([np.cos(t), np.sin(t)], 1)


def mud(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Bytes, Floats] | None:
    """Draws dirt or growth upon the skin: one colour (3,), and opacity (H, W) of 0 to 1; mostly None."""
    if rng.random() < 0.75:
        return None
    field = stock().field(rng, shape, rng.uniform(0.15, 0.5) * max(shape))
    field += 0.25 * stock().field(rng, shape, 8.0)
    opacity = np.clip((field - rng.uniform(1.0, 1.6)) * 3.0, 0.0, rng.uniform(0.5, 1.0))
    return _PAINTS[rng.integers(0, 8)].astype(np.uint8), np.asarray(opacity, np.float32)
