"""Pairs of patches that show one place of one skin, from photographs of virtual hides.

Where every pixel of such a photograph looks is known, so that it is known which keypoints of two photographs
are of one place, how large and how turned it is in either: nothing is marked by hand, and no real animal is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.ahead import ahead
from hanzaki.virtual.hides import Hide, Species, draw_hide, photograph_hide
from hanzaki.virtual.hides.bodies import View, draw_view
from hanzaki.vision.marks import patches_of
from hanzaki.vision.rootsift import RootSift

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

PATCH = 32
REACH = 6.0  # a SIFT descriptor looks as far: four bins of three sigma, of which a size has two

_PER_SPECIES = 8
_CHUNK = 64  # individuals in a file
_POINTS = RootSift(most=500, spread=0.6)  # more than the field keeps, and further out: strangers to learn from
_APART = 1.0  # most that two points may lie apart, in their sizes, to be one place
_SCALE = float(np.log(1.6))  # most that their sizes may differ
_TURN = float(np.deg2rad(30))  # most that their directions may differ
_ON = 200  # opacity of the animal, of 255, from which on a point lies on it
_STEP = 2.0  # pixels to either side, over which the skin's slope is measured


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of patches of one place each.

    Attributes:
        patches: uint8 (N, 2, PATCH, PATCH).
        individuals: intp (N,), whose skin.
        species: intp (N,).
        places: float32 (N, 2), where on the skin, in half lengths of the trunk.
    """

    patches: Bytes
    individuals: npt.NDArray[np.intp]
    species: npt.NDArray[np.intp]
    places: Floats

    def __len__(self) -> int:
        return len(self.patches)


@dataclass(frozen=True, eq=False)
class _Seen:
    """The points of one photograph that lie on the animal, on its skin."""

    places: Floats
    sizes: Floats
    turns: Floats
    patches: Bytes


