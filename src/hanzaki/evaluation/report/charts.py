"""The parts of a report that are figures, each with the sentence that says what it means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hanzaki.evaluation.answers import Answers, Floats
from hanzaki.evaluation.metrics import bootstrap_interval
from hanzaki.evaluation.report.figures import curves, embedding_map, grouped_bars, reliability_diagram
from hanzaki.evaluation.report.maps import LEAST, embed, map_sample
from hanzaki.evaluation.report.page import Figure, Section, Table
from hanzaki.evaluation.report.sureness import LEAST as LEAST_ANSWERS
from hanzaki.evaluation.report.sureness import Sureness
from hanzaki.keypoints import Keypoints

if TYPE_CHECKING:
    from hanzaki.evaluation.protocols import Result
    from hanzaki.vision.describing import Description

_MOST_BARS = 12
_MOST_GROUPS = 100
_LONGEST_CURVE = 50
_SURE = (0.5, 0.8, 0.9, 0.95)


def percent(value: float) -> str:
    """A fraction as ``76.2%``; a dash where there is none."""
    return "-" if value != value else f"{100 * value:.1f}%"


def group_section(result: Result, answers: Answers, column: str | None) -> Section:
    """Bars by the column that was asked for, or by species and side."""
    rows = _by_column(result) if column is not None else _by_species_and_side(answers)
    rows.sort(key=lambda row: (-row[1], row[0]))
    shown = [row for row in rows if row[1]][:_MOST_BARS]
    series = {
        "top-1": [_bar(intervals[0]) for *_, intervals in shown],
        "top-5": [_bar(intervals[1]) for *_, intervals in shown],
    }
    by = column or "species and side"
    cells = [
        [
            name,
            f"{queries:,}",
            f"{individuals:,}",
            *map(with_interval, intervals[:2]),
            percent(float(intervals[-1, 0])),
        ]
        for name, queries, individuals, intervals in rows[:_MOST_GROUPS]
    ]
    caption = f"Share of queries that were found, by {by}; lines are 95% intervals."
    if len(shown) < sum(row[1] > 0 for row in rows):
        caption += f" The {len(shown)} groups with most queries; the table has more."
    svg = grouped_bars([name for name, *_ in shown], series, ylabel="found")
    headers = (by, "queries", "individuals", "top-1", "top-5", "mAP")
    said = [
        "Groups with few individuals have wide intervals; where two overlap widely, these photographs do not say "
        "which group is easier."
    ]
    return Section(f"By {by}", said, Figure(svg, caption), Table(headers, cells))


GroupRow = tuple[str, int, int, Floats]


def _by_column(result: Result) -> list[GroupRow]:
    return [
        (name, part.queries, part.individuals, np.array(list(part.measures.values())))
        for name, part in result.groups.items()
    ]


def _by_species_and_side(answers: Answers) -> list[GroupRow]:
    asked = answers.frame.iloc[answers.query]
    names = [_species_and_side(*pair) for pair in zip(asked["species"], asked["orientation"], strict=True)]
    individuals = np.array([repr(individual) for individual in answers.individuals])
    rows = []
    for name in sorted(set(names)):
        inside = np.array([other == name for other in names])
        whom = individuals[inside].tolist()
        intervals = bootstrap_interval(answers.measures[inside], whom)
        rows.append((name, int(inside.sum()), len(set(whom)), intervals))
    return rows


def _species_and_side(species: str | None, side: str | None) -> str:
    return f"{species or 'unknown species'}, {side or 'unknown side'}"


def _bar(interval: Iterable[float]) -> tuple[float, float, float]:
    value, low, high = (float(number) for number in interval)
    return value, low, high


def with_interval(interval: Iterable[float]) -> str:
    """A fraction with its interval as ``76.2% (70.2 to 81.8)``; a dash where there is none."""
    value, low, high = interval
    return "-" if value != value else f"{100 * value:.1f}% ({100 * low:.1f} to {100 * high:.1f})"


def curve_section(answers: Answers) -> Section:
    """The cumulative match curve, beside chance."""
    longest = max(2, min(_LONGEST_CURVE, int(answers.contest.max())))
    ks = list(range(1, longest + 1))
    found = bootstrap_interval(answers.match_curve(ks), answers.individuals)
    chance = answers.chance_curve(ks).mean(axis=0)
    none = float("nan")
    svg = curves(
        {
            "this model": [(k, *_bar(interval)) for k, interval in zip(ks, found, strict=True)],
            "guessing": [(k, float(value), none, none) for k, value in zip(ks, chance, strict=True)],
        },
        xlabel="photographs looked at, best first (k)",
        ylabel="right one among them",
    )
    at = min(10, longest)
    said = (
        f"Whoever looks through the first {at} photographs that the model offers finds the right animal among "
        f"them in {percent(float(found[at - 1, 0]))} of cases; guessing gives {percent(float(chance[at - 1]))}."
    )
    caption = (
        "Cumulative match curve: share of queries with the right animal among the first k; band: 95% interval."
    )
    return Section("How far down the list", [said], Figure(svg, caption))


def map_section(answers: Answers, descriptions: Sequence[Description]) -> Section:
    """A map of the model's vectors, where it makes vectors."""
    heading = "Map of the annotations"
    if isinstance(descriptions[0], Keypoints):
        return Section(
            heading,
            [
                "There is no map: this model compares photographs pair by pair, point by point, and gives none of "
                "them a place of its own."
            ],
        )
    vectors = [vector for vector in descriptions if not isinstance(vector, Keypoints)]
    if len(vectors) < LEAST:
        return Section(heading, [f"There is no map: it needs at least {LEAST} annotations."])
    rows = map_sample(len(vectors))
    right = np.full(len(vectors), np.nan)
    right[answers.query] = answers.right
    names = answers.frame["identity"].to_numpy()[rows].tolist()
    svg = embedding_map(embed([vectors[row] for row in rows]), names, right[rows])
    said = [
        "Each point is an annotation; what the model finds alike lies close together. Distances between far "
        "points mean nothing, nor do the axes (t-SNE of the model's vectors, seed 0).",
    ]
    if len(rows) < len(vectors):
        said.append(f"{len(rows):,} of the {len(vectors):,} annotations are shown, drawn by lot.")
    caption = (
        "Filled: found at first; hollow: missed; tiny: not asked about. The individuals with most annotations "
        "have colours and shapes of their own."
    )
    return Section(heading, said, Figure(svg, caption))


