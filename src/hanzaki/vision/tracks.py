"""Boxes linked over the frames of a video into tracks: one animal followed for as long as it is seen.

Own code because no library fits: norfair demands NumPy below 2, roboflow's trackers opencv-python (which must not
stand beside opencv-python-headless), motpy and the ports of ByteTrack rest since 2023 or longer, laptrack knows no
scores, and all of them count frames, whereas the frames that are looked at here may lie unevenly in time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from hanzaki.boxes import Box

Doubles = npt.NDArray[np.float64]

# All lengths are in body sizes (square root of the box's area), so that one setting fits a head and a herd.
_JITTER = 0.08  # standard deviation of a box's centre about the animal's
_FIRST_SPEED = 1.5  # of an animal that was seen once, its camera's movement included; a second
_RESTLESS = 2.0  # spectral density of the acceleration, an unsteady hand included: size² / s³
_SIZE_JITTER, _SIZE_CHANGE = 0.2, 0.3  # of the logarithm of a side: at once, and in a second
_REFERENCE = 0.1  # a place known as well as this has no advantage and no penalty
_GATE = 13.3  # the 99% point of chi-square with four degrees of freedom: centre, width and height
_OTHER_LABEL = 4.0  # a detector that sees two kinds in turn is rarer than two animals, but it happens


class Detected(Protocol):
    """What a detector says of one animal in one frame."""

    @property
    def box(self) -> Box:
        """Where, in pixels of the frame."""
        ...

    @property
    def label(self) -> str:
        """What it is."""
        ...

    @property
    def score(self) -> float:
        """How sure the detector is, 0 to 1."""
        ...


class Observation(NamedTuple):
    """An animal in one frame of its track; ``seconds`` are from the video's start."""

    seconds: float
    box: Box
    score: float
    label: str


@dataclass(frozen=True)
class Track:
    """One animal followed through a video.

    Attributes:
        id: number within the video, from 1 in the order of first appearance; those of dropped tracks are left out.
        observations: in the order of time.
    """

    id: int
    observations: tuple[Observation, ...]

    @property
    def label(self) -> str:
        """The label with the greatest sum of scores."""
        sums: dict[str, float] = {}
        for seen in self.observations:
            sums[seen.label] = sums.get(seen.label, 0.0) + seen.score
        return max(sums, key=sums.__getitem__)


def link(
    frames: Iterable[tuple[float, Sequence[Detected]]], *, longest_gap: float = 2.0, least: int = 3
) -> list[Track]:
    """The tracks of a whole video; see :class:`Tracker` for the settings.

    Args:
        frames: seconds from the start, rising, and what was detected then.
        longest_gap: in seconds.
        least: frames that an animal must be seen in.
    """
    tracker = Tracker(longest_gap=longest_gap, least=least)
    for seconds, detections in frames:
        tracker.add(seconds, detections)
    return tracker.tracks()


class Tracker:
    """Links frame after frame as they come.

    ByteTrack (Zhang et al., "ByteTrack: multi-object tracking by associating every detection box", ECCV 2022):
    the sure detections are given to the tracks first, at the least total cost; then the unsure ones to the tracks
    that were seen in the frame before and found none, since an animal half hidden is still there. Only a sure
    detection begins a track. Unlike there, the cost is the negative log likelihood under the Kalman filter's
    prediction instead of an overlap: it needs no overlap where frames are far apart or the camera moves, and
    widens with the time passed.

    Args:
        longest_gap: seconds after which an unseen animal is given up; must exceed the time between frames.
        least: frames that an animal must be seen in; fewer are taken for the detector's phantoms.
        sure: least score of the sure detections.
        unsure: least score of all; what is below is left out.
    """

    def __init__(
        self, *, longest_gap: float = 2.0, least: int = 3, sure: float = 0.5, unsure: float = 0.1
    ) -> None:
        self._longest_gap, self._least, self._sure, self._unsure = longest_gap, least, sure, unsure
        self._all: list[_Followed] = []
        self._live: list[_Followed] = []
        self._now = -math.inf

    def add(self, seconds: float, detections: Sequence[Detected]) -> list[int | None]:
        """Link one more frame.

        Args:
            seconds: from the video's start, later than the frame before.
            detections: of the frame, in any order; boxes without area are passed over.

        Returns:
            The id of the track that each detection belongs to, None for those left out.

        Raises:
            ValueError: if the frame is not later than the one before.
        """
        if not self._now < seconds < math.inf:
            raise ValueError(
                f"the frame at {seconds} s comes after that at {self._now} s: frames must be in order"
            )
        before, self._now = self._now, seconds
        self._live = [one for one in self._live if seconds - one.seen.seconds <= self._longest_gap]
        for one in self._live:
            one.predict(seconds)
        found = [Observation(float(seconds), d.box, d.score, d.label) for d in detections]
        proper = [i for i, seen in enumerate(found) if seen.box.w > 0 and seen.box.h > 0]
        sure = [i for i in proper if found[i].score >= self._sure]
        unsure = [i for i in proper if self._unsure <= found[i].score < self._sure]
        ids: list[int | None] = [None] * len(found)
        linked = _assigned(self._live, [found[i] for i in sure])
        waiting = [one for row, one in enumerate(self._live) if row not in linked and one.seen.seconds == before]
        pairs = [(self._live[row], sure[column]) for row, column in linked.items()]
        pairs += [(waiting[row], unsure[column]) for row, column in
                  _assigned(waiting, [found[i] for i in unsure]).items()]  # fmt: skip
        for one, i in pairs:
            one.update(found[i])
            ids[i] = one.id
        for i in sure:
            if ids[i] is None:
                ids[i] = self._begin(found[i])
        return ids

    def tracks(self) -> list[Track]:
        """The tracks so far that are long enough."""
        return [Track(one.id, tuple(one.all)) for one in self._all if len(one.all) >= self._least]

    def _begin(self, seen: Observation) -> int:
        begun = _Followed(len(self._all) + 1, [seen])
        self._all.append(begun)
        self._live.append(begun)
        return begun.id


