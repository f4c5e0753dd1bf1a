"""The parts of a classifier's tables: what it learns from, what chooses its epoch, and what it is tested on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hanzaki.annotations import AnnotationRow, Annotations
from hanzaki.errors import SettingError
from hanzaki.evaluation.encounters import individual_of
from hanzaki.evaluation.labelling import truth_of
from hanzaki.evaluation.leaks import Leak, LeakError, Progress, counted, find_leaks_between
from hanzaki.evaluation.placing import TEST, TRAIN, VALIDATION
from hanzaki.evaluation.split_folder import FILE, read_split, write_split
from hanzaki.evaluation.splits import Split, make_split
from hanzaki.exchange.table import read_table
from hanzaki.exchange.writing import moved_path
from hanzaki.learning.classifier.config import ClassifierTraining

#: The folder of a run that holds its parts, as `hanzaki split` writes them.
SPLIT = "split"

#: Why a row stands in no part.
UNTOLD = "the label is not told"
OTHER = "of another label"

_SHARE = 0.3  # of the photographs that are tested with where nothing is said, by days


@dataclass(frozen=True)
class Parts:
    """What a classifier learns from, and what it does not.

    Attributes:
        train: to learn from.
        validation: to choose epoch and temperature with; None if there is none.
        test: to judge it by at the end; None if there is none.
        protocol: what stands on one side only.
        labels: to be told apart, in the order of the network's outputs.
        left_out: how many rows stand in no part, by reason.
        leaks: what leaks from one part to another, which was allowed.
    """

    train: Annotations
    validation: Annotations | None
    test: Annotations | None
    protocol: str
    labels: tuple[str, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)
    leaks: tuple[Leak, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should be told of them, a sentence each."""
        told = tuple(
            f"left out: {count} {'row' if count == 1 else 'rows'}, {reason}"
            for reason, count in self.left_out.items()
        )
        if self.leaks:
            told += (f"leaks between the parts, which were allowed: {counted(self.leaks)}; figures are too good",)
        return told + (() if self.test is not None else ("nothing is kept apart to test with: no figures",))


def read_parts(config: ClassifierTraining, folder: Path) -> Parts | None:
    """The parts that stand in a run's folder; None if there are none yet.

    Raises:
        TableError: if they cannot be read.
        SettingError: if fewer than two labels are left to tell apart.
    """
    if not (folder / SPLIT / FILE).is_file():
        return None
    leaks: Sequence[Leak] = ()
    try:
        split = read_split(folder / SPLIT)
    except LeakError as error:  # it was allowed when the split was made
        leaks, split = error.leaks, read_split(folder / SPLIT, allow_leaks=True)
    return _parts(config, split, leaks)


def split_tables(config: ClassifierTraining, progress: Progress | None = None) -> tuple[Split, list[Leak]]:
    """Part the tables of a config, and see that nothing leaks from one side to another.

    Rows that say nothing of the label, or another one than is wanted, are left out and counted. Where all pictures
    of an animal share the label, the lots are drawn for each label apart, so that few animals of one do not all
    fall on one side.

    Args:
        config: of the training.
        progress: told how far the search for leaks is.

    Returns:
        the parts, and what leaks between them, where that is allowed.

    Raises:
        SettingError: if a part would be empty, or too few labels are left.
        LeakError: if the split leaks, and that was not allowed.
        TableError: if a table cannot be read.
    """
    table, left_out = _labelled(config)
    split = _split(config, table)
    split = replace(split, left_out=dict(sorted((Counter(left_out) + Counter(split.left_out)).items())))
    _parts(config, split)  # before the long search, not after it
    leaks = find_leaks_between(split.parts, progress, bad=[])  # what cannot be read, the training tells
    if leaks and not config.split.allow_leaks:
        raise LeakError(leaks, "the split", "go on regardless with --set split.allow_leaks=true")
    return split, leaks


def write_parts(config: ClassifierTraining, split: Split, leaks: Sequence[Leak], folder: Path) -> Parts:
    """Write the parts into a run's folder, and read them from there, as a run that is gone on with does."""
    write_split(split, folder / SPLIT, leaks, allow_leaks=True)
    parts = read_parts(config, folder)
    assert parts is not None
    return parts


def truths_of(table: Annotations, config: ClassifierTraining) -> list[str | None]:
    """What a table says of each of its rows; None where it does not."""
    return [truth_of(row, config.data.label, config.data.named or ()) for row in table]


def _parts(config: ClassifierTraining, split: Split, leaks: Sequence[Leak] = ()) -> Parts:
    parts = split.parts
    return Parts(
        parts[TRAIN],
        parts.get(VALIDATION),
        parts.get(TEST),
        split.protocol,
        _labels(config, parts[TRAIN]),
        split.left_out,
        tuple(leaks),
    )


def _labels(config: ClassifierTraining, train: Annotations) -> tuple[str, ...]:
    """The labels that can be learnt, in order."""
    data = config.data
    counts = Counter(truth for truth in truths_of(train, config) if truth is not None)
    names = data.named if data.named is not None else sorted(counts)
    labels = tuple(name for name in names if counts[name] >= data.least)
    if data.labels is not None and (missing := [name for name in names if name not in labels]):
        raise SettingError(
            f"data.labels: {', '.join(missing)} has no {data.least} pictures to learn from; there are"
            f" {', '.join(f'{count} of {name}' for name, count in sorted(counts.items()))}"
        )
    if len(labels) < 2:
        found = ", ".join(f"{count} of {name}" for name, count in sorted(counts.items())) or "none"
        raise SettingError(
            f"nothing to tell apart: of {data.label}, {len(labels)} labels have {data.least} pictures or more to"
            f" learn from (found: {found})"
        )
    return labels


