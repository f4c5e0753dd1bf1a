"""Reading scenes as a detector's network sees them, augmented, ahead of the one who takes them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hanzaki.ahead import ahead
from hanzaki.errors import BadMedium
from hanzaki.learning.detector.augment import SceneAugmentation
from hanzaki.learning.detector.data import Scene, corners_of
from hanzaki.media import Pixels, load_picture
from hanzaki.settings import settings
from hanzaki.vision.crop import letterbox
from hanzaki.vision.detector import PreparedPhoto, prepared
from hanzaki.vision.embedder import standardised
from hanzaki.vision.model import DetectorConfig

_SPARE = 2  # times the input's sides that are kept of a photograph, so that a window of it is still sharp
_SHAPES = ((1, 1), (4, 3), (16, 9), (3, 4), (9, 16))  # of cameras' pictures

Truth = npt.NDArray[np.float32]

_Key = tuple[Path, float | None]


class ReadScenes:
    """Reads scenes; a picture's look follows from ``seed``, epoch and place alone, as in an embedder's training.

    Args:
        scenes: what there is.
        look: of the network's input.
        augmentation: None shows every scene as the field would.
        seed: of all chance.
        cache_mb: memory for what was decoded.

    Attributes:
        bad: pictures that could not be read.
    """

    def __init__(
        self,
        scenes: Sequence[Scene],
        look: DetectorConfig,
        augmentation: SceneAugmentation | None = None,
        *,
        seed: int = 0,
        cache_mb: float = 1024,
    ) -> None:
        self.scenes, self.look, self.augmentation, self.seed = scenes, look, augmentation, seed
        self.bad: dict[_Key, BadMedium] = {}
        self._cached: dict[_Key, tuple[Pixels, float]] = {}
        self._room = cache_mb * (1 << 20)
        self._lock = threading.Lock()

    @property
    def all_bad(self) -> bool:
        """Whether none of the pictures can be read."""
        return len(self.bad) == len({scene.key for scene in self.scenes})

    def photo(self, number: int) -> PreparedPhoto | None:
        """A scene as the field sees it; None, and a note in ``bad``, where it cannot be read."""
        key = self.scenes[number].key
        try:
            return prepared(load_picture(*key, settings().max_megapixels), self.look)
        except BadMedium as bad:
            self._note(key, bad)
            return None

    def read(
        self, number: int, dice: np.random.Generator, size: tuple[int, int] | None = None
    ) -> tuple[npt.NDArray[np.float32], Truth]:
        """A scene as the network learns from it.

        Args:
            number: of the scene.
            dice: chance for the augmentation.
            size: width and height of the input, where they differ from what the network's config says.

        Returns:
            float32 (3, H, W), and (M, 5), x1 y1 x2 y2 in pixels of the input and the number of the label.

        Raises:
            BadMedium: if it cannot be read.
        """
        scene = self.scenes[number]
        pixels, scale = self._pixels(scene.key)
        corners = scale * np.array([corners_of(box) for box in scene.boxes], np.float64).reshape(-1, 4)
        labels = np.array(scene.labels, np.float64)
        corners = np.clip(corners, 0, [pixels.shape[1], pixels.shape[0]] * 2)
        if self.augmentation is not None:
            pixels, corners, there = self.augmentation.scene(pixels, corners, self.look.padding, dice)
            corners, labels = corners[there], labels[there]
        config = self.look
        boxed, placement = letterbox(
            pixels, size or config.input_size, padding=config.padding, interpolation=config.interpolation
        )
        if self.augmentation is not None:
            boxed = self.augmentation.pixels(boxed, 0.0, dice)
        corners = placement.to_input(corners)
        wide = (corners[:, 2:] - corners[:, :2]).min(axis=1, initial=np.inf) >= 1  # less cannot be seen
        truth = np.column_stack([corners, labels])[wide].astype(np.float32)
        return standardised(boxed, config), truth

    def batches(
        self, epoch: int, positions: Sequence[npt.NDArray[np.int64]], start: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of an epoch, read ahead of the one who takes them.

        A network that takes inputs of any size learns from several, a batch from one of them.

        Args:
            epoch: its number, which the augmentation follows from.
            positions: of the scenes of each batch, as a sampler gives them.
            start: how many batches to leave out, for those who come back.

        Yields:
            images float32 (N, 3, H, W) and their boxes float32 (N, M, 5) as :meth:`read` gives them, filled up
            with rows of label -1; of the scenes that can be read, N may be 0.
        """
        wanted = (
            (number, np.random.default_rng([self.seed, epoch, step, slot]), size)
            for step, batch in enumerate(positions[start:], start)
            for size in [self._size(np.random.default_rng([self.seed, epoch, step]))]
            for slot, number in enumerate(batch.tolist())
        )
        largest = max((len(batch) for batch in positions), default=1)
        found = ahead(self._read_or_note, wanted, settings().threads, waiting=2 * largest)
        for batch in positions[start:]:
            yield _stacked([one for one in islice(found, len(batch)) if one is not None])

    def _size(self, dice: np.random.Generator) -> tuple[int, int]:
        """Width and height that a batch is shown in: a square's, or a camera's, lying or upright."""
        across, down = _SHAPES[dice.integers(len(_SHAPES))]
        return self.look.size_for(across, down)

    def _read_or_note(
        self, wanted: tuple[int, np.random.Generator, tuple[int, int]]
    ) -> tuple[npt.NDArray[np.float32], Truth] | None:
        number, dice, size = wanted
        key = self.scenes[number].key
        if key in self.bad:
            return None
        try:
            return self.read(number, dice, size)
        except BadMedium as bad:
            self._note(key, bad)
            return None

    def _note(self, key: _Key, bad: BadMedium) -> None:
        with self._lock:
            self.bad[key] = bad

    def _pixels(self, key: _Key) -> tuple[Pixels, float]:
        """A photograph, no larger than is needed, and the scale that it has."""
        kept = self._cached.get(key)
        if kept is not None:
            return kept
        photograph = load_picture(*key, settings().max_megapixels)
        if self.augmentation is None:
            return photograph, 1.0
        kept = _shrunk(photograph, _SPARE * max(self.look.input_size))
        with self._lock:
            if kept[0].nbytes <= self._room and key not in self._cached:
                self._room -= kept[0].nbytes
                self._cached[key] = kept
        return kept


def _shrunk(photograph: Pixels, longest: int) -> tuple[Pixels, float]:
    height, width = photograph.shape[:2]
    scale = longest / max(width, height)
    if scale >= 1:
        return photograph, 1.0
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(photograph, size, interpolation=cv2.INTER_AREA), np.uint8), scale


def _stacked(found: Sequence[tuple[npt.NDArray[np.float32], Truth]]) -> tuple[Tensor, Tensor]:
    most = max((len(truth) for _, truth in found), default=0)
    boxes = np.full((len(found), most, 5), -1, np.float32)
    for place, (_, truth) in enumerate(found):
        boxes[place, : len(truth)] = truth
    images = np.stack([image for image, _ in found]) if found else np.empty((0, 3, 1, 1), np.float32)
    return torch.from_numpy(images), torch.from_numpy(boxes)
