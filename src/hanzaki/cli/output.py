"""How answers look: tables, JSON, CSV on standard output; progress and reports beside it on standard error."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.progress import Progress as ProgressBar
    from rich.progress import TaskID

    from hanzaki.annotations import Annotations
    from hanzaki.errors import BadMedium
    from hanzaki.fieldwork.tell import Altered

_WIDTH_WHEN_PIPED = 200
_SHOWN_BAD = 20
_SHOWN_DIGITS = 4
_BY_MACHINE = "_by_machine"
_MEASURED = "quality"


def out() -> Console:
    """Standard output; as wide as need be where nobody looks at it."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _WIDTH_WHEN_PIPED, highlight=False, soft_wrap=True)


def err() -> Console:
    """Standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


class Teller:
    """Shows how far long work is; called as ``tell(what, done, total)``."""

    def __init__(self, bar: ProgressBar) -> None:
        self._bar = bar
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        """Move the bar of some work."""
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=total, completed=done)
        self._bar.update(self._tasks[what], completed=done, total=total)

    def say(self, line: str) -> None:
        """A line of its own, above the bar where there is one."""
        self._bar.console.print(line, markup=False)


@contextmanager
def progress() -> Iterator[Teller]:
    """A progress bar with the time left, where standard error is a terminal; silence elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:12}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = err()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield Teller(bar)


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[str] = ()) -> Any:
    """A table of text; the columns named in ``right`` are flush right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    result = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for header in headers:
        result.add_column(header, justify="right" if header in right else "left", overflow="fold")
    for row in rows:
        result.add_row(*(Text(_text(cell)) for cell in row))
    return result


def print_frame(frame: pd.DataFrame, *, as_json: bool, as_csv: bool, right: Sequence[str] = ()) -> None:
    """A DataFrame as a table, JSON or CSV."""
    names = list(frame.columns)
    rows = [[None if _missing(cell) else cell for cell in row] for row in frame.itertuples(index=False, name=None)]
    if as_json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    elif as_csv:
        print_csv(names, rows)
    else:
        out().print(table(names, rows, right))


def with_words(frame: pd.DataFrame) -> pd.DataFrame:
    """A listing for people: what the machine says stands in the column that nobody told, plainly as the machine's.

    Columns ``COLUMN_by_machine COLUMN_probability COLUMN_sure COLUMN_model`` go into ``COLUMN``, as ``hybrid 93%
    (origin-3f2a…)``. What the machine says where the listing has no such column, or has measured it, comes as a
    column of its own if it says anything.
    """
    shown = frame.copy()
    for column in [name.removesuffix(_BY_MACHINE) for name in frame.columns if name.endswith(_BY_MACHINE)]:
        parts = [f"{column}{_BY_MACHINE}", *(f"{column}_{part}" for part in ("probability", "sure", "model"))]
        words = [None if _missing(row[0]) else _word(*row) for row in frame[parts].itertuples(index=False)]
        shown = shown.drop(columns=parts)
        if column not in frame or column == _MEASURED:
            if any(words):
                shown[f"{column} by machine"] = words
        else:
            shown[column] = [
                word if _missing(told) else told for told, word in zip(frame[column], words, strict=True)
            ]
    return shown


def _word(value: str, probability: float, sure: bool, model: str) -> str:
    name, _, digits = model.rpartition("-")
    short = f"{name}-{digits[:_SHOWN_DIGITS]}…" if name else model
    return f"{value} {probability:.0%}{'' if sure else ', unsure'} ({short})"


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=_text))  # noqa: T201


def print_csv(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """CSV with a header on standard output."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(headers)
    writer.writerows([_text(cell) for cell in row] for row in rows)


def print_skipped(skipped: Sequence[BadMedium], title: str = "skipped") -> None:
    """Files that could not be used, each with its reason, on standard error."""
    from hanzaki.errors import printable

    if skipped:
        # lines, not a table: a column of paths would be folded into pieces that nobody can copy
        lines = [f"{title} {printable(bad.path)}: {bad.reason}" for bad in skipped[:_SHOWN_BAD]]
        if len(skipped) > _SHOWN_BAD:
            lines.append(f"and {len(skipped) - _SHOWN_BAD} more")
        err().print("\n".join(lines), markup=False)


def altered_text(change: Altered, *, again: bool = False) -> str:
    """What a decision altered, as a sentence.

    Args:
        change: one of its changes.
        again: whether it was taken back.
    """
    nobody = "nobody known" if change.label == "individual" else "unknown"
    what = f"{change.what[0].upper()}{change.what[1:]}"
    is_now = "is" if change.label == "individual" else f"has {change.label}"
    was = f" (was {change.before or nobody})" if again or change.before else ""
    return f"{what} {is_now} {change.after or nobody}{' again' if again else ''}{was}"


def read_told(path: Path) -> Annotations:
    """A table in any of the field's conventions; what was left out or altered goes to standard error."""
    from hanzaki.errors import printable
    from hanzaki.exchange.table import read_any
    from hanzaki.fieldwork.files import size_of

    reading = read_any(path, size_of)
    for note, count in reading.notes.items():
        err().print(f"{printable(path)}: {note}: {count}", markup=False)
    return reading.annotations


def _missing(cell: object) -> bool:
    return cell is None or cell != cell


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ", timespec="minutes")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, Path):
        return str(cell).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return str(cell)
