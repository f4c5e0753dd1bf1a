"""The report of ``hanzaki evaluate --report``: a page, its figures, and a table of every query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hanzaki.errors import BadMedium, SettingError, printable
from hanzaki.evaluation.answers import Answers
from hanzaki.evaluation.report.cases import found_section, hardest_section, missed_section
from hanzaki.evaluation.report.charts import (
    curve_section,
    group_section,
    map_section,
    percent,
    sureness_section,
)
from hanzaki.evaluation.report.page import Headline, Section, Table, render_page
from hanzaki.evaluation.report.pictures import Album
from hanzaki.evaluation.report.sureness import Sureness, sureness
from hanzaki.extra import learning

if TYPE_CHECKING:
    from hanzaki.evaluation.protocols import Described, Result

PAGE, QUERIES = "index.html", "queries.csv"

#: How many pictures that could not be used are listed.
MOST_BAD = 40
#: The figures that a report may have, by the name of their file.
_FIGURES = ("groups.svg", "curve.svg", "map.svg", "reliability.svg")


@dataclass(frozen=True)
class Question:
    """What was asked of what, in the words of whoever asked.

    Attributes:
        table: the table's name.
        model: the model's name.
        describer: what identifies the model's descriptions by content.
        group: the column that results are given by; None = species and side.
    """

    table: str
    model: str
    describer: str
    group: str | None = None


def prepare_report(folder: Path) -> None:
    """Find out before the long work whether there can be a report; makes the folder.

    Raises:
        ModelError: if the extra ``learn`` is not installed.
        SettingError: if nothing can be written there.
    """
    with learning():
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401
        import sklearn  # noqa: F401
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / PAGE).open("a").close()
    except OSError as error:
        raise _unwritable(folder, error) from error


def write_report(folder: Path, result: Result, described: Described, question: Question) -> Path:
    """Write ``index.html``, ``queries.csv`` and a figure a file; an older report there is replaced.

    Args:
        folder: made if need be.
        result: with its answers.
        described: what the result is of.
        question: what was asked.

    Returns:
        The page.

    Raises:
        ModelError: if the extra ``learn`` is not installed.
        SettingError: if it cannot be written there.
    """
    prepare_report(folder)
    answers = result.answers
    assert answers is not None, "only a whole table's result is reported"
    sure = sureness(answers)
    queries = answers.as_frame()
    queries["probability"] = np.nan if sure is None else sure.probability
    sections, figures = _with_files(_sections(result, answers, described, question, sure))
    page = render_page(_title(question), sections, headlines=_headlines(result))
    return write_files(folder, page, {QUERIES: queries.to_csv(index=False), **figures}, _FIGURES)


def write_files(folder: Path, page: str, beside: Mapping[str, str], former: Iterable[str] = ()) -> Path:
    """Write a page and what stands beside it.

    Args:
        folder: that stands.
        page: of HTML.
        beside: text of other files, by name.
        former: names of files of an older report, which this one may not have.

    Returns:
        The page.

    Raises:
        SettingError: if they cannot be written there.
    """
    try:
        for name in former:
            (folder / name).unlink(missing_ok=True)
        for name, text in beside.items():
            (folder / name).write_text(text, encoding="utf-8", errors="surrogateescape")
        (folder / PAGE).write_text(page, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise _unwritable(folder, error) from error
    return folder / PAGE


def _unwritable(folder: Path, error: OSError) -> SettingError:
    return SettingError(f"{printable(folder)}: no report can be written there ({error}); name another folder")


def _title(question: Question) -> str:
    return f"How well {question.model} knows the animals of {question.table}"


def _headlines(result: Result) -> list[Headline]:
    names = {"top1": "right at first (top-1)", "top5": "among the first five (top-5)", "map": "mAP"}
    if not result.queries:
        return []
    return [
        Headline(percent(value), f"{percent(low)} to {percent(high)}", names[name])
        for name, (value, low, high) in result.measures.items()
        if name in names
    ]


def _sections(
    result: Result, answers: Answers, described: Described, question: Question, sure: Sureness | None
) -> Iterator[tuple[Section, str | None]]:
    """The page from top to bottom, each part with the name of its figure's file."""
    yield _asked(result, answers, question), None
    if result.queries:
        album = Album(described.frame, described.pixels)
        yield group_section(result, answers, question.group), "groups.svg"
        yield curve_section(answers), "curve.svg"
        yield map_section(answers, described.descriptions), "map.svg"
        yield found_section(answers, album), None
        yield missed_section(answers, album), None
        yield hardest_section(answers, album), None
        yield sureness_section(answers, sure), "reliability.svg"
    yield _left_out(result, answers), None


