"""CSV files as text, before any format is read from them."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

from hanzaki.errors import TableError, TableProblem


def read_header(path: Path) -> list[str]:
    """The cells of the first row.

    Raises:
        TableError: if the file cannot be read as CSV.
    """
    return _read(path, only_header=True)[0]


def read_csv(path: Path) -> pd.DataFrame:
    """The table with its cells as text: an animal called 007 is not the number 7.

    Raises:
        TableError: if the file is no CSV, with every row that has too many or too few cells.
    """
    header, *rows = _read(path)
    return pd.DataFrame(_of_equal_length(path, header, rows), columns=header, dtype=object)


def _read(path: Path, *, only_header: bool = False) -> list[list[str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file, strict=True)
            return [next(rows, [])] if only_header else list(rows) or [[]]
    except FileNotFoundError:
        raise TableError(path, [TableProblem(None, None, "no such file")]) from None
    except UnicodeDecodeError as error:
        text = f"is not UTF-8 (byte {error.start}); save it as 'CSV UTF-8'"
        raise TableError(path, [TableProblem(None, None, text)]) from error
    except (OSError, csv.Error) as error:
        raise TableError(path, [TableProblem(None, None, str(error))]) from error


def _of_equal_length(path: Path, header: list[str], rows: list[list[str]]) -> list[list[str]]:
    """The rows without trailing blank lines; a cell too many or too few would shift all behind it."""
    while rows and not any(rows[-1]):
        rows.pop()
    problems = [
        TableProblem(number, None, f"has {len(row)} cells, the header {len(header)}; is a comma not in quotes?")
        for number, row in enumerate(rows, 2)
        if len(row) != len(header)
    ]
    if len(set(header)) < len(header):
        problems.insert(0, TableProblem(1, None, "two columns have the same name"))
    if problems:
        raise TableError(path, problems)
    return rows
