"""Kinds of markings: each drawn from a species' statistics and an individual's chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from scipy import fft

from hanzaki.virtual.noise import Floats, blur, enlarge, smoothstep

_SHIFT = 4  # OpenCV draws to a sixteenth of a pixel
_CELLS_PER_WAVE = 5


@dataclass(frozen=True)
class Style:
    """The statistics of one kind of markings, common to a species.

    Attributes:
        kind: A key of `KINDS`.
        spacing: Distance between neighbouring markings; in half lengths of the body, as all lengths.
        coverage: Share of the skin that is marked, 0 to 1, as far as the kind knows it.
        angle: Direction in which markings run, radians from the vertical.
        elongation: How much longer than wide a spot is.
        spread: How unlike each other the markings of an individual are, 0 to 1.
        broken: How often a marking is interrupted or missing, 0 to 1.
        raggedness: How far outlines are displaced, as a share of the spacing.
        softness: Blur of the edges, as a share of the spacing.
    """

    kind: str
    spacing: float
    coverage: float
    angle: float
    elongation: float
    spread: float
    broken: float
    raggedness: float
    softness: float


def draw_pattern(rng: np.random.Generator, style: Style, shape: tuple[int, int], scale: float) -> Floats:
    """Draws where the skin is marked.

    Args:
        rng: The individual's own generator.
        style: The statistics.
        shape: Height and width of the sheet of skin in pixels.
        scale: Pixels per half length of the body.

    Returns:
        From 0 (ground) to 1 (marking), float32 of the given shape.
    """
    wave = max(4.0, style.spacing * scale)
    field = KINDS[style.kind](rng, style, shape, wave)
    if style.raggedness:
        field = _frayed(field, rng, 0.7 * wave, style.raggedness * wave)
    field = blur(field, style.softness * wave)
    # No marking is equally strong throughout.
    return np.clip(field * (0.88 + 0.12 * waves(rng, shape, 1.5 * wave)), 0.0, 1.0)


def waves(
    rng: np.random.Generator,
    shape: tuple[int, int],
    wavelength: float,
    band: float = 0.35,
    angle: float = 0.0,
    fan: float | None = None,
) -> Floats:
    """Draws noise of one wavelength, whose crests may run in one direction; mean 0, standard deviation 1.

    Args:
        rng: The only source of chance.
        shape: Height and width in pixels.
        wavelength: In pixels.
        band: Standard deviation of the logarithm of the frequency.
        angle: Direction of the crests, radians from the vertical.
        fan: Standard deviation of that direction, in radians; None for no direction at all.
    """
    cell = max(1.0, wavelength / _CELLS_PER_WAVE)
    rows, columns = (fft.next_fast_len(int(np.ceil(length / cell)) + 3, real=True) for length in shape)
    spectrum = fft.rfft2(rng.standard_normal((rows, columns), dtype=np.float32))
    down = fft.fftfreq(rows).astype(np.float32)[:, None]
    across = fft.rfftfreq(columns).astype(np.float32)[None, :]
    frequency = np.hypot(down, across)
    frequency[0, 0] = 1e-6
    gain = np.exp(-0.5 * (np.log(frequency * (wavelength / cell)) / band) ** 2)
    if fan is not None:
        turn = np.arctan2(down, across) - angle
        gain *= np.exp(-0.5 * (np.sin(turn) / fan) ** 2)
    gain[0, 0] = 0.0
    field = np.asarray(fft.irfft2(spectrum * gain, s=(rows, columns)), np.float32)
    field /= max(float(field.std()), 1e-9)
    if cell > 1.0:
        field = enlarge(field, (round(columns * cell), round(rows * cell)), cv2.INTER_CUBIC)
    return np.ascontiguousarray(field[: shape[0], : shape[1]])


def _frayed(field: Floats, rng: np.random.Generator, wave: float, amount: float) -> Floats:
    height, width = field.shape
    x = np.arange(width, dtype=np.float32)[None, :] + amount * waves(rng, (height, width), wave)
    y = np.arange(height, dtype=np.float32)[:, None] + amount * waves(rng, (height, width), wave)
    return np.asarray(cv2.remap(field, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT), np.float32)


def _cut(field: Floats, coverage: float, edge: float = 0.12) -> Floats:
    """Marks the highest part of a field."""
    level = float(np.quantile(field[::4, ::4], 1.0 - coverage))
    return smoothstep(field, level - edge, level + edge)


def _places(
    rng: np.random.Generator, shape: tuple[int, int], wave: float, jitter: float = 0.3
) -> list[tuple[float, float]]:
    """Points about `wave` apart, on a disturbed triangular lattice with a place and direction of its own."""
    reach = int(np.hypot(*shape) / wave / 2) + 2
    i, j = (grid.ravel().astype(float) for grid in np.mgrid[-reach : reach + 1, -reach : reach + 1])
    points = np.stack([(i + 0.5 * (j % 2)) * wave, j * 0.87 * wave], 1)
    points += jitter * wave * rng.standard_normal(points.shape) + wave * rng.uniform(-1, 1, 2)
    turn = rng.uniform(0, np.pi)
    cos, sin = np.cos(turn), np.sin(turn)
    points = points @ np.array([[cos, -sin], [sin, cos]]) + np.array([shape[1] / 2, shape[0] / 2])
    inside = (points > -wave).all(1) & (points < np.array([shape[1], shape[0]]) + wave).all(1)
    return [(float(x), float(y)) for x, y in points[inside]]


def _fixed(*numbers: float) -> tuple[int, ...]:
    return tuple(round(number * (1 << _SHIFT)) for number in numbers)


def _as_field(canvas: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Floats:
    return canvas.astype(np.float32) * np.float32(1 / 255)


def _spots(rng: np.random.Generator, style: Style, shape: tuple[int, int], wave: float) -> Floats:
    canvas = np.zeros(shape, np.uint8)
    radius = wave * np.sqrt(style.coverage / np.pi)
    stretch = np.sqrt(style.elongation)
    for x, y in _places(rng, shape, wave):
        gone, size, turn = rng.random(), rng.normal(0.0, 0.6 * style.spread), rng.normal(0.0, 0.3)
        if gone < style.broken:
            continue
        own = max(0.8, radius * float(np.exp(size)))
        angle = np.degrees(style.angle + turn)
        axes = _fixed(own / stretch, own * stretch)
        cv2.ellipse(canvas, _fixed(x, y), axes, angle, 0, 360, 255, cv2.FILLED, cv2.LINE_AA, _SHIFT)
    return _as_field(canvas)


def _rosettes(rng: np.random.Generator, style: Style, shape: tuple[int, int], wave: float) -> Floats:
    canvas = np.zeros(shape, np.uint8)
    thick = max(1, round(0.13 * wave))
    filled = round(255 * 0.7 * style.coverage)
    for x, y in _places(rng, shape, wave, 0.16):
        own = wave * (0.33 + 0.12 * style.spread * float(rng.normal()))
        axes = _fixed(max(1.5, own), max(1.5, own * style.elongation))
        turn = float(rng.uniform(0, 360))
        place = _fixed(x, y)
        cv2.ellipse(canvas, place, axes, 0, 0, 360, filled, cv2.FILLED, cv2.LINE_AA, _SHIFT)
        arcs = int(rng.integers(1, 5))
        for start in turn + np.arange(arcs) * 360 / arcs:
            end = start + 360 / arcs * (1 - style.broken * float(rng.random()))
            cv2.ellipse(canvas, place, axes, 0, start, end, 255, thick, cv2.LINE_AA, _SHIFT)
        if rng.random() < 0.3 * style.spread:
            cv2.circle(canvas, place, _fixed(0.08 * wave)[0], 255, cv2.FILLED, cv2.LINE_AA, _SHIFT)
    return _as_field(canvas)


def _stripes(rng: np.random.Generator, style: Style, shape: tuple[int, int], wave: float) -> Floats:
    """Stripes that fork where the waves of the noise do."""
    field = waves(rng, shape, wave, 0.16, style.angle, 0.10 + 0.22 * style.spread)
    marked = _cut(field, style.coverage, 0.16)
    if style.broken:
        marked *= 1.0 - _cut(waves(rng, shape, 1.6 * wave), 0.5 * style.broken, 0.3)
    return marked


def _threads(rng: np.random.Generator, style: Style, shape: tuple[int, int], wave: float) -> Floats:
    """Thin lines one beside the other, broken, of uneven length, some missing, some forked."""
    canvas = np.zeros(shape, np.uint8)
    step = 0.05 * shape[0]
    slope = np.tan(style.angle)
    margin = abs(slope) * shape[0]
    places = np.arange(-margin, shape[1] + margin, wave) + wave * rng.uniform(0, 1)
    for place in places + 0.22 * wave * rng.standard_normal(len(places)):
        if rng.random() < 0.5 * style.broken:
            continue
        top, length = rng.uniform(-0.05, 0.45) * shape[0], rng.uniform(0.25, 0.75) * shape[0]
        y = np.arange(top, top + length, step)
        x = place - slope * y + np.cumsum(0.035 * wave * rng.standard_normal(len(y)))
        _thread(canvas, rng, style, x, y)
        if len(y) > 5 and rng.random() < 0.5 * style.spread:
            begin = int(rng.integers(1, len(y) - 3))
            away = rng.choice((-1, 1)) * 0.12 * wave * np.arange(len(y) - begin)
            _thread(canvas, rng, style, x[begin:] + away, y[begin:])
    return _as_field(canvas)


def _thread(
    canvas: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    rng: np.random.Generator,
    style: Style,
    x: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    y: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> None:
    points = np.round(np.stack([x, y], 1) * (1 << _SHIFT)).astype(np.int32)
    gaps = rng.random(len(points)) < 0.3 * style.broken
    thick = max(1, round(canvas.shape[0] * (0.006 + 0.012 * style.coverage)))
    strength = float(rng.uniform(180, 255))
    for piece in np.split(points, np.flatnonzero(gaps)):
        if len(piece) > 1:
            cv2.polylines(canvas, [piece], False, strength, thick, cv2.LINE_AA, _SHIFT)


def _net(rng: np.random.Generator, style: Style, shape: tuple[int, int], wave: float) -> Floats:
    """Plates between the lines of a net, as a giraffe's."""
    edge = cell_edges(rng, shape, wave, 0.16 + 0.2 * style.spread)
    edge += 0.06 * wave * waves(rng, shape, wave)
    line = 0.5 * wave * (1.0 - np.sqrt(style.coverage))
    return smoothstep(edge, 0.6 * line, 1.4 * line + 1.0)