def sureness_section(answers: Answers, sure: Sureness | None) -> Section:
    """Whether the program knows when it is right."""
    heading = "How sure an answer is"
    if sure is None:
        right = int(answers.right.sum())
        return Section(
            heading,
            [
                f"This cannot be learnt here: {right:,} answers are right and {len(answers) - right:,} wrong, and "
                f"it takes at least {LEAST_ANSWERS} of each, of several individuals, to see what tells them apart."
            ],
        )
    error = sure.calibration.measures["ece"].value
    known = ~np.isnan(sure.probability)
    probability, right_answers = sure.probability[known], answers.right[known]
    said = [
        "How far the best individual's score lies above the second's says how sure the answer is. What such a "
        "margin is worth was learnt on four fifths of the animals and tried on the last fifth, in turn, so that "
        "no animal vouches for itself.",
        f"On average the probability that was said is {100 * error:.1f} percentage points off how often the "
        f"answer was right (expected calibration error, {len(sure.calibration.reliability.count)} bins in use); "
        "on the dashed line the two would be equal.",
        *_no_sign(probability),
    ]
    svg = reliability_diagram(sure.calibration.reliability)
    caption = "Reliability: how often answers of each probability were right (95% Wilson intervals), and how many."
    return Section(heading, said, Figure(svg, caption), _accepting(probability, right_answers))


def _no_sign(probability: Floats) -> list[str]:
    if probability.max() >= _SURE[0]:
        return []
    return [
        f"No answer reaches a probability of {100 * _SURE[0]:.0f}%; the surest is said to be right with "
        f"{percent(float(probability.max()))}. On these animals, no answer can be taken without a look."
    ]


def _accepting(probability: Floats, right: npt.NDArray[np.bool_]) -> Table:
    rows = []
    for least in _SURE:
        taken = probability >= least
        share = percent(float(right[taken].mean())) if taken.any() else "-"
        rows.append([f"at least {100 * least:.0f}%", f"{int(taken.sum()):,}", percent(float(taken.mean())), share])
    return Table(("taking answers of probability", "queries", "of all", "right"), rows)
