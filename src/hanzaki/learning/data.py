"""What an embedder learns from: pictures of individuals, a class for each side of each animal of each species."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hanzaki.ahead import ahead
from hanzaki.annotations import Annotations
from hanzaki.boxes import Box
from hanzaki.errors import BadMedium, SettingError
from hanzaki.learning.augment import Augmentation, mirrored
from hanzaki.learning.card import TrainingData
from hanzaki.media import Pixels, load_picture
from hanzaki.settings import settings
from hanzaki.vision.crop import crop, resize
from hanzaki.vision.embedder import standardised
from hanzaki.vision.model import CropConfig

#: What an embedder learns to tell apart: species, identity, side, and whether it is the animal's mirror image.
ClassName = tuple[str, str, str, bool]


@dataclass(frozen=True)
class Picture:
    """One picture to learn from.

    Attributes:
        path: the photograph, or the video.
        box: of the animal in it; None takes the whole.
        label: number of its class.
        mirrored: whether it is shown mirrored.
        frame: of a video, in seconds from its start.
    """

    path: Path
    box: Box | None
    label: int
    mirrored: bool = False
    frame: float | None = None

    @property
    def shown(self) -> _Shown:
        """What it shows, whatever it is called."""
        return self.path, self.frame, self.box


_Shown = tuple[Path, float | None, Box | None]


@dataclass(frozen=True)
class TrainingSet:
    """Pictures and the classes that their labels count.

    Attributes:
        pictures: all of them.
        classes: their names, by label.
    """

    pictures: tuple[Picture, ...]
    classes: tuple[ClassName, ...]

    @property
    def counts(self) -> list[int]:
        """Pictures of each class."""
        counts = np.bincount([picture.label for picture in self.pictures], minlength=len(self.classes))
        return [int(count) for count in counts]

    def described(self, licence: str) -> TrainingData:
        """What a model card says of it; species by name, the first six of many."""
        species = sorted({name[0] for name in self.classes} - {""})
        more = f" and {len(species) - 6} more" if len(species) > 6 else ""
        return TrainingData(
            name=", ".join(species[:6]) + more or "animals",
            licence=licence,
            images=len({picture.shown for picture in self.pictures}),
            individuals=len({name[:2] for name in self.classes}),
            species=len(species) or None,
        )

    def with_others(self, others: TrainingSet) -> TrainingSet:
        """These pictures, then the others; what both call by one name is one class."""
        numbers = {name: number for number, name in enumerate(self.classes)}
        for name in others.classes:
            numbers.setdefault(name, len(numbers))
        relabelled = (
            replace(picture, label=numbers[others.classes[picture.label]]) for picture in others.pictures
        )
        return TrainingSet((*self.pictures, *relabelled), tuple(numbers))


def training_set(tables: Sequence[Annotations], *, mirror: bool = False, least: int = 1) -> TrainingSet:
    """The pictures of all known individuals of all tables, in one label space.

    The two flanks of an animal carry different markings, so that a side is a class of its own (MiewID paper,
    section 3.2). A mirrored flank looks like that of yet another animal: with ``mirror`` every picture of a left
    or right side also stands mirrored, and the animals become twice as many.

    Args:
        tables: with identities; each one's paths start from its own folder.
        mirror: whether pictures of flanks also stand mirrored, as further classes.
        least: pictures that a class must have.

    Raises:
        SettingError: if fewer than two classes are left, between which nothing could be learnt.
    """
    of_class: dict[ClassName, dict[_Shown, None]] = {}  # a row that stands twice counts once
    for table in tables:
        for row in table:
            if row.identity is None:
                continue
            side = row.orientation or ""
            for flipped in (False, True) if mirror and side in _OPPOSITE else (False,):
                shown = _OPPOSITE[side] if flipped else side
                name = (row.species or "", row.identity, shown, flipped)
                of_class.setdefault(name, {})[table.folder / row.path, row.frame, row.bbox] = None
    classes = tuple(sorted(name for name, found in of_class.items() if len(found) >= least))
    if len(classes) < 2:
        raise SettingError(
            f"{len(classes)} individuals with at least {least} pictures are too few: nothing to tell apart"
        )
    pictures = (
        Picture(path, box, label, name[3], frame)
        for label, name in enumerate(classes)
        for path, frame, box in of_class[name]
    )
    return TrainingSet(tuple(pictures), classes)


def kept_aside(
    tables: Sequence[Annotations], share: float, seed: int
) -> tuple[list[Annotations], list[Annotations]]:
    """Keep some individuals aside, whole and of each species alike, to choose by.

    Args:
        tables: with identities.
        share: of the individuals that can be asked about, those with two pictures or more.
        seed: of the choice.

    Returns:
        what is left to learn from, and what was kept aside; one table each for every table given.

    Raises:
        SettingError: if too few individuals are there to keep any aside.
    """
    if not share:
        return list(tables), []
    pictures: Counter[tuple[str, str]] = Counter()
    for table in tables:
        pictures.update((row.species or "", row.identity) for row in table if row.identity is not None)
    aside: set[tuple[str, str]] = set()
    for species in sorted({name[0] for name in pictures}):
        able = sorted(name for name, count in pictures.items() if name[0] == species and count > 1)
        order = np.random.default_rng([seed, 0]).permutation(len(able))
        count = round(share * len(able))
        # one alone could not be mistaken for another, and would flatter
        aside.update(able[place] for place in order[: count if count > 1 else 0])
    if len(aside) < 2:
        raise SettingError(
            f"{len(pictures)} individuals are too few to keep {share:.0%} aside: set data.validation to 0"
        )
    masks = [[(row.species or "", row.identity) in aside for row in table] for table in tables]
    return (
        [_where(table, [not held for held in mask]) for table, mask in zip(tables, masks, strict=True)],
        [_where(table, mask) for table, mask in zip(tables, masks, strict=True)],
    )


def _where(table: Annotations, mask: list[bool]) -> Annotations:
    return Annotations(table.frame[np.array(mask, bool)].reset_index(drop=True), table.source)


_OPPOSITE = {"left": "right", "right": "left"}


class Pictures:
    """Reads pictures as the network sees them, augmented, in batches that are ready before they are asked for.

    A picture follows from ``seed``, epoch and place alone, whatever the number of threads, so that a run that was
    cut off goes on with the very pictures that an undisturbed one would have seen. A picture that cannot be read
    is missing from its batch, and noted in ``bad``.

    Args:
        pictures: what there is.
        look: of the network's input.
        augmentation: None shows every picture as the field would.
        seed: of all chance.
        cache_mb: memory for what was decoded, of the boxes and their surroundings; a small data set fits.
    """

    def __init__(
        self,
        pictures: Sequence[Picture],
        look: CropConfig,
        augmentation: Augmentation | None = None,
        *,
        seed: int = 0,
        cache_mb: float = 1024,
    ) -> None:
        self.pictures, self.look, self.augmentation, self.seed = pictures, look, augmentation, seed
        self.bad: dict[_Shown, BadMedium] = {}
        self._cached: dict[_Shown, _Part] = {}
        self._room = cache_mb * (1 << 20)
        self._lock = threading.Lock()

    def read(self, number: int, dice: np.random.Generator | None = None) -> npt.NDArray[np.float32]:
        """One picture as the network sees it.

        Args:
            number: of the picture.
            dice: chance for the augmentation; None leaves it out.

        Returns:
            float32 (3, H, W).

        Raises:
            BadMedium: if it cannot be read.
        """
        picture = self.pictures[number]
        part = self._part(picture)
        box = part.box.scaled_area(self.look.crop_fraction)
        if self.augmentation is not None and dice is not None:
            framed, degrees = self.augmentation.frame(box, dice)
        else:
            framed, degrees = box, 0.0
        try:
            pixels = resize(_cut(part.pixels, framed, box), self.look.input_size, self.look.resize)
        except ValueError as error:
            raise BadMedium(picture.path, str(error)) from error
        if picture.mirrored:
            pixels = mirrored(pixels)
        if self.augmentation is not None and dice is not None:
            pixels = self.augmentation.pixels(pixels, degrees, dice)
        return standardised(pixels, self.look)

    def batches(
        self, epoch: int, positions: Sequence[npt.NDArray[np.int64]], start: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of an epoch, read ahead of the one who takes them.

        Args:
            epoch: its number, which the augmentation follows from.
            positions: of the pictures of each batch, as a sampler gives them.
            start: how many batches to leave out, for those who come back.

        Yields:
            images float32 (N, 3, H, W) and labels int64 (N,) of the pictures that can be read, N may be 0.
        """
        wanted = (
            (number, np.random.default_rng([self.seed, epoch, step, slot]))
            for step, batch in enumerate(positions[start:], start)
            for slot, number in enumerate(batch.tolist())
        )
        largest = max((len(batch) for batch in positions), default=1)
        read = ahead(self._read_with_label, wanted, settings().threads, waiting=2 * largest)
        for batch in positions[start:]:
            found = [(image, label) for image, label in islice(read, len(batch)) if image is not None]
            images = np.stack([image for image, _ in found]) if found else np.empty((0, 3, 1, 1), np.float32)
            yield torch.from_numpy(images), torch.tensor([label for _, label in found], dtype=torch.int64)

    def _read_with_label(
        self, wanted: tuple[int, np.random.Generator]
    ) -> tuple[npt.NDArray[np.float32] | None, int]:
        number, dice = wanted
        return self.read_or_note(number, dice), self.pictures[number].label

    @property
    def all_bad(self) -> bool:
        """Whether none of the pictures can be read."""
        return len(self.bad) == len({one.shown for one in self.pictures})

    def read_or_note(self, number: int, dice: np.random.Generator | None = None) -> npt.NDArray[np.float32] | None:
        """As :meth:`read`; None, and a note in ``bad``, for a picture that cannot be read."""
        picture = self.pictures[number]
        key = picture.shown  # another animal of the same photograph may have a better box
        if key in self.bad:
            return None
        try:
            return self.read(number, dice)
        except BadMedium as bad:
            with self._lock:
                self.bad[key] = bad
            return None

    def _part(self, picture: Picture) -> _Part:
        """The part of a photograph that any framing of its animal needs, from memory if it is there."""
        key = picture.shown
        part = self._cached.get(key)
        if part is not None:
            return part
        photograph = load_picture(picture.path, picture.frame, settings().max_megapixels)
        part = _around(photograph, picture.box, 0.0 if self.augmentation is None else self.augmentation.reach)
        with self._lock:
            if part.pixels.nbytes <= self._room and key not in self._cached:
                self._room -= part.pixels.nbytes
                self._cached[key] = part
        return part


