"""Draws clips: who does what, where in the picture, under which light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hanzaki.virtual.animal import Salamander
from hanzaki.virtual.scene import DayLight, Scene
from hanzaki.virtual.stream.body import LENGTH
from hanzaki.virtual.stream.clip import Actor, Clip
from hanzaki.virtual.stream.gait import Gait, Mode, Walk
from hanzaki.virtual.stream.hand import Hand
from hanzaki.virtual.stream.lightplay import Umbrella

MODES: dict[Mode, float] = {"rest": 0.38, "walk": 0.34, "enter": 0.14, "leave": 0.14}
"""What animals do, and how often."""

_BODY = 2.1  # the part of a whole animal that a photographer puts in the middle, head lengths behind the snout


def stage(
    rng: np.random.Generator,
    animal: Salamander,
    light: DayLight,
    size: tuple[int, int],
    seconds: float,
    *,
    second: Salamander | None = None,
    mode: Mode | None = None,
    whole: bool = False,
) -> Clip:
    """Draws a clip of one animal.

    Args:
        rng: The only source of chance.
        animal: Who is filmed.
        light: Time of day.
        size: Width and height in pixels, as displayed.
        seconds: How long.
        second: Who passes by, if anybody.
        mode: What the animal does; drawn if None.
        whole: Whether all of it shall be in the picture, as in a photograph; otherwise the head matters more.

    Returns:
        The clip. The head is at least half in the picture at some time.
    """
    drawn: Mode = list(MODES)[int(rng.choice(len(MODES), p=list(MODES.values())))]
    mode = mode or drawn
    scene = _scene(rng, light)
    short, long = min(size), max(size)
    head = float(min(short * rng.uniform(0.21, 0.29), long / (LENGTH + 0.9) if whole else long / 5.4))
    extent = np.array(size) / head
    gait = Gait.draw(rng, mode)
    heading = _heading(rng, extent)
    forth = np.array((np.cos(heading), np.sin(heading)))
    if mode in ("enter", "leave"):
        # The middle of the head crosses a line a little inside the edge, early or late in the clip.
        middle, anchor = (0.2 * seconds if mode == "enter" else 0.65 * seconds), 0.5
        edge = min(0.5 * extent / np.maximum(np.abs(forth), 1e-6))
        inside = forth * (edge - 0.15) * (-1.0 if mode == "enter" else 1.0)
        side = np.array((-forth[1], forth[0])) * rng.normal(0.0, 0.25)
        place = inside + side
    else:
        middle, anchor = 0.5 * seconds, _BODY if whole else rng.uniform(1.2, 1.9)
        place = rng.normal(0.0, 0.18, 2)
    walk = Walk(gait, middle, (float(place[0]), float(place[1])), heading, anchor)
    actors = [Actor(animal, walk)]
    if second is not None:
        actors.append(_passer(rng, second, walk, heading, seconds))
    return Clip(
        actors=tuple(actors),
        scene=scene,
        hand=Hand.draw(rng, seconds),
        umbrella=Umbrella.draw(rng) if rng.random() < 0.4 else None,
        size=size,
        head=head,
        seconds=seconds,
        seed=int(rng.integers(2**31)),
    )


def _scene(rng: np.random.Generator, light: DayLight) -> Scene:
    """A scene as photographs have it, seen from farther off: ripples look smaller and shift more."""
    scene = Scene.draw(rng, light)
    water = replace(
        scene.water,
        ripple=min(0.026, 2.0 * scene.water.ripple),
        wavelength=0.75 * scene.water.wavelength,
        glare=max(0.0, rng.normal(0.02, 0.06)),
        turbidity=min(0.34, scene.water.turbidity + 0.03),
    )
    return replace(scene, water=water)


def _heading(rng: np.random.Generator, extent: np.ndarray) -> float:
    """Along the longer side of the picture, more or less, to either end."""
    along = 0.0 if extent[0] >= extent[1] else np.pi / 2
    return float(along + np.pi * rng.integers(0, 2) + rng.normal(0.0, 0.32))


def _passer(rng: np.random.Generator, animal: Salamander, walk: Walk, heading: float, seconds: float) -> Actor:
    """Another animal that walks past beside the first, the same way or the other."""
    first = walk.spine(0.5 * seconds)
    side = float(rng.choice((-1.0, 1.0)))
    place, _, right = first.frame(float(rng.uniform(0.3, 2.2)))
    beside = place + side * rng.uniform(1.45, 1.75) * right
    towards = heading + np.pi * rng.integers(0, 2) + rng.normal(0.0, 0.1)
    gait = Gait.draw(rng, "walk")
    gait = replace(gait, bends=tuple((0.3 * size, phase) for size, phase in gait.bends))
    return Actor(animal, Walk(gait, 0.5 * seconds, (float(beside[0]), float(beside[1])), float(towards), 0.8))