def _with_files(parts: Iterator[tuple[Section, str | None]]) -> tuple[list[Section], Mapping[str, str]]:
    sections: list[Section] = []
    figures: dict[str, str] = {}
    for section, name in parts:
        sections.append(section)
        if section.figure is not None and name is not None:
            figures[name] = section.figure.svg
    files = [(QUERIES, "every query with its answers, for a spreadsheet")]
    files += [(name, "the figure by itself") for name in figures]
    return [*sections, Section("Files beside this page", files=files)], figures


def _asked(result: Result, answers: Answers, question: Question) -> Section:
    frame = answers.frame
    what = (
        f"{question.table} has {count(len(frame), 'usable annotation')} of "
        f"{count(frame.groupby('species', dropna=False)['identity'].nunique().sum(), 'known individual')}. Of "
        f"these, {count(result.queries, 'annotation')} of {count(result.individuals, 'individual')} "
        f"{'was a query' if result.queries == 1 else 'were queries'}: each was looked for among all others of its "
        "species and side, never itself."
    )
    paragraphs = [what, _plain(result, answers), _intervals()] if result.queries else [what, _nothing()]
    rows = [
        ["table", question.table],
        ["model", question.model],
        ["its descriptions", question.describer],
        ["program", f"hanzaki {version('hanzaki')}"],
    ]
    return Section("What was asked", paragraphs, table=Table(("", ""), rows, text=2))


def _plain(result: Result, answers: Answers) -> str:
    hits = answers.measures[:, 0].sum()
    chance = answers.chance_curve([1]).mean()
    return (
        f"Top-1 of {percent(result.measures['top1'][0])} means: shown one photograph, the model put a photograph "
        f"of the same animal first in {hits:,.0f} of {count(result.queries, 'case')}. Guessing would have been "
        f"right in {percent(chance)}."
    )


def _intervals() -> str:
    return (
        "Ranges are 95% intervals from drawing the animals again: other animals of the same population would "
        "mostly give numbers within them. mAP, mean average precision, also counts how early all other "
        "photographs of the animal come; it is 100% if they all come first."
    )


def _nothing() -> str:
    return (
        "No annotation could be asked about: an animal must be known, and seen twice from one side. "
        "Add photographs, or fill in the column identity."
    )


def _left_out(result: Result, answers: Answers) -> Section:
    unknown = int(answers.frame["identity"].isna().sum())
    alone = result.skipped - unknown
    paragraphs = []
    if alone:
        paragraphs.append(
            f"{count(alone, 'annotation')} of known individuals had no other photograph of the same animal, "
            "species and side: there was nothing to be found."
        )
    if unknown:
        paragraphs.append(f"{count(unknown, 'annotation')} {'is' if unknown == 1 else 'are'} of nobody known.")
    if result.skipped:
        paragraphs.append("None of these were queries; all stood among those that were searched.")
    else:
        paragraphs.append("Every usable annotation was a query.")
    table = None
    if result.bad:
        paragraphs.append(
            f"{count(len(result.bad), 'picture')} could not be used and "
            f"{'was' if len(result.bad) == 1 else 'were'} neither asked about nor searched"
            + (f"; the first {MOST_BAD}:" if len(result.bad) > MOST_BAD else ":")
        )
        table = bad_table(result.bad)
    else:
        paragraphs.append("All pictures could be used.")
    return Section("What was left out", paragraphs, table=table)


def bad_table(bad: Sequence[BadMedium]) -> Table:
    """The first pictures that could not be used, with the reason."""
    return Table(("picture", "why"), [[printable(one.path), one.reason] for one in bad[:MOST_BAD]], text=2)


def count(number: float, one: str, many: str | None = None) -> str:
    """A number with its noun, as ``1 animal`` or ``2,000 animals``."""
    return f"{number:,.0f} {one if number == 1 else many or one + 's'}"
