"""Lays a flat map along a curved line: which part of the map each place on the bed shows, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hanzaki.virtual.noise import Floats

Doubles = npt.NDArray[np.float64]

_MANY = 40  # points of a line, of which every second is enough


@dataclass(frozen=True)
class Line:
    """A smooth line on the bed, in head lengths.

    Attributes:
        points: (K, 2).
        along: Distance of each point from the line's beginning as the map has it, (K,).
        back: Unit tangents, towards growing distance, (K, 2).
        bend: Curvature at each point, positive where the line turns to its right, (K,).
    """

    points: Doubles
    along: Doubles
    back: Doubles
    bend: Doubles

    @classmethod
    def near(cls, points: Doubles, start: float) -> Line:
        """The line through points that lie close together; `start` is the distance of the first."""
        steps = np.hypot(*(points[1:] - points[:-1]).T)
        return cls._from(points, start + np.concatenate([[0.0], np.cumsum(steps)]))

    @classmethod
    def through(cls, corners: Doubles, start: float, count: int) -> Line:
        """The line of `count` points that rounds a few corners."""
        steps = np.concatenate([[0.0], np.cumsum(np.hypot(*(corners[1:] - corners[:-1]).T))])
        fine = np.linspace(0.0, steps[-1], count)
        straight = np.stack([np.interp(fine, steps, corners[:, k]) for k in range(2)], axis=1)
        padded = np.vstack([2 * straight[0] - straight[1], straight, 2 * straight[-1] - straight[-2]])
        smooth = 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
        return cls._from(smooth, start + fine)

    @classmethod
    def _from(cls, points: Doubles, along: Doubles) -> Line:
        tangent = _differences(points)
        tangent /= np.hypot(tangent[:, :1], tangent[:, 1:]) + 1e-12
        to_right = np.stack([tangent[:, 1], -tangent[:, 0]], axis=1)
        bend = (_differences(tangent) * to_right).sum(axis=1) / _differences(along)
        return cls(points, along, tangent, bend)

    @property
    def right(self) -> Doubles:
        """Unit vectors to the right of an animal that looks towards the line's beginning, (K, 2)."""
        return np.stack([self.back[:, 1], -self.back[:, 0]], axis=1)

    def frame(self, distance: float) -> tuple[Doubles, Doubles, Doubles]:
        """The place at a distance, and the unit vectors backwards and to the right there."""
        place = np.array([np.interp(distance, self.along, self.points[:, k]) for k in range(2)])
        back = np.array([np.interp(distance, self.along, self.back[:, k]) for k in range(2)])
        back /= np.linalg.norm(back)
        return place, back, np.array((back[1], -back[0]))

    def on_bed(self, across: Floats, along: Floats) -> Doubles:
        """Where places of the map, (N,) to the right and (N,) along the line, lie on the bed: (N, 2)."""
        middle = [np.interp(along, self.along, self.points[:, k]) for k in range(2)]
        right = [np.interp(along, self.along, self.right[:, k]) for k in range(2)]
        norm = np.hypot(*right)
        return np.stack([m + across * r / norm for m, r in zip(middle, right, strict=True)], axis=1)

    def on_map(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Which places of the map lie at the places x, y of the bed: to the right and along the line, as `x`."""
        flat_x, flat_y = np.asarray(x.ravel(), np.float32), np.asarray(y.ravel(), np.float32)
        table = np.stack([*self.points.T, *self.back.T, self.along, self.bend]).astype(np.float32)
        # The nearest point of the line, then the rest of the way along its circle of curvature. Every second point
        # will do; and no matrix product, whose library would wake threads for so small a one.
        some = table[:, ::2] if table.shape[1] > _MANY else table
        far = 0.5 * (some[0] ** 2 + some[1] ** 2) - flat_x[:, None] * some[0]
        far -= flat_y[:, None] * some[1]
        point_x, point_y, back_x, back_y, along, bend = some[:, np.argmin(far, axis=1)]
        off_x, off_y = flat_x - point_x, flat_y - point_y
        towards = off_x * back_x + off_y * back_y
        across = off_x * back_y - off_y * back_x
        turn = np.clip(1.0 - bend * across, 0.35, 3.0)
        shift = towards / turn
        across -= 0.5 * bend * shift**2 * turn
        return across.reshape(x.shape), (along + shift).reshape(x.shape)


def _differences(values: Doubles) -> Doubles:
    """Central differences along the first axis, one-sided at the ends, as of points one step apart."""
    steps = np.empty_like(values)
    steps[1:-1] = 0.5 * (values[2:] - values[:-2])
    steps[0], steps[-1] = values[1] - values[0], values[-1] - values[-2]
    return steps
