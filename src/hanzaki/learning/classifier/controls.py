"""Controls: trainings that must come to nothing, if the classifier looks at the animals.

A classifier that was taught *shuffled* labels has nothing to learn but accidents; what it still tells of the test
is how far chance goes. One that sees only the *surroundings*, where the animal itself is covered, tells how far
place and light go, which neither salamander study could rule out (compare Beery, Van Horn and Perona 2018,
"Recognition in terra incognita").
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from hanzaki.ahead import ahead
from hanzaki.annotations import AnnotationRow, Annotations
from hanzaki.boxes import Box
from hanzaki.errors import BadMedium, SettingError
from hanzaki.evaluation.encounters import individual_of
from hanzaki.evaluation.labelling import Labelled, judge_classifier
from hanzaki.evaluation.placing import TEST, TRAIN, VALIDATION
from hanzaki.evaluation.resampling import Interval
from hanzaki.exchange.identity_csv import read_identity_csv, write_identity_csv
from hanzaki.learning.checkpoint import write_whole
from hanzaki.learning.claim import claim_run
from hanzaki.learning.classifier.config import ClassifierTraining
from hanzaki.learning.classifier.parts import Parts, truths_of
from hanzaki.learning.train import Progress
from hanzaki.media import Pixels, load_picture
from hanzaki.settings import settings
from hanzaki.vision.classifier import Classifier
from hanzaki.vision.model import ClassifierConfig, load_classifier_model

CONTROLS = "controls"
RESULT = "result.json"
SHUFFLED, SURROUNDINGS = "shuffled labels", "surroundings only"

#: Of the animal's box, the area that the surroundings are shown in.
AROUND = 3.0

_SHARPER = 2  # sides of the network's input that a picture of surroundings is kept at, for shifts and turns
_QUALITY = 95


@dataclass(frozen=True)
class Control:
    """What a control came to.

    Attributes:
        name: what it was taught, or shown.
        accuracy: on the test, by individual.
        kappa: likewise; 0 is chance, whatever the labels' shares.
        chance: share of the commonest label: what naming that one alone comes to.
        pictures: that it was tested on.
    """

    name: str
    accuracy: Interval
    kappa: Interval
    chance: float
    pictures: int

    @property
    def near_chance(self) -> bool:
        """Whether it came to nothing, by its accuracy and by its kappa, which sees more where shares differ."""
        return not (self.accuracy.low > self.chance or self.kappa.low > 0)

    @property
    def sentence(self) -> str:
        """What it says, in plain words."""
        told = f"{self.accuracy.value:.1%} right ({self.accuracy.low:.1%} to {self.accuracy.high:.1%})"
        kappa = f"kappa {self.kappa.value:.2f} ({self.kappa.low:.2f} to {self.kappa.high:.2f})"
        told = f"{self.name}: {told}, {kappa}; naming the commonest label is right in {self.chance:.1%}, kappa 0"
        if self.near_chance:
            return f"{told}: no better than chance"
        if self.name == SURROUNDINGS:
            return f"{told}: the label can be read off the surroundings, and may have been"
        return f"{told}: better than chance without having learnt anything; the test is too small or it leaks"

    def as_json(self) -> dict[str, Any]:
        """All of it, as numbers that JSON takes."""
        return {
            "name": self.name,
            "accuracy": self.accuracy.as_json(),
            "kappa": self.kappa.as_json(),
            "chance": self.chance,
            "pictures": self.pictures,
            "near_chance": self.near_chance,
            "sentence": self.sentence,
        }


def run_controls(
    config: ClassifierTraining,
    folder: Path,
    parts: Parts,
    look: ClassifierConfig,
    progress: Progress | None = None,
) -> list[Control]:
    """Train and test both controls in a run's folder; what was finished before is not done again.

    Args:
        config: of the run.
        folder: of the run.
        parts: of its tables.
        look: of its model.
        progress: told how far it is.

    Returns:
        the controls; the surroundings are missing where the tables tell of no boxes.
    """
    controls = [_control(SHUFFLED, config, folder, shuffled(config, parts), progress)]
    around = surroundings(parts, folder / CONTROLS / "surroundings", look, progress)
    if around is not None:
        network = config.network.model_copy(update={"crop_fraction": 1.0})
        shown = config.model_copy(update={"network": network})
        controls.append(_control(SURROUNDINGS, shown, folder, around, progress))
    return controls


def _control(
    name: str, config: ClassifierTraining, folder: Path, parts: Parts, progress: Progress | None
) -> Control:
    """Train a control and test it; its model folder goes again, since nobody should ever use it."""
    from hanzaki.learning.classifier.train import ClassifierLessons

    run = folder / CONTROLS / name.replace(" ", "-")
    written = run / RESULT
    if written.is_file():
        return _read(json.loads(written.read_text(encoding="utf-8")))
    claim_run(run, config.model_copy(update={"name": f"{config.name}, {name}"}))

    def told(what: str, done: int, total: int) -> None:
        if progress is not None:
            progress(f"control, {name}: {what}", done, total)

    trained = ClassifierLessons(config, run, parts, told).run()
    classifier = Classifier(load_classifier_model(trained.model), settings().runtime, settings().threads)
    assert parts.test is not None
    control = _judged(name, judge_classifier(parts.test, classifier, told))
    write_whole(written, json.dumps(control.as_json(), ensure_ascii=False, indent=2))
    shutil.rmtree(trained.model)
    return control


def _judged(name: str, labelled: Labelled) -> Control:
    measures = labelled.classification.measures
    truths = Counter(labelled.frame["truth"])
    pictures = sum(truths.values())
    return Control(name, measures["accuracy"], measures["kappa"], max(truths.values()) / pictures, pictures)


def _read(told: dict[str, Any]) -> Control:
    accuracy, kappa = (
        Interval(*(float("nan") if number is None else number for number in told[name]))
        for name in ("accuracy", "kappa")
    )
    return Control(told["name"], accuracy, kappa, told["chance"], told["pictures"])


# -- shuffled labels


def shuffled(config: ClassifierTraining, parts: Parts) -> Parts:
    """The same parts with the labels of training and validation dealt out anew; the test keeps its own.

    Labels of an animal are dealt out among the animals, others among the pictures.
    """
    names = [TRAIN] + ([VALIDATION] if parts.validation is not None else [])
    tables = [table for table in (parts.train, parts.validation) if table is not None]
    rows = [row for table in tables for row in table]
    truths = [truth or "" for table in tables for truth in truths_of(table, config)]
    units = [_unit(config, row, number) for number, row in enumerate(rows)]
    of_unit: dict[tuple[str, ...], str] = {}
    for unit, truth in zip(units, truths, strict=True):
        of_unit[unit] = min(truth, of_unit.get(unit, truth))
    order = sorted(of_unit)
    new = dict(zip(order, dealt([of_unit[unit] for unit in order], config.run.seed), strict=True))
    cells = _cells(config, rows, truths)
    column = "identity" if config.data.label == "individual" else config.data.label
    changed, begun = {}, 0
    for name, table in zip(names, tables, strict=True):
        some = pd.Series([cells[new[unit]] for unit in units[begun : begun + len(table)]], dtype=object)
        changed[name] = Annotations(table.frame.assign(**{column: some}), table.source)
        begun += len(table)
    return replace(parts, train=changed[TRAIN], validation=changed.get(VALIDATION))


def dealt(labels: Sequence[str], seed: int) -> list[str]:
    """The same labels in another order, each of the old ones getting its share of all, as evenly as can be.

    A plain shuffle of few may leave most as they were; here the new labels say as little of the old as they can.

    Args:
        labels: of all that are to be dealt to.
        seed: of the lots.
    """
    old = np.asarray(labels, object)
    dice = np.random.default_rng([seed, len(old)])
    place = np.empty(len(old))
    for label in sorted(set(labels)):
        members = dice.permutation(np.flatnonzero(old == label))
        place[members] = (np.arange(len(members)) + dice.random(len(members))) / len(members)
    new = np.empty(len(old), object)
    new[np.argsort(place, kind="stable")] = sorted(labels)
    return [str(label) for label in new]


def _unit(config: ClassifierTraining, row: AnnotationRow, number: int) -> tuple[str, ...]:
    return individual_of(row) if config.of_the_animal and row.identity is not None else ("", "", f"{number:09}")


def _cells(config: ClassifierTraining, rows: Sequence[AnnotationRow], truths: Sequence[str]) -> dict[str, Any]:
    """What stands in a table for a label: itself, but for a range a number in it."""
    if config.data.label != "quality":
        return {truth: truth or None for truth in truths}
    return {truth: row.quality for row, truth in zip(rows, truths, strict=True)}


# -- surroundings


def surroundings(
    parts: Parts, folder: Path, look: ClassifierConfig, progress: Progress | None = None
) -> Parts | None:
    """The same parts with pictures that show what is around the animals, and no animal; written into a folder.

    Args:
        parts: of tables.
        folder: for the pictures and their tables; those that are there are taken as they are.
        look: of the classifier's input.
        progress: told how far it is.

    Returns:
        the parts less what has no box, or cannot be read; None if nothing is left of one of them.
    """
    tables = {TRAIN: parts.train, VALIDATION: parts.validation, TEST: parts.test}
    shown: dict[str, Annotations | None] = {}
    for name, table in tables.items():
        if table is None:
            shown[name] = None
            continue
        if not any(row.bbox is not None for row in table):
            return None
        shown[name] = _surroundings_of(table, folder / f"{name}.csv", look, progress)
    train = shown[TRAIN]
    assert train is not None
    return replace(parts, train=train, validation=shown[VALIDATION], test=shown[TEST])


def _surroundings_of(
    table: Annotations, written: Path, look: ClassifierConfig, progress: Progress | None
) -> Annotations:
    if written.is_file():
        return read_identity_csv(written)
    pictures = written.with_suffix("")
    pictures.mkdir(parents=True, exist_ok=True)
    fill = tuple(round(255 * value) for value in look.mean)
    side = _SHARPER * max(look.input_size)

    def write(item: tuple[int, AnnotationRow]) -> str | None:
        number, row = item
        path = pictures / f"{number:06}.jpg"
        if row.bbox is None:
            return None
        try:
            photograph = load_picture(table.folder / row.path, row.frame, settings().max_megapixels)
            around = without_animal(photograph, row.bbox, (fill[0], fill[1], fill[2]))
        except (BadMedium, ValueError):
            return None  # the training itself has told
        shrink = min(1.0, side / max(around.shape[:2]))
        size = (max(1, round(shrink * around.shape[1])), max(1, round(shrink * around.shape[0])))
        small = cv2.resize(around, size, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(path), small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        return f"{pictures.name}/{path.name}"

    paths = []
    for path in ahead(write, enumerate(table), settings().threads):
        paths.append(path)
        if progress is not None:
            progress(f"control, {SURROUNDINGS}: covering", len(paths), len(table))
    kept = [path is not None for path in paths]
    if not any(kept):
        raise SettingError("none of the pictures can be read")
    frame = table.frame.assign(path=pd.Series(paths, dtype=object), bbox=None, frame=None)
    write_identity_csv(Annotations(frame[np.array(kept)].reset_index(drop=True), written), written)
    return read_identity_csv(written)


def without_animal(photograph: Pixels, box: Box, fill: tuple[int, int, int]) -> Pixels:
    """What is around an animal: :data:`AROUND` times the area of its box, in which the box is of one colour.

    What lies over the photograph's edge is of that colour too: to repeat the edge, as crops do, would repeat the
    animal where its box ends there.

    Args:
        photograph: uint8 (H, W, 3).
        box: of the animal.
        fill: the colour.

    Returns:
        uint8 (h, w, 3).

    Raises:
        ValueError: if the box lies outside of the photograph, or has no pixel.
    """
    height, width = photograph.shape[:2]
    if not box.meets(width, height):
        raise ValueError(f"the box {box} lies outside of the photograph ({width} x {height} pixels)")
    wide = box.upright.scaled_area(AROUND)
    left, top = round(wide.x), round(wide.y)
    shown = np.empty((max(1, round(wide.h)), max(1, round(wide.w)), 3), np.uint8)
    shown[:] = fill
    right, bottom = min(width, left + shown.shape[1]), min(height, top + shown.shape[0])
    inside = photograph[max(0, top) : bottom, max(0, left) : right]
    down, across = max(0, -top), max(0, -left)
    shown[down : down + inside.shape[0], across : across + inside.shape[1]] = inside
    cv2.fillConvexPoly(shown, _corners(box, left, top), fill)
    return shown


def _corners(box: Box, left: int, top: int) -> npt.NDArray[np.int32]:
    """The corners of a box, turned or not, in pixels of a window; a pixel larger, so that no edge is left."""
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * ((box.w + 2) / 2, (box.h + 2) / 2)
    cosine, sine = np.cos(box.theta), np.sin(box.theta)
    turned = half @ np.array([[cosine, sine], [-sine, cosine]])
    centre = np.array([box.x + box.w / 2 - left, box.y + box.h / 2 - top])
    return np.asarray(np.rint(turned + centre), np.int32)
