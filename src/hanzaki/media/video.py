"""Videos: a file to frames, by time."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from copy import copy
from fractions import Fraction
from math import floor, inf
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation

from hanzaki.errors import BadMedium, SettingError
from hanzaki.media.container import (
    Matrix,
    Opened,
    aspect,
    display_matrix,
    displayed_size,
    end_trouble,
    is_sideways,
    opened,
)
from hanzaki.media.decoding import Run, Unsound, Wanted
from hanzaki.media.photo import Pixels

#: Seconds by which time stamps may differ and be one: containers round them to a thousandth or so.
_TOLERANCE = 0.0005

_THREADS = 2
_FAR = 2.0  # seconds without a frame that is wanted, from which on it may pay to seek
_VERY_FAR = 10.0  # the same, where the container does not tell where its key frames are


class Frame:
    """One frame of a video; good for as long as it is kept, and takes 1.5 bytes a pixel for as long.

    Attributes:
        seconds: presentation time from the stream's start; :func:`frame_at` finds the frame again by it.
    """

    __slots__ = ("_aspect", "_matrix", "_picture", "seconds")

    def __init__(self, seconds: float, picture: VideoFrame, pixel_aspect: Fraction, matrix: Matrix) -> None:
        self.seconds = seconds
        self._picture = picture
        self._aspect = pixel_aspect
        self._matrix = matrix

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as displayed."""
        return displayed_size(self._picture, self._aspect, self._matrix)

    def pixels(self, longest_side: int | None = None) -> Pixels:
        """The frame as it is displayed.

        Args:
            longest_side: a larger frame is shrunk to this, which is cheaper than shrinking its pixels afterwards.

        Returns:
            uint8 (H, W, 3), RGB.
        """
        width, height = self.size
        scale = min(1.0, (longest_side or inf) / max(width, height))
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
        if is_sideways(self._matrix):
            width, height = height, width
        rgb = self._picture.to_ndarray(
            width=width,
            height=height,
            format="rgb24",
            interpolation=Interpolation.AREA if scale < 1 else Interpolation.BILINEAR,
            dst_color_range="JPEG",
            threads=1,
        )
        return _turned(np.asarray(rgb, dtype=np.uint8), self._matrix)


class _Ticks:
    """The first frame at or after each tick of a clock, from ``start`` until before ``end``."""

    def __init__(self, rate: float, start: float, end: float | None) -> None:
        self.rate, self.start, self.end = rate, start, inf if end is None else end
        self.tick = 0
        self.missed: float | None = None

    def next(self) -> float | None:
        time = self.start + self.tick / self.rate
        return time if time < self.end - _TOLERANCE else None

    def takes(self, seconds: float) -> bool:
        time = self.next()
        if time is None or seconds < time - _TOLERANCE:
            return False
        if seconds >= self.end - _TOLERANCE:
            self.end = -inf  # no later frame comes before the end
            return False
        self.tick = floor((seconds + _TOLERANCE - self.start) * self.rate) + 1
        return True


class _Times:
    """The frames of given times."""

    def __init__(self, times: Iterable[float]) -> None:
        self.times = sorted(set(times))
        self.at = 0
        self.missed: float | None = None

    def next(self) -> float | None:
        return self.times[self.at] if self.at < len(self.times) else None

    def takes(self, seconds: float) -> bool:
        time = self.next()
        if time is None or seconds < time - _TOLERANCE:
            return False
        if seconds > time + _TOLERANCE:
            self.missed = time
            return False
        self.at += 1
        return True


