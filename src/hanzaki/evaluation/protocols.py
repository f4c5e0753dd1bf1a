"""One against all, as in the MiewID paper (section 5.1): every annotation is a query against all others."""

from __future__ import annotations

import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from hanzaki.annotations import Annotations
from hanzaki.errors import BadMedium, SettingError, printable
from hanzaki.evaluation.answers import MEASURES as MEASURES
from hanzaki.evaluation.answers import Answer, Answers, Contest
from hanzaki.evaluation.cropping import read_crop
from hanzaki.evaluation.leaks import Leak
from hanzaki.evaluation.metrics import bootstrap_interval
from hanzaki.matching.index import build_index
from hanzaki.media import Pixels
from hanzaki.settings import settings
from hanzaki.vision.describing import Describer, Description, describe_all

_MEBI = 1 << 20

Progress = Callable[[str, int, int], None]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Result:
    """How well individuals were found.

    Attributes:
        queries: annotations that were asked about.
        skipped: annotations with no true match to be found (or of nobody known), which were not.
        individuals: how many individuals the queries are of.
        measures: ``top1 top5 top10 top20 map``: value and 95% interval by individual, as fractions.
        seconds: of the whole run, pictures read and described included.
        peak_mb: the process's highest memory so far.
        groups: the same by group, if asked for.
        bad: pictures that could not be used, with the reason; they are in neither queries nor gallery.
        answers: what each query was answered; None in the results of groups.
        leaks: annotations that find a copy or a neighbour of themselves, which makes the numbers too good.
    """

    queries: int
    skipped: int
    individuals: int
    measures: dict[str, tuple[float, float, float]]
    seconds: float
    peak_mb: float
    groups: dict[str, Result] = field(default_factory=dict)
    bad: tuple[BadMedium, ...] = ()
    answers: Answers | None = field(default=None, repr=False, compare=False)
    leaks: tuple[Leak, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The object that ``hanzaki evaluate --json`` prints."""
        values: dict[str, Any] = {
            "queries": self.queries,
            "skipped": self.skipped,
            "individuals": self.individuals,
            **{name: list(interval) if self.queries else None for name, interval in self.measures.items()},
            "seconds": round(self.seconds, 3),
            "peak_mb": round(self.peak_mb, 1),
        }
        if self.groups:
            values["groups"] = {name: group.as_json() for name, group in self.groups.items()}
        if self.leaks:
            values["leaks"] = dict(Counter(leak.kind for leak in self.leaks))
        if self.bad:
            values["bad"] = [{"path": printable(bad.path), "reason": bad.reason} for bad in self.bad]
        return values


@dataclass(frozen=True)
class Described:
    """A table's animals, described: what can be compared.

    Attributes:
        frame: the annotations, one row each; a row that stood twice stands once.
        descriptions: of each of them, of one kind.
        bad: pictures that could not be used, with the reason.
        pixels: gives the pixels of a row of ``frame`` as the model saw them; raises ``BadMedium``.
        started: when the work began, on the clock of ``time.perf_counter``.
    """

    frame: pd.DataFrame
    descriptions: Sequence[Description]
    bad: tuple[BadMedium, ...]
    pixels: Callable[[int], Pixels]
    started: float


def check_group(table: Annotations, group: str | None) -> None:
    """Before anything long begins: is there such a column?

    Raises:
        SettingError: if there is none.
    """
    if group is not None and group not in table.frame.columns:
        raise SettingError(f"there is no column {group!r} to group by; there are {', '.join(table.frame.columns)}")


def describe_table(table: Annotations, describer: Describer, progress: Progress | None = None) -> Described:
    """Read and describe a table's animals.

    A row that stands twice counts once, since an annotation must not find itself.

    Args:
        table: paths start from its own folder.
        describer: a model, or SIFT.
        progress: told how far it is.
    """
    started = time.perf_counter()
    twice = table.frame.astype({"bbox": str})[["path", "frame", "bbox", "identity"]].duplicated()
    rows = [row for row, again in zip(table, twice, strict=True) if not again]

    def crop_of(position: int) -> Pixels:
        return read_crop(table.folder, rows[position], describer.area_fraction)

    descriptions: list[Description] = []
    kept: list[int] = []
    bad: list[BadMedium] = []
    for position, description in describe_all(describer, range(len(rows)), crop_of, settings().threads):
        if isinstance(description, BadMedium):
            bad.append(description)
        else:
            kept.append(position)
            descriptions.append(description)
        if progress is not None:
            progress("describing", position + 1, len(rows))
    frame = table.frame[~twice.to_numpy()].iloc[kept].reset_index(drop=True)
    return Described(frame, descriptions, tuple(bad), lambda row: crop_of(kept[row]), started)


def judge(described: Described, *, group: str | None = None, progress: Progress | None = None) -> Result:
    """Find each described animal among all others of its species and side.

    Args:
        described: see :func:`describe_table`.
        group: a column to give results by as well.
        progress: told how far it is.
    """
    answers = answer_all(described.descriptions, described.frame, progress)
    frame, measures = described.frame, _by_annotation(answers)
    by_group = {} if group is None else _by_group(frame[group], frame, measures, described.started)
    return _result(frame, measures, described.started, by_group, described.bad, answers)


def one_against_all(
    descriptions: Sequence[Description], frame: pd.DataFrame, progress: Progress | None = None
) -> Floats:
    """How well each annotation is found; see :func:`answer_all`.

    Returns:
        float64 (n, 5), the columns of :data:`MEASURES`; NaN where an annotation has no true match.
    """
    return _by_annotation(answer_all(descriptions, frame, progress))


def answer_all(
    descriptions: Sequence[Description], frame: pd.DataFrame, progress: Progress | None = None
) -> Answers:
    """Rank, for every annotation, all others of its species and side; never itself.

    Scores are made and used up in blocks of queries, so that memory grows with the number of annotations and not
    with its square.

    Args:
        descriptions: of n annotations, of one kind.
        frame: their ``identity species orientation``; an annotation of nobody known is in the gallery of the
            others, and no query.
        progress: told how far it is.
    """
    rows: list[Answer] = []
    for _, group in frame.fillna({"species": "", "orientation": ""}).groupby(
        ["species", "orientation"], sort=True
    ):
        members = group.index.to_numpy()
        names, sides = (
            [_text(cell) for cell in frame[column].iloc[members]] for column in ("identity", "orientation")
        )
        index = build_index([descriptions[row] for row in members], names, sides)
        contest = Contest(frame, members)
        queries = contest.queries()
        blocks = index.search(
            [descriptions[members[query]] for query in queries], [np.array([q]) for q in queries]
        )
        asked = iter(queries)
        for block in blocks:
            rows += [contest.answer(next(asked), scores) for scores in block]
            if progress is not None:
                progress("matching", len(rows), len(frame))
    return Answers.of(frame, rows)


def _by_annotation(answers: Answers) -> Floats:
    results = np.full((len(answers.frame), len(MEASURES)), np.nan)
    results[answers.query] = answers.measures
    return results


def _text(name: object) -> str | None:
    return None if name is None else str(name)


def _by_group(column: pd.Series[Any], frame: pd.DataFrame, measures: Floats, started: float) -> dict[str, Result]:
    groups = column.fillna("unknown").astype(str)
    return {
        name: _result(frame[groups == name], measures[(groups == name).to_numpy()], started)
        for name in sorted(groups.unique())
    }


def _result(
    frame: pd.DataFrame,
    measures: Floats,
    started: float,
    groups: dict[str, Result] | None = None,
    bad: tuple[BadMedium, ...] = (),
    answers: Answers | None = None,
) -> Result:
    asked = ~np.isnan(measures[:, 0])
    pairs = zip(frame["species"][asked], frame["identity"][asked], strict=True)
    identities: list[Hashable] = list(pairs)  # two species may use the same names
    intervals = bootstrap_interval(measures[asked], identities)
    return Result(
        queries=int(asked.sum()),
        skipped=int((~asked).sum()),
        individuals=len(set(identities)),
        measures={name: _triple(row) for name, row in zip(MEASURES, intervals, strict=True)},
        seconds=time.perf_counter() - started,
        peak_mb=peak_mb(),
        groups=groups or {},
        bad=bad,
        answers=answers,
    )


def _triple(row: Iterable[float]) -> tuple[float, float, float]:
    value, low, high = (float(number) for number in row)
    return value, low, high


def peak_mb() -> float:
    """The highest memory of this process so far, in MB (2^20 bytes)."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what a large parent had before this program began
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / _MEBI
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / _MEBI if sys.platform == "darwin" else peak * 1024 / _MEBI
