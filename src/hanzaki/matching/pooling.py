"""From scores of pairs of photographs to one score of each individual.

An encounter has several photographs, and so has an individual of the gallery. Each photograph of the query is
first put on a scale of its own (:func:`standardised`): how many standard deviations a pair lies above what the
other individuals reach with this photograph: the cohort normalisation of speaker recognition (Auckenthaler,
Carey & Lloyd-Thomas 2000, Score normalization for text-independent speaker verification systems, section 3.1).
It makes scores of good and bad pictures, and of large and small galleries, comparable.

Then an individual's pairs are joined by a soft maximum, and the query's photographs by another (:func:`pool`).
The likest pictures speak, without the maximum's luck of whoever has many; a bad frame, in which nobody is like,
says little beside a good one; and of frames that repeat each other several are worth no more than one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtr

Floats = npt.NDArray[np.float64]
Scores = npt.NDArray[np.floating]
Codes = npt.NDArray[np.intp]
Truths = npt.NDArray[np.bool_]

_LEAST_SPREAD = 1e-6  # of a cohort whose scores are all alike
_COHORT = 3  # individuals, at least
_FURTHEST = 30.0  # deviations: beyond, the tail of a distribution is too thin for a float


@dataclass(frozen=True)
class Pooling:
    """How pairs of photographs are joined.

    Attributes:
        temperature: of the soft maximum, in standard deviations of the cohort; towards 0 it is the maximum.
        counted: 0 to 1, the power to which the number of an individual's photographs divides: 1 takes the mean of
            what they say, 0 the sum. What lies between allows that an animal that was often seen is likelier to be
            seen again, and has more ways to look alike.
        frames: of the soft maximum over the query's photographs, likewise; without end it is their mean.
        limit: standard deviations beyond which a score counts no more.
    """

    temperature: float = 1.0
    counted: float = 0.6
    frames: float = 1.5
    limit: float = 5.0


#: Chosen by measurement; see docs/explanation/identity.md.
USUAL = Pooling()


def numbered_individuals(individuals: npt.NDArray[np.object_]) -> tuple[list[object], Codes]:
    """The distinct individuals in order, and of each annotation which of them it shows; -1 = nobody known.

    Args:
        individuals: (n,), None = nobody knows.
    """
    names = sorted({name for name in individuals if name is not None}, key=repr)
    number = {name: place for place, name in enumerate(names)}
    return names, np.array([-1 if name is None else number[name] for name in individuals], np.intp)


def best_of_individuals(pairs: Scores, codes: Codes, count: int) -> Floats:
    """Each photograph's best score with each individual: float64 (q, count), NaN where there is no pair.

    Args:
        pairs: (q, n), NaN where not compared.
        codes: (n,), of each annotation which individual it shows; -1 = nobody known, and it speaks for no one.
        count: how many individuals there are.
    """
    order = np.argsort(codes, kind="stable")
    order = order[codes[order] >= 0]
    best = np.full((len(pairs), count), np.nan)
    if len(order):
        present, starts = np.unique(codes[order], return_index=True)
        filled = np.where(np.isnan(pairs[:, order]), -np.inf, pairs[:, order]).astype(np.float64)
        best[:, present] = np.maximum.reduceat(filled, starts, axis=1)
    return np.where(np.isneginf(best), np.nan, best)


def standardised(pairs: Scores, codes: Codes, count: int) -> Floats:
    r"""Scores in standard deviations of what individuals reach, photograph by photograph of the query.

    The individual who reaches most is left out of the mean and of the deviation: it may be the one who is sought,
    and the smaller the gallery, the more it would hide itself. Of few individuals mean and deviation are hardly
    known. What another one would reach is then spread as Student's t (Student 1908, The probable error of a mean),

    .. math:: z = \Phi^{-1} \left( T_{k-1} \left( \frac{s - m}{d \sqrt{1 + 1/k}} \right) \right)

    with m and d the mean and deviation of k others, T Student's distribution and :math:`\Phi` the normal one: five
    deviations of two animals say little, of fifty nearly all.

    Args:
        pairs: (q, n), NaN where not compared.
        codes: (n,), of each annotation which individual it shows; -1 = nobody known.
        count: how many individuals there are.

    Returns:
        float64 (q, n), NaN where not compared, and where fewer than three individuals were: they are no cohort.
    """
    best = best_of_individuals(pairs, codes, count)
    there = ~np.isnan(best)
    result = np.full(pairs.shape, np.nan)
    for row in np.flatnonzero(there.sum(axis=1) >= _COHORT):
        others = np.sort(best[row, there[row]])[:-1]
        known = len(others)
        spread = max(float(others.std(ddof=1)), _LEAST_SPREAD) * np.sqrt(1 + 1 / known)
        distance = np.clip((pairs[row] - others.mean()) / spread, -_FURTHEST, _FURTHEST)
        result[row] = -np.sign(distance) * ndtri(stdtr(known - 1, -np.abs(distance)))
    return result


def pool(
    pairs: Scores, codes: Codes, count: int, pooling: Pooling = USUAL, admitted: Truths | None = None
) -> Floats:
    r"""One score of each individual from an encounter's pairs.

    .. math:: v_i = \phi \log \frac{1}{q_i} \sum_j e^{v_{ij} / \phi}, \qquad v_{ij} = \tau \log
        \frac{\sum_{k \in i} e^{z_{jk} / \tau}}{n_i^\alpha}

    with z the standardised scores, j the query's photographs, of which :math:`q_i` were compared with the
    individual's, k, of which there are :math:`n_i`; :math:`\tau` is ``temperature``, :math:`\alpha` ``counted``,
    :math:`\phi` ``frames``.

    Args:
        pairs: (q, n) scores, higher is more alike; NaN where not compared.
        codes: (n,), of each annotation which individual it shows; -1 = nobody known.
        count: how many individuals there are.
        pooling: how pairs are joined.
        admitted: bool (q, n), which pairs might have been compared. Who has such pairs with a photograph that was
            compared with others, but was not compared itself, was passed over by a shortlist, and is given 0: as
            like as others are on average. Else it would be the better for never having been looked at closely.

    Returns:
        float64 (count,), in standard deviations of the cohort; NaN for who was not compared.
    """
    scaled = np.clip(standardised(pairs, codes, count), -pooling.limit, pooling.limit)
    rows, columns = np.nonzero(~np.isnan(scaled) & (codes >= 0)[None])
    sums = np.zeros((len(pairs), count))
    np.add.at(sums, (rows, codes[columns]), np.exp(scaled[rows, columns] / pooling.temperature))
    number = np.zeros((len(pairs), count))
    np.add.at(number, (rows, codes[columns]), 1)
    compared = number > 0
    voices = np.full(sums.shape, -np.inf)
    voices[compared] = np.log(sums[compared]) - pooling.counted * np.log(number[compared])
    frames = compared.sum(axis=0)
    heard = np.logaddexp.reduce(pooling.temperature / pooling.frames * voices, axis=0)
    total = np.where(frames > 0, pooling.frames * (heard - np.log(np.maximum(frames, 1))), np.nan)
    if admitted is not None:
        spoke = admitted[compared.any(axis=1)].any(axis=0) & (codes >= 0)
        passed_over = np.bincount(codes[spoke], minlength=count) > 0
        total[passed_over & (frames == 0)] = 0.0
    return np.asarray(total, np.float64)