def draw_pairs(
    folder: Path,
    individuals: int,
    photographs: int = 3,
    *,
    seed: int = 7,
    size: int = 440,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Pairs:
    """Photograph hides and pair the points that are of one place; what a folder has is not drawn again.

    Args:
        folder: where the pairs are kept, a file for some dozens of individuals.
        individuals: how many hides, eight of a species.
        photographs: of each, every two of which are paired.
        seed: from which everything follows.
        size: longer side of a photograph in pixels.
        threads: how many work.
        progress: called with how many individuals are done, and how many there are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    starts = range(0, individuals, _CHUNK)
    wanted = [range(start, min(start + _CHUNK, individuals)) for start in starts]

    def chunk(members: range) -> Path:
        path = folder / f"pairs-{seed}-{size}-{photographs}-{members.start}-{members.stop}.npz"
        if not path.is_file():
            part = path.with_suffix(".part")
            with part.open("wb") as file:
                np.savez(file, **_drawn(members, photographs, seed, size))  # type: ignore[arg-type]
            part.replace(path)
        return path

    paths = []
    for path in ahead(chunk, wanted, threads):
        paths.append(path)
        if progress is not None:
            progress(min(len(paths) * _CHUNK, individuals), individuals)
    loaded = [np.load(path) for path in paths]
    return Pairs(*(np.concatenate([part[name] for part in loaded]) for name in Pairs.__dataclass_fields__))


def _drawn(members: range, photographs: int, seed: int, size: int) -> dict[str, npt.NDArray[np.generic]]:
    columns: dict[str, list[npt.NDArray[np.generic]]] = {name: [] for name in Pairs.__dataclass_fields__}
    for individual in members:
        number = individual // _PER_SPECIES
        species = Species.draw(_rng(seed, 0, number), number)
        hide = draw_hide(species, _rng(seed, 1, individual), size)
        seen = []
        for photograph in range(photographs):
            view = draw_view(species.body, _rng(seed, 2, individual, photograph), size)
            seen.append(_look(hide, view, _rng(seed, 3, individual, photograph)))
        for one, other in combinations(seen, 2):
            rows, others = same_places(one, other)
            columns["patches"].append(np.stack([one.patches[rows], other.patches[others]], axis=1))
            columns["places"].append(one.places[rows])
            columns["individuals"].append(np.full(len(rows), individual, np.intp))
            columns["species"].append(np.full(len(rows), number, np.intp))
    return {name: np.concatenate(parts) for name, parts in columns.items()}


def _rng(seed: int, *numbers: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *numbers])))


def _look(hide: Hide, view: View, rng: np.random.Generator) -> _Seen:
    """Photograph a hide, and find the points that lie on it as the field would."""
    quality = int(rng.integers(40, 96))
    image = photograph_hide(hide, view, rng)
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality]
    decoded = cv2.imdecode(cv2.imencode(".jpg", image[..., ::-1], flags)[1], cv2.IMREAD_COLOR_RGB)
    left, top, width, height = view.box
    inside = np.s_[top : top + height, left : left + width]
    found = _POINTS.find(np.ascontiguousarray(np.asarray(decoded, np.uint8)[inside]))
    keypoints = found.described(np.zeros((len(found.points), 1), np.uint8))
    skin, animal = np.ascontiguousarray(view.skin[inside]), np.ascontiguousarray(view.animal[inside])
    angles = np.deg2rad(keypoints.angles)
    along, across = slopes(skin, keypoints.points, angles)
    area = np.abs(along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0])
    good = (_at(animal, keypoints.points) > _ON) & (area > 1e-9)
    return _Seen(
        places=_at(skin, keypoints.points)[good],
        sizes=(np.sqrt(area) * keypoints.sizes)[good],
        turns=np.arctan2(along[:, 1], along[:, 0])[good],
        patches=patches_of(found, PATCH, REACH)[good],
    )


def slopes(skin: Floats, points: Floats, angles: Floats) -> tuple[Floats, Floats]:
    """How the place on the skin changes along each point's direction and across it.

    Args:
        skin: (H, W, 2), the place on the skin of each pixel.
        points: (N, 2), in pixels.
        angles: (N,), in radians.

    Returns:
        (N, 2) twice, per pixel.
    """
    ahead_of = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    beside = np.stack([-ahead_of[:, 1], ahead_of[:, 0]], axis=1)
    step = np.float32(_STEP)
    along, across = (
        (_at(skin, points + step * way) - _at(skin, points - step * way)) / (2 * step)
        for way in (ahead_of, beside)
    )
    return along, across


def same_places(one: _Seen, other: _Seen) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Which points of two photographs are of one place: near, alike in size and turn, and each other's best."""
    none = np.zeros(0, np.intp)
    if not len(one.places) or not len(other.places):
        return none, none
    apart = np.linalg.norm(one.places[:, None] - other.places[None], axis=2)
    apart = apart / np.minimum(one.sizes[:, None], other.sizes[None])
    scale = np.abs(np.log(one.sizes[:, None] / other.sizes[None]))
    turn = np.abs(np.angle(np.exp(1j * (one.turns[:, None] - other.turns[None]))))
    cost = np.where((apart < _APART) & (scale < _SCALE) & (turn < _TURN), apart + scale + turn, np.inf)
    best = cost.argmin(axis=1)
    rows = np.flatnonzero(cost.argmin(axis=0)[best] == np.arange(len(cost)))
    rows = rows[np.isfinite(cost[rows, best[rows]])]
    return rows, best[rows]


def _at(field: npt.NDArray[np.float32] | Bytes, points: Floats) -> Floats:
    """A field's values at places between its pixels."""
    x, y = (np.ascontiguousarray(part, np.float32).reshape(1, -1) for part in points.T)
    if not x.size:
        return np.zeros((0, *field.shape[2:]), np.float32)
    return np.asarray(cv2.remap(field, x, y, cv2.INTER_LINEAR)[0], np.float32)
