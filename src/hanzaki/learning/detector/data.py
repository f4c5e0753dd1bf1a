"""What a detector learns from: photographs with all the boxes that were drawn in them."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hanzaki.annotations import AnnotationRow, Annotations
from hanzaki.boxes import Box
from hanzaki.errors import BadMedium, SettingError, printable
from hanzaki.evaluation.encounters import frame_of
from hanzaki.learning.card import TrainingData
from hanzaki.learning.detector.config import Unit
from hanzaki.media import SUFFIXES, read

#: What a box shows of which nobody said it.
ANIMAL = "animal"

#: What a table may know of its pictures, in the order in which ``auto`` looks for it.
_UNITS: tuple[Unit, ...] = ("identity", "encounter", "video", "date")


@dataclass(frozen=True)
class Scene:
    """A photograph with everything that is to be found in it.

    Attributes:
        path: of the photograph, or the video.
        boxes: upright.
        labels: number of each box's label.
        frame: of a video, in seconds from its start.
        units: of what the picture may be kept aside with: names by kind; a kind that is not known is missing.
    """

    path: Path
    boxes: tuple[Box, ...] = ()
    labels: tuple[int, ...] = ()
    frame: float | None = None
    units: dict[str, frozenset[Hashable]] = field(default_factory=dict, compare=False)

    @property
    def key(self) -> tuple[Path, float | None]:
        """What tells it from others."""
        return self.path, self.frame


@dataclass(frozen=True)
class Scenes:
    """Scenes and the labels that their boxes count.

    Attributes:
        scenes: ordered by file name.
        labels: their names, by number.
        left_out: pictures of which a table knows an animal, but not where.
    """

    scenes: tuple[Scene, ...]
    labels: tuple[str, ...]
    left_out: int = 0

    def described(self, licence: str) -> TrainingData:
        """What a model card says of it."""
        counts = Counter(self.labels[label] for scene in self.scenes for label in scene.labels)
        boxes = ", ".join(f"{counts[name]} of {name}" for name in self.labels)
        empty = sum(not scene.boxes for scene in self.scenes)
        beside = f", {empty} of the pictures without any" if empty else ""
        return TrainingData(f"boxes: {boxes}{beside}", licence, images=len(self.scenes))


def corners_of(box: Box) -> tuple[float, float, float, float]:
    """``x1 y1 x2 y2`` of an upright box."""
    return box.x, box.y, box.x + box.w, box.y + box.h


def scenes_of(
    tables: Sequence[Annotations], negatives: Sequence[Path] = (), labels: Sequence[str] | None = None
) -> Scenes:
    """All photographs of some tables, each with its boxes, and those that show nothing to be found.

    A row without a label is of label ``animal``. A row without a box says that an animal is there and not where:
    its photograph is neither an example nor a counterexample, and is left out.

    Args:
        tables: of boxes; each one's paths start from its own folder.
        negatives: folders of pictures without anything to be found.
        labels: to learn; boxes of others are background. None takes all.

    Raises:
        SettingError: if there are no boxes, or a label has none.
    """
    rows: dict[tuple[Path, float | None], list[AnnotationRow]] = {}
    for table in tables:
        for row in table:
            rows.setdefault((Path(os.path.normpath(table.folder / row.path)), row.frame), []).append(row)
    known = {key: found for key, found in rows.items() if all(row.bbox is not None for row in found)}
    names = tuple(labels) if labels is not None else _labels(known.values())
    _require_boxes(known.values(), names)
    numbers = {name: number for number, name in enumerate(names)}
    scenes = [_scene(path, frame, found, numbers) for (path, frame), found in known.items()]
    scenes += [Scene(path) for path in sorted(_pictures_below(negatives)) if (path, None) not in rows]
    return Scenes(tuple(sorted(scenes, key=_place)), names, len(rows) - len(known))


def kept_aside(data: Scenes, share: float, by: Unit = "auto", seed: int = 0) -> tuple[Scenes, Scenes]:
    """Keep some pictures aside, whole units of them, to choose by.

    Whatever the unit, files with the same bytes stay together: what was learnt by heart proves nothing.

    Args:
        data: the scenes.
        share: of the pictures that are kept aside, as nearly as whole units allow; 0 keeps none.
        by: of what whole units are kept aside. ``name`` takes the last pictures by file name, any other unit by
            chance; ``auto`` takes the first kind that is known of every picture with boxes, else ``name``.
        seed: of the choice.

    Returns:
        what is left to learn from, and what was kept aside.

    Raises:
        SettingError: if the unit is not known of every picture, or all hang together.
    """
    if not share:
        return data, Scenes((), data.labels)
    drawn = [scene for scene in data.scenes if scene.boxes]
    ways: list[Unit] = [kind for kind in _UNITS if drawn and all(scene.units.get(kind) for scene in drawn)]
    if by not in ("auto", "name", *ways):
        raise SettingError(f"data.aside_by {by}: it is not known of every picture; take name")
    wanted = max(1, round(share * len(data.scenes)))
    for kind in (*ways, "name") if by == "auto" else (by,):
        groups = _groups(data.scenes, kind)
        if len(groups) > 1:
            chosen = _chosen(groups, wanted, None if kind == "name" else seed)
            if any(data.scenes[place].boxes for place in chosen):
                break
    else:
        raise SettingError(
            f"{len(data.scenes)} pictures cannot be split to keep {share:.0%} aside: set data.validation to 0"
        )
    aside = set(chosen)
    learnt = tuple(scene for place, scene in enumerate(data.scenes) if place not in aside)
    return Scenes(learnt, data.labels, data.left_out), Scenes(
        tuple(data.scenes[place] for place in sorted(aside)), data.labels
    )


def drawn_with(scenes: Sequence[Scene]) -> list[Hashable] | None:
    """What each scene is drawn again with for an interval: its individuals, encounter, video or date.

    Returns:
        a name for each scene, of the first kind that is known of every one; None if none is.
    """
    for kind in _UNITS:
        if scenes and all(scene.units.get(kind) for scene in scenes):
            return [tuple(sorted(map(repr, scene.units[kind]))) for scene in scenes]
    return None


def _scene(path: Path, seconds: float | None, rows: Sequence[AnnotationRow], numbers: dict[str, int]) -> Scene:
    named = [(row.bbox.upright, row.label or ANIMAL) for row in rows if row.bbox is not None]
    boxes = dict.fromkeys(one for one in named if one[1] in numbers)  # a row that stands twice counts once
    units: dict[str, frozenset[Hashable]] = {
        "identity": frozenset((row.species, row.identity) for row in rows if row.identity is not None),
        "encounter": frozenset(row.encounter for row in rows if row.encounter is not None),
        "date": frozenset((row.site, row.date.date()) for row in rows if row.date is not None),
    }
    frame = frame_of(str(path))
    if seconds is not None or frame is not None:
        units["video"] = frozenset([str(path) if frame is None else frame[0]])
    return Scene(path, tuple(box for box, _ in boxes), tuple(numbers[label] for _, label in boxes), seconds, units)


def _labels(rows: Iterable[Iterable[AnnotationRow]]) -> tuple[str, ...]:
    return tuple(sorted({row.label or ANIMAL for some in rows for row in some}))


def _require_boxes(rows: Iterable[Iterable[AnnotationRow]], labels: Sequence[str]) -> None:
    found = {row.label or ANIMAL for some in rows for row in some}
    if not found:
        raise SettingError("no table has a box to learn from: draw boxes, or name a table that has a bbox column")
    if missing := [name for name in labels if name not in found]:
        raise SettingError(
            f"data.labels: no box is of {', '.join(missing)}; the tables name {', '.join(sorted(found))}"
        )


def _pictures_below(folders: Sequence[Path]) -> Iterable[Path]:
    for folder in folders:
        if not folder.is_dir():
            raise SettingError(f"data.negatives: {printable(folder)} is no folder")
        for path in folder.rglob("*"):
            if path.suffix.lower() in SUFFIXES and path.is_file():
                yield Path(os.path.normpath(path))


def _place(scene: Scene) -> tuple[str, str, float]:
    return scene.path.name, str(scene.path), scene.frame or 0.0


def _groups(scenes: Sequence[Scene], kind: str) -> list[list[int]]:
    """Places of the scenes that hang together, by what they share or by their bytes; in order of the first."""
    keys: dict[Hashable, int] = {}
    pairs = []
    digests = {path: _bytes(path) for path in dict.fromkeys(scene.path for scene in scenes)}
    for place, scene in enumerate(scenes):
        names: list[Hashable] = [(kind, name) for name in scene.units.get(kind, ())]
        pairs += [(place, keys.setdefault(key, len(keys))) for key in (*names, ("bytes", digests[scene.path]))]
    rows, columns = np.array(pairs).T
    count = len(scenes)
    links = coo_array((np.ones(len(rows)), (rows, count + columns)), shape=(count + len(keys),) * 2)
    _, member = connected_components(links, directed=False)
    groups: dict[int, list[int]] = {}
    for place in range(count):
        groups.setdefault(int(member[place]), []).append(place)
    return list(groups.values())


def _bytes(path: Path) -> Hashable:
    try:
        return hashlib.sha256(read(path)).hexdigest()
    except BadMedium:
        return path  # what cannot be read is told of when it is to be learnt from


def _chosen(groups: Sequence[list[int]], wanted: int, seed: int | None) -> list[int]:
    """Groups of about as many scenes as are wanted: the last ones, or of a chance; one group at least stays."""
    order = list(reversed(groups))
    if seed is not None:
        order = [groups[place] for place in np.random.default_rng([seed, 0]).permutation(len(groups))]
    chosen: list[int] = []
    for group in order[:-1]:
        if len(chosen) >= wanted:
            break
        if not chosen or len(chosen) + len(group) <= wanted + wanted // 2:
            chosen += group
    return chosen
