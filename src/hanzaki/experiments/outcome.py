"""What comes of an experiment: a table, a figure, and sentences on what holds and what does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from hanzaki.evaluation.labelling import Labelled
from hanzaki.evaluation.metrics import bootstrap_interval
from hanzaki.evaluation.resampling import Interval

#: Measures of a classifier that papers print.
MEASURES = ("accuracy", "kappa", "macro_f1")

#: Headers of the columns of :func:`measures`.
MEASURED = ("accuracy %", "kappa", "macro F1")

#: Headers of the columns of :func:`calibrated`.
CALIBRATED = ("ECE at temperature 1", "ECE", "temperature")


@dataclass(frozen=True)
class Share:
    """A share with its 95% interval by individual, as fractions."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if self.value != self.value:
            return "-"
        return f"{100 * self.value:.1f} ({100 * self.low:.1f} to {100 * self.high:.1f})"

    @property
    def triple(self) -> tuple[float, float, float]:
        """As figures take it."""
        return self.value, self.low, self.high


@dataclass(frozen=True)
class Outcome:
    """What came of an experiment.

    Attributes:
        headers: of the table.
        rows: of the table, ready to be printed.
        records: the same numbers, one a row, with all their columns, for other programs.
        figures: SVG by caption.
        answers: what holds of the paper's finding at this size, and what does not.
        notes: what must be known to read the numbers.
        text: how many of the table's first columns are text.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[object]]
    records: pd.DataFrame
    figures: dict[str, str]
    answers: Sequence[str]
    notes: Sequence[str] = field(default_factory=tuple)
    text: int = 1


def share(frame: pd.DataFrame, column: str = "top1") -> Share:
    """The mean of a column over queries, with its interval by individual."""
    names = list(zip(frame["species"], frame["identity"], strict=True))
    value, low, high = bootstrap_interval(frame[[column]].to_numpy(float), names)[0]
    return Share(float(value), float(low), float(high))


def gain(one: pd.DataFrame, other: pd.DataFrame, column: str = "top1") -> Share:
    """How much more of the same queries the first found: the paired difference, with its interval by individual.

    Raises:
        ValueError: if the queries are not the same.
    """
    if list(one["identity"]) != list(other["identity"]):
        raise ValueError("only answers to the same queries can be compared")
    return share(one.assign(gain=one[column] - other[column]), "gain")


def record(values: Share, **columns: Any) -> dict[str, Any]:
    """One row of ``records``."""
    return {**columns, "top1": values.value, "low": values.low, "high": values.high}


def measures(judged: Labelled) -> list[str]:
    """Accuracy in percent, kappa and macro F1 as papers print them, with intervals."""
    accuracy, *others = (judged.classification.measures[name] for name in MEASURES)
    return [percent(accuracy), *map(decimal, others)]


def calibrated(judged: Labelled) -> list[str]:
    """Expected calibration error before and after temperature scaling, and the temperature."""
    before, after = (one.measures["ece"].value for one in (judged.before, judged.after))
    return [f"{before:.3f}", f"{after:.3f}", f"{judged.temperature:.2f}"]


def decimal(interval: Interval) -> str:
    """A number of 0 to 1 with its interval."""
    return f"{interval.value:.2f} ({interval.low:.2f} to {interval.high:.2f})"


def percent(interval: Interval) -> str:
    """A share with its interval, in percent."""
    return str(Share(*interval))
