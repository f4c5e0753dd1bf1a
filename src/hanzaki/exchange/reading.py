"""What reading a table in another program's format gives, and what every such reader needs.

One format is one file beside this one; no format knows another.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from hanzaki.annotations import Annotations
from hanzaki.boxes import Box
from hanzaki.errors import TableError, TableProblem

#: Radians below which MiewID cuts a rotated box out as if it stood upright (``get_chip_from_img``).
UPRIGHT = 0.1

#: Of this many rows, one whose file is there shows that a column of full paths was written for this machine.
_LOOKED_AT = 20


@dataclass(frozen=True)
class Reading:
    """A table that was read.

    Attributes:
        annotations: what it holds.
        format: what it was taken for, in words.
        notes: what the user should be told: what was left out or altered on purpose, with how many of each.
    """

    annotations: Annotations
    format: str
    notes: Mapping[str, int] = field(default_factory=dict)


def validated(
    frame: pd.DataFrame,
    source: Path,
    places: Sequence[str] | None,
    names: Mapping[str, str],
    problems: Sequence[TableProblem] = (),
) -> Annotations:
    """Annotations, or every problem at once and in the words of the format that was read.

    Args:
        frame: of hanzaki's columns, as :class:`Annotations` takes them.
        source: the file or folder that it came from.
        places: where each row comes from, as ``annotations[3]``; None where rows are rows of a spreadsheet.
        names: what the format calls hanzaki's columns.
        problems: those that the format's reader has found already.

    Raises:
        TableError: if there are any problems.
    """
    found = list(problems)
    try:
        annotations = Annotations(frame, source)
    except TableError as error:
        found += [_in_the_formats_words(problem, places, names) for problem in error.problems]
    if found:
        raise TableError(source, sorted(found, key=lambda problem: problem.row or 0))
    return annotations


def _in_the_formats_words(
    problem: TableProblem, places: Sequence[str] | None, names: Mapping[str, str]
) -> TableProblem:
    column = None if problem.column is None else names.get(problem.column, problem.column)
    if places is None or problem.row is None:
        return TableProblem(problem.row, column, problem.text)
    place = places[problem.row - 2]  # as a spreadsheet counts, the first row below the header is row 2
    return TableProblem(None, None, f"{place}, {column!r}: {problem.text}")


def angle(value: object) -> float:
    """Read MiewID's ``theta``, the rotation of a box about its centre.

    Returns:
        Radians from -pi to pi; 0 where nothing is written.

    Raises:
        ValueError: if it is no number, or too large for radians.
    """
    if value is None or str(value).strip().lower() in {"", "nan"}:
        return 0.0
    try:
        theta = float(str(value))
    except ValueError:
        theta = math.inf
    if not abs(theta) <= 2 * math.pi:
        raise ValueError(f"{value!r} is not an angle in radians; degrees must be multiplied by pi / 180")
    return math.remainder(theta, 2 * math.pi)


def enclosing(box: Box, theta: float) -> Box:
    """The smallest upright box around one that is rotated by ``theta`` radians about its centre, either way."""
    sine, cosine = abs(math.sin(theta)), abs(math.cos(theta))
    w, h = box.w * cosine + box.h * sine, box.w * sine + box.h * cosine
    return Box(box.x + (box.w - w) / 2, box.y + (box.h - h) / 2, w, h)


def chosen_paths(folder: Path, names: Sequence[object], full: Sequence[object]) -> list[object]:
    """Each photograph's path, of MiewID's ``file_name`` and ``file_path``.

    A full path is often that of the machine on which the table was made. It is taken if any of the first ones
    leads to a file here, and where there is no name.

    Args:
        folder: that relative paths start from.
        names: each row's ``file_name``, or None.
        full: each row's ``file_path``, or None.
    """
    first = [str(path) for path in full if path][:_LOOKED_AT]
    here = any(os.path.exists(folder / path) for path in first)  # noqa: PTH110 - takes any text; Path may raise
    return [(path or name) if here else (name or path) for name, path in zip(names, full, strict=True)]
