"""One clip: animals on a bed under moving water, filmed by hand; frames and their truth at any time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.boxes import Box
from hanzaki.virtual.animal import Salamander
from hanzaki.virtual.noise import Floats, blur, enlarge
from hanzaki.virtual.scene import Scene
from hanzaki.virtual.stream.body import body_at, outline_of_head
from hanzaki.virtual.stream.gait import Walk
from hanzaki.virtual.stream.ground import Ground
from hanzaki.virtual.stream.hand import Hand, grained, softened
from hanzaki.virtual.stream.layers import Sunlight
from hanzaki.virtual.stream.laying import Laid, lay
from hanzaki.virtual.stream.lightplay import (
    GAIN_SCALE,
    LightPlay,
    Moment,
    Umbrella,
    curves,
    gain_bytes,
    sky_table,
)
from hanzaki.virtual.stream.limbs import limb_at

Bytes = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]

_CELLS = 135  # of the coarse grid along the shorter side: water costs the same whatever the picture's size
_THICKNESS = 0.30  # height of the back over the bed, in head lengths, for the shadow
_RELIT = 0.15  # seconds: a slow animal's trunk turns so little in between that the light on it stays
_KEPT = 2


@dataclass(frozen=True)
class Head:
    """The truth about one animal's head in one frame.

    Attributes:
        box: The tightest box round the head in pixels; it may reach over the picture's edges.
        visible: Share of the head that lies within the picture, 0 to 1.
        speed: How fast the animal walks, head lengths a second; 0 at rest.
    """

    box: Box
    visible: float
    speed: float = 0.0


@dataclass(frozen=True)
class Actor:
    """One animal and its way through the clip."""

    animal: Salamander
    walk: Walk


@dataclass(frozen=True)
class Clip:
    """A clip, all of which follows from its parts; frames can be asked for in any order.

    Attributes:
        actors: The animals, the one that the photographer means first.
        scene: Light, water, camera and bed.
        hand: How the phone is held.
        umbrella: The umbrella over the water, if there is one.
        size: Width and height in pixels.
        head: Length of a head in pixels.
        seconds: How long it is.
        seed: Of the bed and the noise.
    """

    actors: tuple[Actor, ...]
    scene: Scene
    hand: Hand
    umbrella: Umbrella | None
    size: tuple[int, int]
    head: float
    seconds: float
    seed: int

    def frame(self, time: float) -> Bytes:
        """The picture at `time` seconds: uint8 RGB (H, W, 3)."""
        moment = self._play.at(time)
        bed_x, bed_y = self._places(moment, time)
        picture = self._bed(bed_x, bed_y)
        laid = [part for actor in self.actors for part in self._laid(actor, time, bed_x, bed_y)]
        self._shade_bed(picture, laid)
        for part in laid:
            part.over(picture)
        return self._developed(picture, moment, time)

    def heads(self, time: float) -> list[Head | None]:
        """The truth about every actor's head at `time` seconds; None where nothing of it is in the picture."""
        slopes = self._play.slopes(time)
        return [self._head(actor, time, slopes) for actor in self.actors]

    def in_picture(self, places: Doubles, time: float, slopes: tuple[Floats, Floats] | None = None) -> Doubles:
        """Where places on the bed, (N, 2) in head lengths, are seen at `time`: pixels, (N, 2)."""
        scale, turn, middle = self._view(time)
        cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
        matrix = np.array(((cos, sin), (-sin, cos)))
        pixels = places @ matrix + middle
        if slopes is None:
            return pixels
        step = np.array(self.size) / np.array(self._play.shape[::-1])
        bent = pixels
        for _ in range(3):  # a place is shifted by the slope where it is seen, not by that above it
            cells = (bent / step - 0.5).astype(np.float32)
            slope = [
                cv2.remap(s, cells[:, 0], cells[:, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).ravel()
                for s in slopes
            ]
            bent = (places - self.scene.water.ripple * np.stack(slope, axis=1)) @ matrix + middle
        return bent

    @cached_property
    def _play(self) -> LightPlay:
        step = max(1.0, min(self.size) / _CELLS)
        return LightPlay(self.scene, self.umbrella, (round(self.size[1] / step), round(self.size[0] / step)))

    @cached_property
    def _ground(self) -> Ground:
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, 0])))
        ways = [
            actor.walk.spine(time).points[::4]
            for actor in self.actors
            for time in np.arange(0.0, self.seconds + 0.5, 1.0)
        ]
        extent = (self.size[0] / self.head, self.size[1] / self.head)
        return Ground.lay(rng, self.scene.bed, self.scene.light, extent, self.head, np.concatenate(ways))

    @cached_property
    def _curves(self) -> Bytes:
        return curves(self.scene, self._play.sun_left)

    @cached_property
    def _sky(self) -> Bytes:
        return sky_table(self.scene, self._play.sun_left)

    @cached_property
    def _sunlight(self) -> Sunlight:
        return Sunlight.of(self.scene.light, self._play.sun_left)

    def _view(self, time: float) -> tuple[float, float, Doubles]:
        """Pixels for one head length, the roll, and the pixel that shows the bed's origin."""
        short = min(self.size)
        middle = 0.5 * np.array(self.size) + self.hand.offset(time) * short
        return self.head * self.hand.scale(time, self.seconds), self.hand.turn(time), middle

    def _places(self, moment: Moment, time: float) -> tuple[Floats, Floats]:
        """Which place on the bed each cell of the coarse grid shows, in head lengths."""
        scale, turn, middle = self._view(time)
        rows, columns = self._play.shape
        x = ((np.arange(columns, dtype=np.float32) + 0.5) * (self.size[0] / columns) - middle[0])[None, :] / scale
        y = ((np.arange(rows, dtype=np.float32) + 0.5) * (self.size[1] / rows) - middle[1])[:, None] / scale
        cos, sin = np.cos(turn), np.sin(turn)
        ripple = self.scene.water.ripple
        bed_x = cos * x - sin * y + ripple * moment.slope_x
        bed_y = sin * x + cos * y + ripple * moment.slope_y
        return np.asarray(bed_x, np.float32), np.asarray(bed_y, np.float32)

    def _bed(self, bed_x: Floats, bed_y: Floats) -> Bytes:
        ground = self._ground
        x = enlarge(bed_x * ground.per_head + (ground.middle[0] - 0.5), self.size)
        y = enlarge(bed_y * ground.per_head + (ground.middle[1] - 0.5), self.size)
        places = cv2.convertMaps(x, y, cv2.CV_16SC2)
        laid = cv2.remap(ground.picture, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        return np.asarray(laid, np.uint8)

    def _laid(self, actor: Actor, time: float, bed_x: Floats, bed_y: Floats) -> list[Laid]:
        """The parts of an animal in the order in which they cover each other."""
        posture = actor.walk.posture(time)
        bed = (bed_x, bed_y)
        laid = []
        for number, line in enumerate(posture.limbs):
            limb = limb_at(actor.animal, number, self.head)
            laid.append(lay(limb, limb.lit(line, self._sunlight), line, 1.0, bed, self.size))
        body, skin = body_at(actor.animal, self.head), self._lit_body(actor, int(time / _RELIT))
        laid.append(lay(body, skin, posture.spine, posture.girth, bed, self.size))
        return [part for part in laid if part is not None]

    def _lit_body(self, actor: Actor, step: int) -> Bytes:
        """The body's skin as the sun lights it during one step of `_RELIT` seconds; the last few are kept."""
        key = (self.actors.index(actor), step)
        if key not in self._lit:
            while len(self._lit) >= _KEPT * len(self.actors):
                del self._lit[next(iter(self._lit))]
            spine = actor.walk.spine((step + 0.5) * _RELIT)
            self._lit[key] = body_at(actor.animal, self.head).lit(spine, self._sunlight)
        return self._lit[key]

    @cached_property
    def _lit(self) -> dict[tuple[int, int], Bytes]:
        return {}

    def _shade_bed(self, picture: Bytes, laid: list[Laid]) -> None:
        """Darkens the bed where the animals take sun and sky from it."""
        if not laid:
            return
        rows, columns = self._play.shape
        opacity = np.zeros((rows, columns), np.float32)
        for part in laid:
            part.mark(opacity, self.size)
        head = self.head * rows / self.size[1]
        light = self.scene.light
        length = _THICKNESS * head * np.sqrt(1.0 - light.height**2) / light.height
        move = np.array([[1, 0, -length * np.cos(light.azimuth)], [0, 1, -length * np.sin(light.azimuth)]])
        cast = cv2.warpAffine(opacity, move, (columns, rows), borderMode=cv2.BORDER_REPLICATE)
        sun = light.sun * light.height * self._play.sun_left
        left = sun * (1.0 - 0.80 * blur(cast, 0.045 * head))
        left += light.sky * (1.0 - 0.75 * np.minimum(1.4 * blur(opacity, 0.09 * head), 1.0))
        shadow = cv2.convertScaleAbs(cv2.pow(left / (sun + light.sky), 1.0 / 2.2), alpha=255.0)
        x, y, w, h = cv2.boundingRect((shadow < 253).astype(np.uint8))
        if w == 0:
            return
        top, bottom = y * self.size[1] // rows, -(-(y + h) * self.size[1] // rows)
        start, stop = x * self.size[0] // columns, -(-(x + w) * self.size[0] // columns)
        full = cv2.resize(
            shadow[y : y + h, x : x + w], (stop - start, bottom - top), interpolation=cv2.INTER_LINEAR
        )
        window = picture[top:bottom, start:stop]
        cv2.multiply(window, cv2.cvtColor(full, cv2.COLOR_GRAY2RGB), dst=window, scale=1 / 255)

    def _developed(self, picture: Bytes, moment: Moment, time: float) -> Bytes:
        """Water and phone: light, veil, glare, blur and noise."""
        short = min(self.size)
        gain = cv2.resize(
            cv2.merge([gain_bytes(moment.brightness)] * 3), self.size, interpolation=cv2.INTER_LINEAR
        )
        picture = np.asarray(cv2.LUT(cv2.multiply(picture, gain, scale=GAIN_SCALE), self._curves), np.uint8)
        self._mirror_sky(picture, moment.glare)
        camera = self.scene.camera
        soft = 0.4 * camera.defocus + 0.0022 * self.scene.water.turbidity + self.hand.defocus(time)
        smear = self.hand.smear(time, 0.006 + 0.8 * camera.shake) * short
        picture = softened(picture, soft * short, smear)
        seeds = np.random.SeedSequence([self.seed, 1, round(time * 1000)])
        return grained(picture, 0.6 * camera.noise, np.random.Generator(np.random.PCG64(seeds)))

    def _mirror_sky(self, picture: Bytes, glare: Floats) -> None:
        shine = cv2.convertScaleAbs(glare, alpha=255.0)
        x, y, w, h = cv2.boundingRect((shine > 1).astype(np.uint8))
        if w == 0:
            return
        rows, columns = glare.shape
        top, bottom = y * self.size[1] // rows, -(-(y + h) * self.size[1] // rows)
        start, stop = x * self.size[0] // columns, -(-(x + w) * self.size[0] // columns)
        full = cv2.resize(shine[y : y + h, x : x + w], (stop - start, bottom - top), interpolation=cv2.INTER_CUBIC)
        share = cv2.cvtColor(full, cv2.COLOR_GRAY2RGB)
        window = picture[top:bottom, start:stop]
        below = cv2.multiply(window, cv2.bitwise_not(share), scale=1 / 255)
        above = cv2.LUT(share, self._sky)
        cv2.add(below, above, dst=window)

    def _head(self, actor: Actor, time: float, slopes: tuple[Floats, Floats]) -> Head | None:
        outline = outline_of_head(actor.animal)
        places = actor.walk.spine(time).on_bed(outline[:, 0] * actor.walk.girth(time), outline[:, 1])
        pixels = self.in_picture(places, time, slopes)
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        visible = _share_within(pixels, self.size)
        if visible == 0.0:
            return None
        return Head(Box(*(round(float(v), 1) for v in (*low, *(high - low)))), visible, actor.walk.speed)


def _share_within(outline: Doubles, size: tuple[int, int]) -> float:
    """Which share of the area of an outline lies in a picture; by Sutherland and Hodgman (1974)."""
    whole = cv2.contourArea(outline.astype(np.float32))
    polygon = outline
    for axis, limit, sign in ((0, 0.0, 1.0), (0, float(size[0]), -1.0), (1, 0.0, 1.0), (1, float(size[1]), -1.0)):
        polygon = _cut(polygon, axis, limit, sign)
        if len(polygon) < 3:
            return 0.0
    return round(min(1.0, float(cv2.contourArea(polygon.astype(np.float32)) / max(whole, 1e-6))), 3)


def _cut(polygon: Doubles, axis: int, limit: float, sign: float) -> Doubles:
    """Cuts off what lies beyond one edge of the picture."""
    inside = sign * (polygon[:, axis] - limit) >= 0
    if inside.all():
        return polygon
    kept = []
    for k, point in enumerate(polygon):
        before = polygon[k - 1]
        if inside[k] != inside[k - 1]:
            share = (limit - before[axis]) / (point[axis] - before[axis])
            kept.append(before + share * (point - before))
        if inside[k]:
            kept.append(point)
    return np.array(kept).reshape(-1, 2)
