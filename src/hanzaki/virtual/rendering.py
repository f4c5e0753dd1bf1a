"""Takes one photograph: skin -> pose -> shading -> water -> camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.virtual.animal import Salamander, skin_at
from hanzaki.virtual.bed import LIT_FROM, bed_at
from hanzaki.virtual.camera import develop
from hanzaki.virtual.noise import Floats, blur, enlarge
from hanzaki.virtual.pattern import LEFT, TOP
from hanzaki.virtual.scene import Pose, Scene
from hanzaki.virtual.water import Surface, surface

Bytes = npt.NDArray[np.uint8]

ON_HEAD, DARK = 128, 110
"""Of 255: from this opacity on a pixel is of the head, and from this darkness on it is of a dark marking."""

_GRID = 4  # geometry and water are computed for every fourth pixel only
_REACH = 0.66  # from the middle of the head to its farthest part, in head lengths
_STRAIGHT = 0.85  # the head is stiff: the bend begins here
_THICKNESS = 0.3  # height of the head over the bed, in head lengths, for its shadow
_GAMMA = 2.2
_UNIT = np.arange(256) / 255.0
_LINEAR = ((np.arange(256) / 255.0) ** _GAMMA).astype(np.float32)


@dataclass(frozen=True)
class Photograph:
    """A picture and the truth about it.

    Attributes:
        image: uint8 RGB, (H, W, 3).
        box: x, y, w, h of the head in pixels: the tightest box round `mask`.
        mask: bool (H, W): the head.
        spots: bool (H, W): the dark markings of the head.
        truth: uint8 (H, W, 2): opacity of the head, and darkness of the pattern wherever skin is seen.
    """

    image: Bytes
    box: tuple[int, int, int, int]
    mask: npt.NDArray[np.bool_]
    spots: npt.NDArray[np.bool_]
    truth: Bytes


def photograph(animal: Salamander, scene: Scene, size: tuple[int, int] = (960, 720)) -> Photograph:
    """Photographs an animal in a scene.

    Args:
        animal: Who.
        scene: The moment.
        size: Width and height in pixels, at least 32 each.

    Returns:
        The photograph, before JPEG compression, with the head's box and masks.

    Raises:
        ValueError: If `size` is too small to show anything.
    """
    if min(size) < 32:
        raise ValueError(f"A photograph of {size[0]} x {size[1]} pixels shows nothing: ask for 32 x 32 or more.")
    grid = _Grid.over(size)
    light, water = scene.light, scene.water
    sunlit = light.sun / (light.sun + light.sky)
    top = surface(water, grid.shape, min(1.0, 1.6 * sunlit) * water.caustics)
    head = scene.pose.scale * min(size)
    skin, per_head = skin_at(animal, head)
    body_x, body_y, flat_x, flat_y = _places(scene.pose, top, water.ripple, grid, size)
    skin_x = np.asarray((body_x - LEFT) * per_head - 0.5, np.float32)
    skin_y = np.asarray((body_y - TOP) * per_head - 0.5, np.float32)
    coarse = cv2.remap(cv2.extractChannel(skin.colour, 3), skin_x, skin_y, cv2.INTER_LINEAR)
    window = grid.window(coarse)
    places, fractions = grid.fill(skin_x, skin_y)
    lookup = np.ascontiguousarray(places[window]), np.ascontiguousarray(fractions[window])
    picture = _lay_bed(scene, flat_x, flat_y, head, grid)
    brightness = _on_bed(scene, coarse, grid)
    truth = np.zeros((*size[::-1], 2), np.uint8)
    if lookup[0].size:
        colour, relief, truth[window] = (_lay(layer, lookup) for layer in (skin.colour, skin.surface, skin.truth))
        picture[window] = _over(colour, picture[window])
        brightness[window] = _on_skin(relief, colour[..., 3], scene, brightness[window])
    falling = cv2.multiply(brightness, grid.spread(top.caustics))
    lit = cv2.multiply(cv2.LUT(picture, _LINEAR), cv2.merge([falling] * 3))
    image = develop(np.asarray(lit, np.float32), scene, grid.spread(top.glare))
    mask = truth[..., 0] >= ON_HEAD
    return Photograph(image, _box(mask), mask, mask & (truth[..., 1] >= DARK), truth)


@dataclass(frozen=True)
class _Grid:
    """The coarse grid of a picture: its pixel coordinates, and the way back to full size."""

    size: tuple[int, int]
    shape: tuple[int, int]

    @classmethod
    def over(cls, size: tuple[int, int]) -> _Grid:
        return cls(size, (-(-size[1] // _GRID), -(-size[0] // _GRID)))

    def pixels(self) -> tuple[Floats, Floats]:
        """Gives x and y, in pixels of the picture, at the centre of each cell."""
        x = (np.arange(self.shape[1], dtype=np.float32) + 0.5) * (self.size[0] / self.shape[1])
        y = (np.arange(self.shape[0], dtype=np.float32) + 0.5) * (self.size[1] / self.shape[0])
        return x[None, :], y[:, None]

    def window(self, coarse: npt.NDArray[Any]) -> tuple[slice, slice]:
        """The part of the full picture, as rows and columns, where a field on the coarse grid is not 0."""
        x, y, w, h = cv2.boundingRect((coarse > 0).astype(np.uint8))
        step = (self.size[1] / self.shape[0], self.size[0] / self.shape[1])
        rows = slice(int(max(0, y - 1) * step[0]), min(self.size[1], int((y + h + 1) * step[0]) + 1))
        columns = slice(int(max(0, x - 1) * step[1]), min(self.size[0], int((x + w + 1) * step[1]) + 1))
        return rows, columns

    def spread(self, field: Floats) -> Floats:
        return enlarge(field, self.size)

    def fill(self, x: Floats, y: Floats) -> tuple[Any, Any]:
        """A lookup for cv2.remap at full size, in the fixed-point form that it likes best."""
        return cv2.convertMaps(self.spread(x), self.spread(y), cv2.CV_16SC2)


def _places(
    pose: Pose, top: Surface, ripple: float, grid: _Grid, size: tuple[int, int]
) -> tuple[Floats, Floats, Floats, Floats]:
    """Which part of the animal, and of the bed, each cell of the grid shows.

    Returns:
        Body coordinates x, y and bed coordinates x, y, in head lengths.
    """
    head = pose.scale * min(size)
    slack = (max(0.0, 0.5 * size[0] - _REACH * head), max(0.0, 0.5 * size[1] - _REACH * head))
    x, y = grid.pixels()
    # The tilt of the phone: one side of the picture is farther away than the other.
    nearer = 1.0 + pose.tilt[0] * (2 * x / size[0] - 1) + pose.tilt[1] * (2 * y / size[1] - 1)
    flat_x = (x - 0.5 * size[0] - slack[0] * pose.across) / (head * nearer) + ripple * top.slope_x
    flat_y = (y - 0.5 * size[1] - slack[1] * pose.down) / (head * nearer) + ripple * top.slope_y
    cos, sin = np.cos(pose.angle), np.sin(pose.angle)
    body_x = cos * flat_x + sin * flat_y
    body_y = cos * flat_y - sin * flat_x + 0.5
    return *_unbent(body_x, body_y, pose.bend), flat_x, flat_y


def _unbent(x: Floats, y: Floats, bend: float) -> tuple[Floats, Floats]:
    """Straightens a body that is bent into an arc behind the head."""
    if abs(bend) < 1e-3:
        return x, y
    radius = 1.0 / bend
    behind = y - _STRAIGHT
    side = np.sign(radius)
    along = abs(radius) * np.arctan2(behind, side * (radius - x))
    across = radius - side * np.hypot(x - radius, behind)
    bent = behind > 0
    return np.where(bent, across, x).astype(np.float32), np.where(bent, _STRAIGHT + along, y).astype(np.float32)


def _lay(layer: Bytes, lookup: tuple[Any, Any], border: int = cv2.BORDER_CONSTANT) -> Bytes:
    return np.asarray(cv2.remap(layer, *lookup, cv2.INTER_LINEAR, borderMode=border), np.uint8)


def _lay_bed(scene: Scene, x: Floats, y: Floats, head: float, grid: _Grid) -> Bytes:
    """The bed, turned so that its baked-in light comes from where the scene's light comes from."""
    turn = scene.light.azimuth - float(np.arctan2(LIT_FROM[1], LIT_FROM[0]))
    cos, sin = np.cos(turn), np.sin(turn)
    bed, per_head = bed_at(scene.bed, head)
    bed_x = per_head * (cos * x + sin * y) + bed.shape[1] * scene.bed_place[0]
    bed_y = per_head * (cos * y - sin * x) + bed.shape[0] * scene.bed_place[1]
    return _lay(bed, grid.fill(bed_x, bed_y), cv2.BORDER_WRAP)