class FrameReader:
    """The wanted frames of one video, in the order of time; look at ``trouble`` after iterating.

    Memory is that of a few frames, whatever the length of the video. Packets that the decoder finds damaged are
    passed over, with what is made from them; a truncated video gives what can be read of it. Which frames come,
    and their pixels, depend neither on the number of threads nor on where in the video reading began. Iterating
    again reads the video again.

    Attributes:
        trouble: None, or what was found wrong while reading, as "truncated after 3.2 of 10.0 seconds".
    """

    def __init__(self, path: Path, wanted: Wanted, max_megapixels: float, threads: int) -> None:
        self.path = path
        self.trouble: str | None = None
        self._all_wanted = wanted
        self._wanted = wanted
        self._max_megapixels = max_megapixels
        self._threads = threads
        self._reached: float | None = None
        self._futile = False

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames.

        Raises:
            BadMedium: if the video cannot be opened, or if nothing of it can be decoded.
        """
        self.trouble = None
        self._wanted = copy(self._all_wanted)
        try:
            yield from self._read(seeking=True)
        except Unsound:
            yield from self._read(seeking=False)

    def missing(self) -> float | None:
        """The time of the first wanted frame that has not come, if any."""
        return self._wanted.next()

    def _read(self, seeking: bool) -> Iterator[Frame]:
        self._reached, self._futile, self._wanted.missed = None, False, None
        damaged = 0
        with opened(self.path, self._max_megapixels) as video:
            video.stream.thread_type = "AUTO"
            video.stream.thread_count = self._threads
            at_end = False
            while not (at_end or self._done()):
                since = self._wanted.next() if seeking and self._worth_seeking(video) else None
                run = Run(video, self._wanted, since)
                self._futile = run.key is not None and video.seconds(run.key) <= (self._reached or 0.0)
                at_end = yield from self._frames(run, seeking)
                damaged += run.damaged
                if at_end and run.key is None and self._reached is None:
                    raise BadMedium(self.path, "damaged: none of its frames can be decoded")
                self.trouble = self._trouble(run, damaged, at_end)

    def _frames(self, run: Run, seeking: bool) -> Generator[Frame, None, bool]:
        """The wanted frames of a run until it pays to seek; returns whether the end of the file was reached."""
        unproven = run.key is not None
        before = copy(self._wanted)
        shape = aspect(run.video.stream)
        matrix = None
        for stamp, picture in run:
            matrix = matrix or display_matrix(picture)
            seconds = run.video.seconds(stamp)
            self._reached = max(seconds, self._reached or 0.0)
            taken = self._wanted.takes(seconds)
            if unproven and (taken or self._done()):
                if stamp != run.first:
                    self._wanted = before
                    raise Unsound
                unproven = False
            if taken:
                yield Frame(seconds, picture, shape, matrix)
            if self._done() or (taken and seeking and self._worth_seeking(run.video)):
                return False
        if unproven and run.first is not None:
            raise Unsound
        return True

    def _done(self) -> bool:
        return self._wanted.next() is None or self._wanted.missed is not None

    def _worth_seeking(self, video: Opened) -> bool:
        """Whether a key frame lies far enough ahead, before what is wanted next."""
        since, here = self._wanted.next() or 0.0, self._reached or 0.0
        if since - here <= _FAR:
            return False
        if self._reached is None or (since - here > _VERY_FAR and not self._futile):
            return True
        index = video.stream.index_entries
        place = index.search_timestamp(video.origin + round(Fraction(since) / video.unit))
        return place >= 0 and video.seconds(index[place].timestamp) > here + _FAR / 2

    def _trouble(self, run: Run, damaged: int, at_end: bool) -> str | None:
        reached = self._reached or 0.0
        said = []
        if at_end and (lacking := end_trouble(run.video, reached)) is not None:
            said.append(lacking)
            damaged -= 1  # the packet that was cut through
        elif at_end and run.broken:
            said.append(f"damaged: cannot be read beyond {reached:.1f} seconds")
        if damaged > 0:
            said.append(f"damaged: {damaged} of its frames are passed over")
        return "; ".join(said) or None


def read_frames(
    path: Path,
    rate: float = 10.0,
    start: float = 0.0,
    end: float | None = None,
    *,
    max_megapixels: float,
    threads: int = _THREADS,
) -> FrameReader:
    """A video's frames at a steady rate: the first at or after each tick, and none of them twice.

    Ticks are ``start``, ``start + 1 / rate`` and so on; frames are placed by their time stamps, so a video of
    variable frame rate is read right, and one of fewer than ``rate`` frames a second is read whole. A thousandth
    of a second, which is how containers round, makes no frame late.

    Args:
        path: the video.
        rate: ticks a second.
        start: seconds from the stream's start.
        end: seconds from the stream's start; a frame at ``end`` belongs to the next part. None for all.
        max_megapixels: a video of which one frame unpacks to more is refused.
        threads: that decode.

    Raises:
        SettingError: if the rate is not above 0.
        BadMedium: when iterated, if the video cannot be opened, or if nothing of it can be decoded.
    """
    if not 0 < rate < inf:
        raise SettingError(f"the number of frames a second must be above 0, not {rate:g}")
    return FrameReader(path, _Ticks(rate, start, end), max_megapixels, threads)


def frames_at(
    path: Path, times: Iterable[float], max_megapixels: float, threads: int = _THREADS
) -> Iterator[tuple[float, Pixels]]:
    """The frames of given times, exactly as :func:`read_frames` gave them, in one pass.

    Args:
        path: the video.
        times: :attr:`Frame.seconds` of each, in any order, to half a thousandth of a second.
        max_megapixels: a video of which one frame unpacks to more is refused.
        threads: that decode.

    Yields:
        time and pixels, uint8 (H, W, 3), in the order of time, each time once.

    Raises:
        BadMedium: if the video cannot be opened, or if it has no frame at one of the times.
    """
    reader = FrameReader(path, _Times(times), max_megapixels, threads)
    for frame in reader:
        yield frame.seconds, frame.pixels()
    if (time := reader.missing()) is not None:
        trouble = f" ({reader.trouble})" if reader.trouble else ""
        raise BadMedium(path, f"has no frame at {time:.3f} seconds{trouble}")


def frame_at(path: Path, seconds: float, max_megapixels: float, threads: int = _THREADS) -> Pixels:
    """One frame, exactly as :func:`read_frames` gave it.

    Returns:
        uint8 (H, W, 3), RGB, as displayed.

    Raises:
        BadMedium: as :func:`frames_at`.
    """
    return next(pixels for _, pixels in frames_at(path, [seconds], max_megapixels, threads))


def _turned(pixels: Pixels, matrix: Matrix) -> Pixels:
    """Pixels as displayed, by quarter turns and mirrorings."""
    a, b, c, d = matrix
    if abs(b) > abs(a):
        pixels = pixels.transpose(1, 0, 2)
        right, down = c, b
    else:
        right, down = a, d
    pixels = pixels[:: -1 if down < 0 else 1, :: -1 if right < 0 else 1]
    return np.ascontiguousarray(pixels)
