"""What can go wrong, said so that the user knows what to do next.

Every error that hanzaki raises on purpose is a :class:`HanzakiError`; its text names the file or thing
concerned and the way out. The command line prints that text and nothing else; anything that is not a
``HanzakiError`` is a fault of ours and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class HanzakiError(Exception):
    """The root of all errors that hanzaki raises on purpose."""


class CatalogueError(HanzakiError):
    """A catalogue is missing, in the way, too new, or asked for something that it does not hold."""


class DecisionError(HanzakiError):
    """A decision cannot be made or taken back as things stand."""


class ModelError(HanzakiError):
    """A model folder cannot be used."""


class SettingError(HanzakiError):
    """An option or setting has a value that cannot be used."""


class BadMedium(HanzakiError):
    """One photograph or video that cannot be used, with the reason.

    Args:
        path: the file concerned.
        reason: why, in a few words a biologist understands ("truncated: the file ends too early").
    """

    def __init__(self, path: Path | str, reason: str) -> None:
        self.path = Path(path)
        self.reason = reason
        super().__init__(f"{printable(path)}: {reason}")


@dataclass(frozen=True)
class TableProblem:
    """One thing wrong with one cell of a table; rows are counted as a spreadsheet shows them (header = 1)."""

    row: int | None
    column: str | None
    text: str

    def __str__(self) -> str:
        where = [f"row {self.row}"] if self.row is not None else []
        where += [f"column {self.column!r}"] if self.column is not None else []
        return f"{', '.join(where)}: {self.text}" if where else self.text


class TableError(HanzakiError):
    """A table cannot be read; lists where, and reads nothing of it.

    Args:
        path: the table's file, or None for a table that was never a file.
        problems: all that is wrong; the message shows the first ten.
    """

    shown = 10

    def __init__(self, path: Path | str | None, problems: Sequence[TableProblem]) -> None:
        self.path = None if path is None else Path(path)
        self.problems = tuple(problems)
        name = "the table" if path is None else printable(path)
        lines = [f"{name} cannot be used:", *(f"  {problem}" for problem in self.problems[: self.shown])]
        if len(self.problems) > self.shown:
            lines.append(f"  and {len(self.problems) - self.shown} more problems")
        super().__init__("\n".join(lines))


def printable(path: Path | str) -> str:
    r"""A path as text that every terminal and database takes: undecodable bytes are shown as ``\xNN``."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