def _over(colour: Bytes, ground: Bytes) -> Bytes:
    """Lays the animal over the bed."""
    share = cv2.cvtColor(colour[..., 3], cv2.COLOR_GRAY2RGB)
    above = cv2.multiply(cv2.cvtColor(colour, cv2.COLOR_RGBA2RGB), share, scale=1 / 255)
    below = cv2.multiply(ground, cv2.bitwise_not(share), scale=1 / 255)
    return np.asarray(cv2.add(above, below), np.uint8)


def _on_skin(relief: Bytes, opacity: Bytes, scene: Scene, on_bed: Floats) -> Floats:
    """How brightly the animal is lit: sun upon its relief, and open sky; beside it, `on_bed` stays."""
    light = scene.light
    low = np.sqrt(1.0 - light.height**2)
    across, down = np.cos(light.azimuth - scene.pose.angle), np.sin(light.azimuth - scene.pose.angle)
    # Rows: facing the sun; open to the sky, which is brighter on the sun's side. Columns: the normal in bytes.
    rows = []
    for sideways, upwards, rest in ((low, light.height, 0.0), (0.34, 0.62, 0.10)):
        x, y = 2 * sideways * across, 2 * sideways * down
        rows.append((x, y, upwards, 0.0, 255 * (rest - 0.5 * x - 0.5 * y)))
    faced = np.asarray(cv2.transform(relief, np.array(rows)))
    # A wet skin shines a little where it mirrors the sun.
    direct = light.sun * (_UNIT + 0.22 * _UNIT**14)
    diffuse = 1.25 * (light.sky + 0.12 * light.sun) * _UNIT
    on_skin = cv2.add(_look_up(faced[..., 0], direct), _look_up(faced[..., 1], diffuse))
    on_skin = cv2.multiply(on_skin, _look_up(relief[..., 3], 1.15 * _UNIT))
    share = _look_up(opacity, _UNIT)
    return np.asarray(cv2.add(on_bed, cv2.multiply(share, cv2.subtract(on_skin, on_bed))), np.float32)


