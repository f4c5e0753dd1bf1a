"""What reading a table in another program's format gives, and what every such reader needs.

One format is one file beside this one; no format knows another.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd

from hanzaki.annotations import COLUMNS, Annotations
from hanzaki.errors import TableError, TableProblem

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


@dataclass
class Rows:
    """The rows that a reader gathers, where each comes from, and what there is to tell."""

    cells: list[dict[str, Any]] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    problems: list[TableProblem] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)

    def add(self, place: str, **cells: object) -> None:
        """Add a row, of hanzaki's columns, that stands at ``place`` of what is read."""
        self.places.append(place)
        self.cells.append(cells)

    def wrong(self, place: str, text: str) -> None:
        """Something at ``place`` cannot be understood."""
        self.problems.append(TableProblem(None, None, f"{place}: {text}"))

    def reading(self, source: Path, form: str, names: Mapping[str, str] | None = None) -> Reading:
        """What was read, in a format of this name; other arguments as those of :func:`validated`.

        Raises:
            TableError: if there are any problems.
        """
        frame = pd.DataFrame(self.cells, columns=list(COLUMNS), dtype=object)
        annotations = validated(frame, source, self.places, names or {}, self.problems)
        return Reading(annotations, form, dict(+self.notes))


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


def read_json(path: Path) -> Any:
    """A JSON file's document.

    Raises:
        TableError: if it is missing, cannot be read, or is no JSON.
    """
    try:
        return json.loads(read_bytes(path))
    except (ValueError, RecursionError) as error:
        raise TableError(path, [TableProblem(None, None, f"is not JSON, or is cut off: {error}")]) from error


def read_xml(path: Path) -> ElementTree.Element:
    """An XML file's root.

    Raises:
        TableError: if it is missing, cannot be read, or is no XML.
    """
    try:
        return ElementTree.fromstring(read_bytes(path))
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # the latter two: an encoding nobody knows
        raise TableError(path, [TableProblem(None, None, f"is not XML, or is cut off: {error}")]) from error


def read_bytes(path: Path) -> bytes:
    """All bytes of a file.

    Raises:
        TableError: if it is missing or cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise TableError(path, [TableProblem(None, None, "no such file")]) from None
    except OSError as error:
        raise TableError(path, [TableProblem(None, None, f"cannot be read ({error.strerror})")]) from error


def is_number(value: object) -> bool:
    """Whether a value of JSON is a number that a float can hold."""
    if type(value) not in (int, float):
        return False
    try:
        return math.isfinite(value)  # type: ignore[arg-type]
    except OverflowError:
        return False