def cell_edges(rng: np.random.Generator, shape: tuple[int, int], wave: float, jitter: float) -> Floats:
    """Distance, in pixels, to the nearest edge between cells about `wave` wide."""
    seeds = np.full(shape, 255, np.uint8)
    points = np.array(_places(rng, shape, wave, jitter)).astype(int)
    inside = (points >= 0).all(1) & (points < (shape[1], shape[0])).all(1)
    seeds[points[inside, 1], points[inside, 0]] = 0
    _, labels = cv2.distanceTransformWithLabels(
        seeds, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    within = np.full(shape, 255, np.uint8)
    within[:, 1:][labels[:, 1:] != labels[:, :-1]] = 0
    within[1:][labels[1:] != labels[:-1]] = 0
    return np.asarray(cv2.distanceTransform(within, cv2.DIST_L2, cv2.DIST_MASK_3), np.float32)


def _blotches(rng: np.random.Generator, style: Style, shape: tuple[int, int], wave: float) -> Floats:
    field = waves(rng, shape, wave, 0.28)
    field += style.spread * waves(rng, shape, 2.6 * wave) + 0.35 * waves(rng, shape, 0.36 * wave)
    return _cut(field, style.coverage, 0.25)


def _maze(rng: np.random.Generator, style: Style, shape: tuple[int, int], wave: float) -> Floats:
    return _cut(waves(rng, shape, wave, 0.12), style.coverage, 0.2)


def _scribbles(rng: np.random.Generator, style: Style, shape: tuple[int, int], wave: float) -> Floats:
    """Thin winding lines: the shores of a noise."""
    field = -np.abs(waves(rng, shape, 1.6 * wave, 0.3))
    marked = _cut(np.asarray(field, np.float32), 0.3 * style.coverage + 0.05, 0.04)
    return marked * (1.0 - _cut(waves(rng, shape, 2 * wave), 0.6 * style.broken, 0.3))


def _saddles(rng: np.random.Generator, style: Style, shape: tuple[int, int], wave: float) -> Floats:
    """Broad bands across the back, each of its own width and length."""
    along = np.arange(shape[1], dtype=np.float32)
    centres = np.arange(-wave, shape[1] + wave, wave) + wave * rng.uniform(0, 1)
    centres = centres + 0.2 * wave * rng.standard_normal(len(centres))
    widths = wave * style.coverage * rng.uniform(0.35, 0.75, len(centres))
    band = np.max(1.0 - np.abs(along[None, :] - centres[:, None]) / widths[:, None], axis=0)
    field = band[None, :] + 0.30 * waves(rng, shape, 1.1 * wave) + 0.2 * waves(rng, shape, 0.4 * wave)
    return smoothstep(np.asarray(field, np.float32), 0.30, 0.55)


def _scars(rng: np.random.Generator, style: Style, shape: tuple[int, int], wave: float) -> Floats:
    """A few long scratches in any direction, and nicks."""
    canvas = np.zeros(shape, np.uint8)
    number = max(8, round(0.7 * shape[0] * shape[1] / wave**2))
    for _ in range(number):
        turn = rng.normal(style.angle, 0.3 + style.spread)
        length = wave * rng.uniform(0.3, 1.5)
        t = np.linspace(-0.5, 0.5, 8)
        bow = rng.normal(0, 0.12) * length * (t**2 - 0.08)
        x = rng.uniform(0, shape[1]) + length * t * np.sin(turn) + bow * np.cos(turn)
        y = rng.uniform(0, shape[0]) + length * t * np.cos(turn) - bow * np.sin(turn)
        _thread(canvas, rng, style, x, y)
    return _as_field(canvas)


KINDS: dict[str, Callable[[np.random.Generator, Style, tuple[int, int], float], Floats]] = {
    "spots": _spots,
    "threads": _threads,
    "net": _net,
    "blotches": _blotches,
    "stripes": _stripes,
    "rosettes": _rosettes,
    "maze": _maze,
    "scars": _scars,
    "saddles": _saddles,
    "scribbles": _scribbles,
}
"""Every kind of markings, by name."""