@dataclass
class _Followed:
    """A track being made: a Kalman filter of the centre at constant velocity; width and height are as last seen.

    x and y share one covariance, (2, 2) of place and velocity in body sizes, since they are measured alike. The
    acceleration is continuous white noise, so that two short steps are exactly one long step.
    """

    id: int
    all: list[Observation]
    mean: Doubles = field(init=False)  # rows: place and velocity; columns: x and y; pixels
    covariance: Doubles = field(init=False)
    time: float = field(init=False)

    def __post_init__(self) -> None:
        self.mean = np.stack([_centre(self.seen.box), np.zeros(2)])
        self.covariance = np.diag([_JITTER**2, _FIRST_SPEED**2])
        self.time = self.seen.seconds

    @property
    def seen(self) -> Observation:
        """The last that was seen of it."""
        return self.all[-1]

    @property
    def size(self) -> float:
        return math.sqrt(self.seen.box.area)

    def predict(self, seconds: float) -> None:
        """Go on to a later time."""
        step, self.time = seconds - self.time, seconds
        move = np.array([[1.0, step], [0.0, 1.0]])
        noise = _RESTLESS * np.array([[step**3 / 3, step**2 / 2], [step**2 / 2, step]])
        self.mean = move @ self.mean
        self.covariance = move @ self.covariance @ move.T + noise

    def update(self, seen: Observation) -> None:
        """Take in what was seen at the time that was predicted."""
        gain = self.covariance[:, 0] / (self.covariance[0, 0] + _JITTER**2)
        self.mean = self.mean + np.outer(gain, _centre(seen.box) - self.mean[0])
        self.covariance = self.covariance - np.outer(gain, self.covariance[0])
        self.all.append(seen)

    def costs(self, centres: Doubles, sides: Doubles, labels: Sequence[str]) -> Doubles:
        """Twice the negative log likelihood of each of N detections, up to a constant.

        Args:
            centres: (N, 2) in pixels.
            sides: (N, 2), logarithms of width and height.
            labels: N of them.
        """
        variance = self.covariance[0, 0] + _JITTER**2
        away = ((centres - self.mean[0]) ** 2).sum(axis=1) / (variance * self.size**2)
        changed = ((sides - _sides(self.seen.box)) ** 2).sum(axis=1)
        changed /= _SIZE_JITTER**2 + _SIZE_CHANGE**2 * (self.time - self.seen.seconds)
        other = np.array([_OTHER_LABEL * (label != self.seen.label) for label in labels])
        # The uncertain pays for its uncertainty: a track long unseen takes nothing from one just seen, and no
        # uncertainty, however great, links animals more than about two body sizes from where they should be.
        return np.asarray(away + changed + other + 2 * math.log(variance / _REFERENCE**2), np.float64)


def _assigned(tracks: Sequence[_Followed], found: Sequence[Observation]) -> dict[int, int]:
    """Rows of ``tracks`` with the columns of ``found`` that they get at the least total cost.

    To leave a track and a detection alone costs ``_GATE``: what costs more is never linked.
    """
    if not tracks or not found:
        return {}
    centres = np.stack([_centre(seen.box) for seen in found])
    sides = np.stack([_sides(seen.box) for seen in found])
    labels = [seen.label for seen in found]
    costs = np.minimum(np.stack([one.costs(centres, sides, labels) for one in tracks]), _GATE)
    rows, columns = linear_sum_assignment(costs)
    return {int(row): int(column) for row, column in zip(rows, columns, strict=True) if costs[row, column] < _GATE}


def _centre(box: Box) -> Doubles:
    return np.array([box.x + box.w / 2, box.y + box.h / 2], np.float64)


def _sides(box: Box) -> Doubles:
    return np.log([box.w, box.h])
