"""The best frames of a track: good ones that differ from each other, since two alike say no more than one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.boxes import Box
from hanzaki.vision.crop import Pixels

Floats = npt.NDArray[np.float32]
Look = npt.NDArray[np.float32]

_LOOK = 16  # pixels a side of the thumbnail that two frames are compared by
_SOON = 1.0  # seconds in which the animal's pose becomes 63% another
_POSE = 0.3  # change of the logarithm of the box's aspect ratio or size that does so
_QUALITY = 0.6  # what quality counts for against difference
_WORSE = 0.5  # share of the best frame's quality below which a frame is not chosen, however different
_KEPT = 48  # frames among which is chosen; a kilobyte each


@dataclass(frozen=True, eq=False)
class Candidate:
    """A frame that may be chosen.

    Attributes:
        seconds: from the video's start.
        box: of the animal, in pixels of the frame.
        quality: 0 to 1, as :attr:`hanzaki.vision.quality.Quality.score`.
        look: float32 (D,) of length one, or all zeros, as :func:`look_of` makes it.
    """

    seconds: float
    box: Box
    quality: float
    look: Look


def look_of(crop: Pixels) -> Look:
    """What a picture looks like at a glance: float32 (256,), brightness and contrast taken off, of length one.

    A picture without any contrast gives zeros, which are like nothing else.
    """
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    look = cv2.resize(grey, (_LOOK, _LOOK), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    look -= look.mean()
    length = float(np.linalg.norm(look))
    return np.asarray(look / length if length > 1.0 else np.zeros_like(look), np.float32)


def alike(one: Candidate, others: Sequence[Candidate]) -> Floats:
    """How alike a frame is to each of N others, float32 (N,), 0 to 1 and 1 for itself.

    The product of how alike they look (their thumbnails' correlation), how near they are in time, and how like the
    boxes are in aspect ratio and size: what differs in one of them differs. Looks count in full, the other two by
    half, because an animal that lies still shows the same after a minute.
    """
    if not others:
        return np.zeros(0, np.float32)
    looks = np.clip(np.stack([other.look for other in others]) @ one.look, 0, 1)
    apart = np.abs(np.array([other.seconds for other in others]) - one.seconds)
    turned = np.abs(np.stack([_pose(other.box) for other in others]) - _pose(one.box)).sum(axis=1)
    near = 0.5 + 0.5 * np.exp(-apart / _SOON)
    posed = 0.5 + 0.5 * np.exp(-turned / _POSE)
    return np.asarray(looks * near * posed, np.float32)


def choose(qualities: Floats, likeness: Floats, k: int) -> list[int]:
    """Positions of at most ``k`` frames by maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998).

    The best frame comes first; then, again and again, the one of the most quality that is least like those chosen
    already. Frames of less than half the best one's quality are left out, so that fewer than ``k`` may come.

    Args:
        qualities: (N,), 0 to 1.
        likeness: (N, N), 0 to 1.
        k: how many are wanted.
    """
    if not len(qualities):
        return []
    open_ = qualities >= _WORSE * qualities.max()
    nearest = np.zeros(len(qualities), np.float32)
    chosen: list[int] = []
    while len(chosen) < k and open_.any():
        worth = np.where(open_, _QUALITY * qualities - (1 - _QUALITY) * nearest, -np.inf)
        best = int(worth.argmax())
        chosen.append(best)
        open_[best] = False
        nearest = np.maximum(nearest, likeness[best])
    return chosen


class BestFrames:
    """Chooses the best frames of one track from candidates that come one after another.

    Only thumbnails are kept, of a bounded number of candidates: the pixels of the chosen frames are read again
    from the video. While no more than that number came, the choice is that of :func:`choose` among all of them.

    Args:
        k: how many frames are wanted.
        kept: candidates that are kept at most.

    Raises:
        ValueError: if none are wanted, or fewer kept than wanted.
    """

    def __init__(self, k: int, *, kept: int = _KEPT) -> None:
        if not 1 <= k <= kept:
            raise ValueError(
                f"the best {k} frames cannot be chosen from {kept}: ask for at least one and keep more"
            )
        self._k, self._most = k, kept
        self._kept: list[Candidate] = []
        self._likeness = np.zeros((0, 0), np.float32)

    def __len__(self) -> int:
        """How many candidates are kept."""
        return len(self._kept)

    def offer(self, seconds: float, box: Box, quality: float, look: Look) -> None:
        """Take one more frame into account.

        Args:
            seconds: from the video's start.
            box: of the animal, in pixels of the frame.
            quality: 0 to 1.
            look: float32 (D,), of :func:`look_of` of the animal's crop.
        """
        new = Candidate(seconds, box, quality, look)
        row = alike(new, self._kept)[None]
        self._likeness = np.block([[self._likeness, row.T], [row, np.ones((1, 1), np.float32)]])
        self._kept.append(new)
        if len(self._kept) > self._most:
            self._drop()

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Those that may still be chosen."""
        return tuple(self._kept)

    def chosen(self) -> list[Candidate]:
        """At most ``k`` candidates, the best first, then in the order in which they add most."""
        return [self._kept[i] for i in choose(self._qualities(), self._likeness, self._k)]

    def _qualities(self) -> Floats:
        return np.array([one.quality for one in self._kept], np.float32)

    def _drop(self) -> None:
        """Forget the candidate that is least missed: a bad one, or one much like a better one that stays."""
        qualities = self._qualities()
        order = np.lexsort((np.arange(len(qualities)), -qualities))
        rank = np.empty(len(order), np.intp)
        rank[order] = np.arange(len(order))
        better = rank[None, :] < rank[:, None]
        doubled = np.where(better, self._likeness, 0).max(axis=1)
        worth = _QUALITY * qualities - (1 - _QUALITY) * doubled
        least = int(worth.argmin())
        del self._kept[least]
        self._likeness = np.delete(np.delete(self._likeness, least, axis=0), least, axis=1)


def _pose(box: Box) -> npt.NDArray[np.float64]:
    """Logarithms of aspect ratio and size."""
    return np.log([box.w / box.h, np.sqrt(box.w * box.h)])
