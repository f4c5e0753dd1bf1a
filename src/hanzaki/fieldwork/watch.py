"""A video watched: the animals in it, each followed from frame to frame, with the frames that show it best."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hanzaki.ahead import ahead, batches, beside
from hanzaki.boxes import Box
from hanzaki.media import Frame, Pixels, read_frames
from hanzaki.settings import settings
from hanzaki.vision.best import BestFrames, Look, look_of
from hanzaki.vision.crop import crop
from hanzaki.vision.detector import Detection, Detector, PreparedPhoto
from hanzaki.vision.model import find_model, load_detector_model
from hanzaki.vision.quality import Quality, assess
from hanzaki.vision.tracks import Tracker

#: Frames a second that are looked at, as in the salamander paper.
RATE = 10.0

#: Frames of each animal that are described.
BEST = 5

_UNSURE = 0.1  # a detection of so little score counts where it goes on with a track that was sure
_SURELY = 0.25  # share of a track's frames in which the detector must be sure
_BATCH = 8  # frames
_KEPT = 4  # times the frames that are wanted: so many of each animal stay in memory to choose from


def load_watcher(which: Path | str) -> Detector:
    """A detector that also gives what it is unsure of, for :func:`watch` to go on with.

    Args:
        which: a shipped model's name, or a model folder.

    Raises:
        ModelError: if it is neither, or finds no animals.
    """
    model = load_detector_model(find_model(which))
    unsure = min(_UNSURE, model.config.threshold)
    return Detector(model, settings().runtime, settings().threads, unsure)


@dataclass(frozen=True)
class Glimpse:
    """One frame of an animal: when, where, how surely, how well to be seen, and the pixels within the box."""

    seconds: float
    box: Box
    score: float
    quality: Quality
    pixels: Pixels = field(repr=False, compare=False)


@dataclass(frozen=True)
class Sighting:
    """One animal followed through a video.

    Attributes:
        label: what the detector calls it.
        boxes: seconds, box in pixels and score, frame by frame.
        best: the frames that show it best and differ from each other, by time.
    """

    label: str
    boxes: tuple[tuple[float, Box, float], ...]
    best: tuple[Glimpse, ...]

    @property
    def weight(self) -> float:
        """How much of the video it takes up: its area, frame by frame."""
        return sum(box.area for _, box, _ in self.boxes)


@dataclass(frozen=True)
class Watched:
    """What was seen in a video.

    Attributes:
        sightings: the most prominent animal first.
        frames: that were looked at.
        trouble: what kept the rest of the video from being read, if anything did.
    """

    sightings: tuple[Sighting, ...]
    frames: int
    trouble: str | None


def watch(
    path: Path,
    detector: Detector,
    *,
    rate: float = RATE,
    best: int = BEST,
    told: Callable[[float], None] = lambda _: None,
) -> Watched:
    """Find the animals of a video and follow them.

    Small pictures of the frames go through the detector; whole frames are looked at where an animal was found.

    Args:
        path: the video.
        detector: of :func:`load_watcher`.
        rate: frames a second to look at.
        best: frames of each animal to choose.
        told: is told how many seconds have been watched.

    Raises:
        BadMedium: if nothing of the video can be read.
    """
    threads = settings().threads
    reader = read_frames(path, rate, max_megapixels=settings().max_megapixels, threads=threads)
    side = max(detector.model.config.input_size)

    def prepare(frame: Frame) -> tuple[Frame, float, PreparedPhoto]:
        small = frame.pixels(longest_side=side)
        return frame, frame.size[0] / small.shape[1], detector.prepare(small)

    following = _Following(detector.model.config.threshold, best)

    def followed() -> Iterator[_Seen]:
        for batch in batches(beside(ahead(prepare, reader, threads), 2 * _BATCH), _BATCH):
            found = detector.detect([prepared for _, _, prepared in batch])
            for (frame, scale, _), detections in zip(batch, found, strict=True):
                yield following.follow(frame, [_enlarged(detection, scale) for detection in detections])

    frames = 0
    for frame, glimpses in ahead(_look_closer, followed(), threads):
        following.keep(glimpses)
        frames += 1
        told(frame.seconds)
    return Watched(following.sightings(), frames, reader.trouble)


#: A frame, and the track of each animal in it.
_Seen = tuple[Frame, list[tuple[int, Detection]]]


def _look_closer(seen: _Seen) -> tuple[Frame, list[tuple[int, Glimpse, Look]]]:
    """The animals of a frame in full size; the frame is decoded to pixels if there are any."""
    frame, animals = seen
    if not animals:
        return frame, []
    image = frame.pixels()
    glimpses = []
    for track, detection in animals:
        pixels = crop(image, detection.box).copy()
        quality = assess(pixels, detection.box, frame.size)
        glimpse = Glimpse(frame.seconds, detection.box, detection.score, quality, pixels)
        glimpses.append((track, glimpse, look_of(pixels)))
    return frame, glimpses


class _Following:
    """The tracks of a video being watched, and the best frames of each."""

    def __init__(self, sure: float, best: int) -> None:
        self._sure = sure
        self._tracker = Tracker(sure=sure, unsure=min(sure, _UNSURE))
        self._wanted = best
        self._best: dict[int, BestFrames] = {}
        self._glimpses: dict[int, dict[float, Glimpse]] = {}

    def follow(self, frame: Frame, detections: Sequence[Detection]) -> _Seen:
        """Which track each detection of the next frame belongs to; those that belong to none are left out."""
        tracks = self._tracker.add(frame.seconds, detections)
        pairs = zip(tracks, detections, strict=True)
        return frame, [(track, detection) for track, detection in pairs if track is not None]

    def keep(self, glimpses: Sequence[tuple[int, Glimpse, Look]]) -> None:
        """Keep those glimpses that may be among the best of their tracks."""
        for track, glimpse, look in glimpses:
            best = self._best.setdefault(track, BestFrames(self._wanted, kept=_KEPT * self._wanted))
            best.offer(glimpse.seconds, glimpse.box, glimpse.quality.score, look)
            kept = self._glimpses.setdefault(track, {})
            kept[glimpse.seconds] = glimpse
            for seconds in kept.keys() - {candidate.seconds for candidate in best.candidates}:
                del kept[seconds]

    def sightings(self) -> tuple[Sighting, ...]:
        """Of each track, the most prominent first.

        A track of which the detector was sure in fewer than a quarter of the frames is taken for something that
        looked like an animal for a moment; an animal goes behind a stone or half out of the picture for longer.
        """
        found = [
            Sighting(
                track.label,
                tuple((seen.seconds, seen.box, seen.score) for seen in track.observations),
                tuple(
                    self._glimpses[track.id][chosen.seconds]
                    for chosen in sorted(self._best[track.id].chosen(), key=lambda one: one.seconds)
                ),
            )
            for track in self._tracker.tracks()
            if sum(seen.score >= self._sure for seen in track.observations) >= _SURELY * len(track.observations)
        ]
        return tuple(sorted(found, key=lambda sighting: -sighting.weight))


def _enlarged(detection: Detection, scale: float) -> Detection:
    x, y, w, h, theta = detection.box
    return replace(detection, box=Box(x * scale, y * scale, w * scale, h * scale, theta))