def _look_up(layer: npt.NDArray[Any], table: npt.NDArray[Any]) -> Floats:
    """Replaces bytes by the 256 numbers of a table, (H, W) each."""
    return np.asarray(cv2.LUT(np.ascontiguousarray(layer), table.astype(np.float32)), np.float32)


def _on_bed(scene: Scene, coarse: npt.NDArray[Any], grid: _Grid) -> Floats:
    """How brightly the bed is lit beside the animal, which takes its share of sun and sky; (H, W).

    Args:
        scene: The moment.
        coarse: The animal's opacity on the coarse grid, 0 to 255.
        grid: The grid.
    """
    light = scene.light
    opacity = coarse.astype(np.float32) / 255
    head = scene.pose.scale * min(grid.shape)
    length = _THICKNESS * head * np.sqrt(1.0 - light.height**2) / light.height
    move = np.array([[1, 0, -length * np.cos(light.azimuth)], [0, 1, -length * np.sin(light.azimuth)]])
    cast = cv2.warpAffine(opacity, move, (grid.shape[1], grid.shape[0]), borderMode=cv2.BORDER_REPLICATE)
    sun = light.sun * light.height * (1.0 - 0.88 * blur(cast, 0.02 * head))
    sky = light.sky * (1.0 - 0.9 * np.minimum(1.5 * blur(opacity, 0.05 * head), 1.0))
    return grid.spread(np.asarray(sun + sky, np.float32))


def _box(mask: npt.NDArray[np.bool_]) -> tuple[int, int, int, int]:
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    return int(x), int(y), int(w), int(h)
