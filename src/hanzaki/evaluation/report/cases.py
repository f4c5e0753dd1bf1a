"""The parts of a report that are pictures: who was found, who was missed, who is hardest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hanzaki.evaluation.answers import Answers
from hanzaki.evaluation.report.page import Picture, Section, Strip, Table
from hanzaki.evaluation.report.pictures import Album

Integers = npt.NDArray[np.intp]

_FOUND, _MISSED, _HARDEST = 4, 8, 8
_NEIGHBOURS = 3  # of a query
_CROPS = 4  # of each of the hardest individuals
_PICTURED = 4  # of the hardest individuals


def found_section(answers: Answers, album: Album) -> Section:
    """Some queries whose first answer was right, from the surest to the least sure."""
    heading = "Found"
    rows = np.flatnonzero(answers.right)
    if not len(rows):
        return Section(heading, ["No query was found at first."])
    rows = _one_each(answers, _by_margin(answers, rows))
    chosen = rows[np.unique(np.linspace(0, len(rows) - 1, _FOUND).round().astype(np.intp))]
    strips = [
        Strip((album.show(answers.query[row], "asked"), *_nearest(answers, album, row, _NEIGHBOURS)))
        for row in chosen.tolist()
    ]
    said = (
        f"{len(chosen)} of the {int(answers.right.sum()):,} queries found, from the clearest to the narrowest, "
        "with what came nearest (full frame: the right animal; dashed: another)."
    )
    return Section(heading, [said], strips=strips)


def missed_section(answers: Answers, album: Album) -> Section:
    """The misses that looked most like hits, one an individual."""
    heading = "Missed"
    rows = np.flatnonzero(~answers.right)
    if not len(rows):
        return Section(heading, ["Every query was found at first."])
    chosen = _one_each(answers, _by_margin(answers, rows))[:_MISSED]
    strips = [Strip(_miss(answers, album, row)) for row in chosen.tolist()]
    said = (
        f"{len(chosen)} of the {len(rows):,} queries missed: those in which the wrong animal was furthest ahead, "
        "one an individual, each with the best photograph of the right animal last. Look here first for wrong "
        "names in the table."
    )
    return Section(heading, [said], strips=strips)


def _miss(answers: Answers, album: Album, row: int) -> Sequence[Picture]:
    lines = (_place(answers.rank[row], answers.contest[row]), f"score {answers.match_score[row]:.3g}")
    nearest = [at for at in range(_NEIGHBOURS - 1) if answers.nearest[row, at] != answers.match[row]]
    return (
        album.show(answers.query[row], "asked"),
        *_nearest(answers, album, row, len(nearest)),
        album.show(answers.match[row], *lines, mark="right"),
    )


def _nearest(answers: Answers, album: Album, row: int, count: int) -> Iterator[Picture]:
    """The first few answers to a query, framed by whether they are right."""
    identities = answers.frame["identity"].to_numpy()
    for place, at in enumerate(answers.nearest[row, :count].tolist(), 1):
        if at >= 0:
            right = identities[at] == identities[answers.query[row]]
            lines = (_place(place, answers.contest[row]), f"score {answers.scores[row, place - 1]:.3g}")
            yield album.show(at, *lines, mark="right" if right else "wrong")


def _place(place: float, of: int) -> str:
    return f"place {place:,.0f} of {of:,}"


def _by_margin(answers: Answers, rows: Integers) -> Integers:
    """The rows, widest margin first; a lone individual's answer, which has no margin, comes last."""
    return np.asarray(rows[np.argsort(-answers.margin[rows], kind="stable")], np.intp)


def _one_each(answers: Answers, rows: Integers) -> Integers:
    """The first row of each individual."""
    names = answers.individuals
    return np.array(list({names[row]: row for row in rows[::-1].tolist()}.values())[::-1], np.intp)


def hardest_section(answers: Answers, album: Album) -> Section:
    """The individuals found least often."""
    table = by_individual(answers)
    never = sum(individual.top1 == 0 for individual in table)
    shown = table[:_HARDEST]
    rows = [
        [
            one.name,
            one.species or "-",
            f"{one.photographs:,}",
            f"{len(one.queries):,}",
            _share(one.top1),
            _share(one.map),
        ]
        for one in shown
    ]
    said = [
        f"Of {len(table):,} individuals, {never or 'none'} {'was' if never < 2 else 'were'} never found at first. "
        "Below, those with the lowest top-1, and among these with the lowest mAP."
    ]
    strips = [
        Strip([album.show(at) for at in one.queries[:_CROPS]], f"{one.name}: top-1 {_share(one.top1)}")
        for one in shown[:_PICTURED]
    ]
    headers = ("individual", "species", "photographs", "queries", "top-1", "mAP")
    return Section("Hardest individuals", said, table=Table(headers, rows, text=2), strips=strips)


class Individual(NamedTuple):
    """How well one individual was found; ``queries`` are positions in the table, measures are fractions."""

    top1: float
    map: float
    species: str
    name: str
    photographs: int
    queries: list[int]


def by_individual(answers: Answers) -> list[Individual]:
    """How well each individual was found, the hardest first."""
    pairs = zip(answers.frame["species"], answers.frame["identity"], strict=True)
    photographs = Counter(pairs)
    queries: dict[tuple[str | None, str], list[int]] = {}
    for row, individual in enumerate(answers.individuals):
        queries.setdefault(individual, []).append(row)
    return sorted(
        Individual(
            top1=float(answers.measures[rows, 0].mean()),
            map=float(answers.measures[rows, -1].mean()),
            species=individual[0] or "",
            name=str(individual[1]),
            photographs=photographs[individual],
            queries=answers.query[rows].tolist(),
        )
        for individual, rows in queries.items()
    )


def _share(value: float) -> str:
    return f"{100 * value:.1f}%"