def _labelled(config: ClassifierTraining) -> tuple[Annotations, dict[str, int]]:
    """All rows that say the label, of all tables, and how many do not."""
    return _telling(config, _together([read_table(path) for path in config.data.tables]))


def _telling(config: ClassifierTraining, table: Annotations) -> tuple[Annotations, dict[str, int]]:
    """The rows of a table that say the label, and how many do not."""
    wanted = config.data.named
    truths = truths_of(table, config)
    of_value = [truth is not None and (wanted is None or truth in wanted) for truth in truths]
    left_out = {UNTOLD: truths.count(None), OTHER: len(truths) - truths.count(None) - sum(of_value)}
    if not any(of_value):
        column = "identity" if config.data.label == "individual" else config.data.label
        raise SettingError(f"no row of the tables has a label in the column {column}: nothing to learn from")
    return _rows(table, of_value), {reason: count for reason, count in left_out.items() if count}


def _together(tables: Sequence[Annotations]) -> Annotations:
    """Some tables as one, whose paths start where those of the first do."""
    if len(tables) == 1:
        return tables[0]
    frames = []
    for table in tables:
        paths = [moved_path(path, table.folder, tables[0].folder) for path in table.frame["path"]]
        frames.append(table.frame.assign(path=paths))
    return Annotations(pd.concat(frames, ignore_index=True), tables[0].source)


def _rows(table: Annotations, mask: Sequence[bool]) -> Annotations:
    return Annotations(table.frame[np.array(mask, bool)].reset_index(drop=True), table.source)


def _split(config: ClassifierTraining, table: Annotations) -> Split:
    wanted, label = config.split, config.data.label
    protocol = wanted.protocol_of(label)
    if wanted.tables:
        return _with_test(config, table)
    if protocol == "none":
        return _without_test(config, table)
    given = wanted.model_dump(exclude={"protocol", "allow_leaks", "tables"})
    if protocol == "date" and wanted.train_days is None:
        given |= {"train_days": _first_days(table, wanted.test or _SHARE), "test": None}
    return _made(config, table, protocol, given)


def _without_test(config: ClassifierTraining, table: Annotations) -> Split:
    """No test: of all rows, some choose."""
    wanted = config.split
    if not wanted.validation:
        return Split("none", wanted.seed, {}, {TRAIN: table})
    unit = wanted.validation_by or ("encounter" if config.data.label == "individual" else "individual")
    made = _made(config, table, unit, {"test": wanted.validation, "seed": wanted.seed})
    parts = {TRAIN: made.parts[TRAIN], VALIDATION: made.parts[TEST]}
    options = {"validation": wanted.validation, "validation_by": unit}
    return Split("none", wanted.seed, options, parts, made.left_out)


def _with_test(config: ClassifierTraining, table: Annotations) -> Split:
    """A test that others have kept apart: of all rows of the tables to learn from, some choose."""
    made = _without_test(config, table)
    together = _together([table, *(read_table(path) for path in config.split.tables)])
    test, left_out = _telling(config, _rows(together, [number >= len(table) for number in range(len(together))]))
    left_out = {f"{reason}, of the test": count for reason, count in left_out.items()}
    return replace(made, protocol="given", parts=made.parts | {TEST: test}, left_out=made.left_out | left_out)


def _made(config: ClassifierTraining, table: Annotations, protocol: str, given: dict[str, Any]) -> Split:
    """As :func:`make_split`, drawn within each label where it is of the animal."""
    drawn = _by_label(config, table) if config.of_the_animal else table
    numbered = Annotations(drawn.frame.assign(image_id=[str(number) for number in range(len(table))]))
    try:
        made = make_split(numbered, protocol, **given)
    except SettingError as error:  # which speaks to those who type `hanzaki split`
        told = re.sub(r"--([a-z-]+)", lambda option: "split." + option[1].replace("-", "_"), str(error))
        raise SettingError(f"{told}; or take another split.protocol") from error
    parts = {
        name: Annotations(
            table.frame.iloc[[int(number) for number in part.frame["image_id"]]].reset_index(drop=True),
            table.source,
        )
        for name, part in made.parts.items()
    }
    return replace(made, parts=parts)


def _by_label(config: ClassifierTraining, table: Annotations) -> Annotations:
    """The table with the label for a species, since lots are drawn for each species apart.

    An animal of which the table says two things stays one animal: the first of these by name counts for it.
    """
    of_animal: dict[Hashable, str] = {}
    for row, truth in zip(table, truths_of(table, config), strict=True):
        if row.identity is not None and truth is not None:
            whom = individual_of(row)
            of_animal[whom] = min(truth, of_animal.get(whom, truth))
    species = [_stratum(row, of_animal) for row in table]
    # two species may have animals of one name
    names = [None if row.identity is None else f"{row.species or ''} {row.identity}" for row in table]
    strata = {name: pd.Series(cells, dtype=object) for name, cells in (("species", species), ("identity", names))}
    return Annotations(table.frame.assign(**strata), table.source)


def _stratum(row: AnnotationRow, of_animal: Mapping[Hashable, str]) -> str | None:
    return row.species if row.identity is None else of_animal[individual_of(row)]


def _first_days(table: Annotations, tested: float) -> str:
    """The first days, up to the share of the photographs that is not tested."""
    days = Counter(row.date.date() for row in table if row.date is not None)
    if len(days) < 2:
        raise SettingError(
            "the label individual is tested on days that were not learnt from, and the tables tell of"
            f" {len(days)}: name another split.protocol (encounter, photograph, or none, which tests nothing)"
        )
    ordered = sorted(days)
    passed = np.cumsum([days[day] for day in ordered])[:-1] / sum(days.values())
    return f"..{ordered[int(np.abs(passed - (1 - tested)).argmin())].isoformat()}"