def _cut(pixels: Pixels, framed: Box, box: Box) -> Pixels:
    """What a framing shows; the animal's own box where the framing missed what little of it is in the picture."""
    try:
        return crop(pixels, framed)
    except ValueError:
        return crop(pixels, box)


_BESIDE = 4  # pixels beside a turned box that its edge's pixels are made of, and one


@dataclass(frozen=True)
class _Part:
    """A cut-out of a photograph, and where the animal's box lies in it."""

    pixels: Pixels
    box: Box


def _around(photograph: Pixels, box: Box | None, reach: float) -> _Part:
    """What lies within ``reach`` sides of the box; a copy, so that the rest can be forgotten.

    It begins at even places, where the rounding of halves to even numbers falls as it does in the photograph.
    """
    height, width = photograph.shape[:2]
    box = Box(0, 0, width, height) if box is None else box
    x, y, w, h, _ = box.upright
    if box.theta:
        x, y, w, h = x - _BESIDE, y - _BESIDE, w + 2 * _BESIDE, h + 2 * _BESIDE
    left = min(max(0, math.floor(x - reach * w)), width - 1) & ~1
    top = min(max(0, math.floor(y - reach * h)), height - 1) & ~1
    right = max(min(width, math.ceil(x + w * (1 + reach))), left + 1)
    bottom = max(min(height, math.ceil(y + h * (1 + reach))), top + 1)
    across = max(-x, x + w - width) + reach * w
    down = max(-y, y + h - height) + reach * h
    # how far a box may reach over the edge is measured by the photograph, not by the little of it that is inside
    if not box.meets(width, height) or across > right - left or down > bottom - top:
        return _Part(photograph, box)
    part = photograph[top:bottom, left:right]
    return _Part(
        part if part.size == photograph.size else part.copy(), box._replace(x=box.x - left, y=box.y - top)
    )


class _Pictured(Protocol):
    @property
    def path(self) -> Path: ...
    @property
    def frame(self) -> float | None: ...


def readable(pictures: Iterable[_Pictured]) -> Iterator[Pixels]:
    """Those of the photographs that can be read, decoded one after another."""
    for picture in pictures:
        with suppress(BadMedium):
            yield load_picture(picture.path, picture.frame, settings().max_megapixels)
