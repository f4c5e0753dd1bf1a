"""Whether one model is better than another on the same queries: paired tests by individual.

Both tests pair the models query by query and take whole individuals for the unit. The *bootstrap* draws animals
again and asks how the difference would vary in other animals; the *permutation* test swaps the two models' answers
about an animal and asks how large a difference would come of nothing (Fisher 1935, The design of experiments,
section 21; Smucker, Allan & Carterette 2007, A comparison of statistical significance tests for information
retrieval).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from hanzaki.evaluation import calibration, classification, openset
from hanzaki.evaluation.resampling import (
    USUAL,
    Floats,
    Integers,
    Interval,
    Resampling,
    StatisticOfSums,
    number_individuals,
    percentile_intervals,
    quotient,
    resample_rows,
    resample_sums,
    sum_by_individual,
)

Truths = npt.NDArray[np.bool_]
#: (k,) rows of a sample, and a model's (k, ...) answers about them -> (q,) measures.
StatisticOfAnswers = Callable[[Integers, Floats], Floats]

_TOLERANCE = 1e-12  # sums in another order differ so far, and still tie


@dataclass(frozen=True)
class Comparison:
    """Two models' values of one measure.

    Attributes:
        first: the first model's value.
        second: the second model's.
        difference: first minus second, with its interval by individual.
        p_bootstrap: two-sided, from the same resamples as the interval.
        p_permutation: two-sided, from swapping the models' answers by individual.
        individuals: how many individuals the queries are of.
    """

    first: float
    second: float
    difference: Interval
    p_bootstrap: float
    p_permutation: float
    individuals: int

    def as_json(self) -> dict[str, Any]:
        """All of it, as numbers that JSON takes."""
        single = {name: getattr(self, name) for name in ("first", "second", "p_bootstrap", "p_permutation")}
        return {
            **{name: None if np.isnan(number) else number for name, number in single.items()},
            "difference": self.difference.as_json(),
            "individuals": self.individuals,
        }


@dataclass(frozen=True)
class McNemar:
    """McNemar's exact test.

    Attributes:
        only_first: queries that the first classifier alone has right.
        only_second: queries that the second alone has right.
        p: two-sided.
    """

    only_first: int
    only_second: int
    p: float


def compare_means(
    first: Floats,
    second: Floats,
    individuals: Sequence[Hashable],
    names: Sequence[str],
    resampling: Resampling = USUAL,
) -> dict[str, Comparison]:
    """Compare two models' means of measures that each query has: top-k hits, average precision, right or wrong.

    Args:
        first: (n, m), the first model's measures of n queries.
        second: (n, m), the second's of the same queries.
        individuals: whom each query is of.
        names: of the m measures.
        resampling: how animals are drawn and answers swapped.

    Raises:
        ValueError: if shapes differ.
    """
    member, count = _pair(first, second, individuals)
    ones = np.ones((len(first), 1))
    ours, theirs = (sum_by_individual(np.hstack([values, ones]), member, count) for values in (first, second))
    return compare_sums(ours, theirs, lambda sums: quotient(sums[:, :-1], sums[:, -1:]), names, resampling)


def compare_labels(
    truth: Sequence[Hashable],
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    labels: Sequence[Hashable],
    individuals: Sequence[Hashable],
    resampling: Resampling = USUAL,
) -> dict[str, Comparison]:
    """Compare the labels that two classifiers give: accuracy, kappa, macro and weighted F1.

    Args:
        truth: the true label of each of n photographs.
        first: the labels that the first classifier gives.
        second: the labels that the second gives.
        labels: all c labels.
        individuals: whom each photograph is of.
        resampling: how animals are drawn and answers swapped.

    Raises:
        ValueError: if lengths differ, a label stands twice, or one is not in ``labels``.
    """
    (ours, count), (theirs, _) = (
        classification.tallies_by_individual(truth, given, labels, individuals) for given in (first, second)
    )
    measures, flat = classification.statistic_of_tallies(ours), (count, 3 * len(labels))

    def statistic(sums: Floats) -> Floats:
        return measures(sums)[:, : len(classification.MEASURES)]

    return compare_sums(ours.reshape(flat), theirs.reshape(flat), statistic, classification.MEASURES, resampling)


def compare_open_sets(
    known: Truths,
    first: tuple[Floats, Truths],
    second: tuple[Floats, Truths],
    individuals: Sequence[Hashable],
    rates: Sequence[float] = openset.RATES,
    resampling: Resampling = USUAL,
) -> dict[str, Comparison]:
    """Compare how two models tell strangers from the known: ``auroc first dir@RATE``.

    The scores are replaced by their ranks among the model's own before answers are swapped, since two models'
    scores need not be on one scale; no measure here asks for more than their order.

    Args:
        known: bool (n,), whether each query's individual is in the gallery.
        first: the first model's scores (n,) of its best candidates, and whether they are right, bool (n,).
        second: the second model's.
        individuals: whom each query is of.
        rates: false-positive rates.
        resampling: how animals are drawn and answers swapped.

    Raises:
        ValueError: as :func:`hanzaki.evaluation.openset.judge_open_set`.
    """
    for scores, right in (first, second):
        openset.check_open_set(scores, known, right)

    def statistic(rows: Integers, answers: Floats) -> Floats:
        return openset.open_set_measures(answers[:, 0], known[rows], answers[:, 1] > 0, rates)

    ours, theirs = (np.stack([openset.ranks(scores), right], axis=1) for scores, right in (first, second))
    names = ("auroc", "first", *(f"dir@{rate:g}" for rate in rates))
    return compare_answers(ours, theirs, statistic, individuals, names, resampling)


def compare_calibrations(
    truth: npt.NDArray[np.integer] | Truths,
    first: Floats,
    second: Floats,
    individuals: Sequence[Hashable],
    bins: int = calibration.BINS,
    resampling: Resampling = USUAL,
) -> dict[str, Comparison]:
    """Compare how far two models' probabilities mean what they say: ``ece ece_mass brier log_loss``, low = good.

    Args:
        truth: bool (n,), whether the event happened; or int (n,), the column of the true class.
        first: the first model's probabilities, (n,) of an event or (n, c) of classes.
        second: the second model's.
        individuals: whom each query is of.
        bins: of the calibration errors.
        resampling: how animals are drawn and answers swapped.

    Raises:
        ValueError: if lengths differ, or the probabilities are none.
    """
    ours, theirs = (calibration.calibration_columns(probabilities, truth) for probabilities in (first, second))

    def statistic(_: Integers, answers: Floats) -> Floats:
        return calibration.calibration_measures(answers, bins)

    return compare_answers(ours, theirs, statistic, individuals, calibration.MEASURES, resampling)


def compare_sums(
    first: Floats,
    second: Floats,
    statistic: StatisticOfSums,
    names: Sequence[str],
    resampling: Resampling = USUAL,
) -> dict[str, Comparison]:
    """Compare two models by any measures that are functions of sums by individual.

    Args:
        first: (count, s), the first model's sums, one row an individual.
        second: (count, s), the second's of the same individuals.
        statistic: from the sums of a sample to its q measures.
        names: of the q measures.
        resampling: how animals are drawn and answers swapped.
    """
    totals = [statistic(sums.sum(axis=0, keepdims=True))[0] for sums in (first, second)]
    drawn = resample_sums(first, statistic, resampling) - resample_sums(second, statistic, resampling)
    surplus = first - second
    blocks = []
    for swap in _swaps(len(first), resampling, width=first.shape[1]):
        moved = swap @ surplus
        blocks.append(statistic(first.sum(axis=0) - moved) - statistic(second.sum(axis=0) + moved))
    return _comparisons(names, totals, drawn, np.concatenate(blocks), len(first), resampling)


def compare_answers(
    first: Floats,
    second: Floats,
    statistic: StatisticOfAnswers,
    individuals: Sequence[Hashable],
    names: Sequence[str],
    resampling: Resampling = USUAL,
) -> dict[str, Comparison]:
    """Compare two models by any measures at all: one resample after another.

    Args:
        first: (n, ...), the first model's answers to n queries.
        second: (n, ...), the second's to the same; swapping takes them to be on one scale.
        statistic: from the rows of a sample, and a model's answers there, to q measures.
        individuals: whom each query is of.
        names: of the q measures.
        resampling: how animals are drawn and answers swapped.

    Raises:
        ValueError: if shapes differ.
    """
    member, count = _pair(first, second, individuals)
    rows = np.arange(len(first))

    def difference(sample: Integers) -> Floats:
        return statistic(sample, first[sample]) - statistic(sample, second[sample])

    def swapped(swap: Integers) -> Floats:
        taken = (swap[member] > 0).reshape(-1, *[1] * (first.ndim - 1))
        return statistic(rows, np.where(taken, second, first)) - statistic(rows, np.where(taken, first, second))

    totals = [statistic(rows, first), statistic(rows, second)]
    drawn = resample_rows(individuals, difference, resampling)
    by_chance = np.stack([swapped(swap) for block in _swaps(count, resampling) for swap in block])
    return _comparisons(names, totals, drawn, by_chance, count, resampling)


def mcnemar(first_right: Truths, second_right: Truths) -> McNemar:
    """McNemar's test of two classifiers, exact by the binomial (McNemar 1947; Dietterich 1998, section 3.1).

    Where the two disagree, either should be right as often. Every photograph counts as a draw of its own; where an
    animal has many, :func:`compare_labels` is the fairer test.

    Args:
        first_right: bool (n,), whether the first classifier is right about each of n photographs.
        second_right: bool (n,), whether the second is.

    Returns:
        The test; p = 1 if they never disagree.

    Raises:
        ValueError: if lengths differ.
    """
    if first_right.shape != second_right.shape:
        raise ValueError(f"{len(first_right)} answers of one classifier, {len(second_right)} of the other")
    only_first = int((first_right & ~second_right).sum())
    only_second = int((second_right & ~first_right).sum())
    disagree = only_first + only_second
    p = float(binomtest(only_first, disagree, 0.5).pvalue) if disagree else 1.0
    return McNemar(only_first, only_second, p)


def bootstrap_p(differences: Floats) -> float:
    """Two-sided p of no difference, from resampled differences (Davison & Hinkley 1997, section 4.4).

    Twice the share of resamples on the far side of zero, those at zero included, and one more of each so that it
    is never 0: under 5% about where the 95% percentile interval leaves zero out.

    Args:
        differences: (resamples,); NaN do not count.

    Returns:
        Up to 1; NaN if there are no resamples.
    """
    there = differences[~np.isnan(differences)]
    if not len(there):
        return float("nan")
    fewer = min(np.count_nonzero(there <= _TOLERANCE), np.count_nonzero(there >= -_TOLERANCE))
    return min(1.0, 2 * (fewer + 1) / (len(there) + 1))


def permutation_p(observed: float, by_chance: Floats, *, exact: bool) -> float:
    """Two-sided p: how often chance gives a difference as large (Phipson & Smyth 2010, for drawn permutations).

    Args:
        observed: the difference.
        by_chance: (permutations,), what swapping gave; NaN do not count.
        exact: whether these are all permutations, the one observed among them, or drawn ones, to which it is
            added.

    Returns:
        Over 0, up to 1; NaN if there is no difference to judge.
    """
    there = by_chance[~np.isnan(by_chance)]
    if np.isnan(observed) or not len(there):
        return float("nan")
    extreme = np.count_nonzero(np.abs(there) >= abs(observed) - _TOLERANCE * max(1, abs(observed)))
    return float(extreme / len(there) if exact else (extreme + 1) / (len(there) + 1))


def _comparisons(
    names: Sequence[str],
    totals: Sequence[Floats],
    drawn: Floats,
    by_chance: Floats,
    count: int,
    resampling: Resampling,
) -> dict[str, Comparison]:
    first, second = totals
    intervals = percentile_intervals(first - second, drawn, resampling.level)
    return {
        name: Comparison(
            first=float(first[place]),
            second=float(second[place]),
            difference=interval,
            p_bootstrap=bootstrap_p(drawn[:, place]),
            p_permutation=permutation_p(interval.value, by_chance[:, place], exact=_enumerable(count, resampling)),
            individuals=count,
        )
        for place, (name, interval) in enumerate(zip(names, intervals, strict=True))
    }


def _enumerable(count: int, resampling: Resampling) -> bool:
    return count < resampling.resamples.bit_length()  # 2^count <= resamples


def _swaps(count: int, resampling: Resampling, *, width: int = 1) -> Iterator[Integers]:
    """Whose answers are swapped, 0 or 1, in blocks (b, count): all ways if they are few, drawn ones else."""
    if _enumerable(count, resampling):
        yield np.array(list(product((0, 1), repeat=count)), np.int64).reshape(2**count, count)
        return
    rng = np.random.default_rng([resampling.seed, 1])  # not the stream that draws animals
    step = max(1, (1 << 21) // max(count, width))
    for start in range(0, resampling.resamples, step):
        yield rng.integers(0, 2, (min(step, resampling.resamples - start), count))


def _pair(first: Floats, second: Floats, individuals: Sequence[Hashable]) -> tuple[Integers, int]:
    if first.shape != second.shape or len(first) != len(individuals):
        raise ValueError(
            "two models are compared on the same queries, not on answers of shapes "
            f"{first.shape} and {second.shape} for {len(individuals)} queries"
        )
    return number_individuals(individuals)
