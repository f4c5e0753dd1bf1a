"""How well a pile was put together into individuals, by pairs, items and entropy, with intervals by individual.

All measures are functions of sums over items, each item's share being what its own cluster and its own individual
are like in the whole pile. So thousands of resamples are measured at once; that is why this is not scikit-learn,
with which the values agree. An individual that is drawn twice counts twice, with clusters as they were found.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy

from hanzaki.evaluation.resampling import (
    USUAL,
    Floats,
    Interval,
    Resampling,
    interval_of_sums,
    number_individuals,
    quotient,
    sum_by_individual,
)

MEASURES = (
    "adjusted_rand",
    "homogeneity",
    "completeness",
    "v_measure",
    "bcubed_precision",
    "bcubed_recall",
    "bcubed_f1",
    "pair_precision",
    "pair_recall",
    "pair_f1",
    "count_error",
)


@dataclass(frozen=True, eq=False)
class ClusterQuality:
    """How well a pile was put together.

    Attributes:
        items: how many photographs or encounters.
        individuals: how many individuals they truly are of.
        clusters: how many were found.
        measures: :data:`MEASURES` with their intervals.
    """

    items: int
    individuals: int
    clusters: int
    measures: Mapping[str, Interval]

    def as_json(self) -> dict[str, Any]:
        """All of it, as numbers that JSON takes."""
        return {
            "items": self.items,
            "individuals": self.individuals,
            "clusters": self.clusters,
            **{name: interval.as_json() for name, interval in self.measures.items()},
        }


def judge_clusters(
    individuals: Sequence[Hashable], clusters: Sequence[Hashable], resampling: Resampling = USUAL
) -> ClusterQuality:
    """Measure clusters, with intervals by individual; see :func:`cluster_measures`.

    Args:
        individuals: whom each of n items truly is of.
        clusters: the cluster that each was put in.
        resampling: how animals are drawn.

    Raises:
        ValueError: if lengths differ.
    """
    member, count = number_individuals(individuals)
    found, clusters_found = number_individuals(clusters)
    if len(member) != len(found):
        raise ValueError(f"{len(member)} items, but {len(found)} clusters")
    sums = sum_by_individual(cluster_columns(member, found), member, count)
    intervals = interval_of_sums(sums, cluster_measures, resampling)
    return ClusterQuality(len(member), count, clusters_found, dict(zip(MEASURES, intervals, strict=True)))


def cluster_columns(member: npt.NDArray[np.integer], found: npt.NDArray[np.integer]) -> Floats:
    """What of each item the measures are made of.

    n_i is the size of its individual, n_c that of its cluster, and n_ic how many items the two share.

    Args:
        member: (n,) the number of each item's individual.
        found: (n,) the number of its cluster.

    Returns:
        float64 (n, 11): one; 1 / n_i; 1 / n_c; n_ic / n_c and n_ic / n_i; half of n_ic - 1, n_c - 1 and n_i - 1
        (pairs that are right, found and true); log n_i, log n_c and log n_ic.
    """
    _, cell = np.unique(np.stack([member, found], axis=1), axis=0, return_inverse=True)
    shared, individual, cluster = (
        np.bincount(column, minlength=1)[column].astype(np.float64) for column in (cell.reshape(-1), member, found)
    )
    columns = [np.ones(len(member)), 1 / individual, 1 / cluster, shared / cluster, shared / individual]
    columns += [(size - 1) / 2 for size in (shared, cluster, individual)]
    columns += [np.log(size) for size in (individual, cluster, shared)]
    return np.stack(columns, axis=1)


def cluster_measures(sums: Floats) -> Floats:
    """All of :data:`MEASURES`, from sums of items' columns.

    - ``adjusted_rand``: agreement on pairs beyond chance (Hubert & Arabie 1985, Comparing partitions, equation 5).
    - ``homogeneity``, ``completeness``, ``v_measure``: by entropy (Rosenberg & Hirschberg 2007, V-measure,
      equations 1 to 3, with beta = 1).
    - ``bcubed_*``: of an item's cluster the share that is of its individual, and of its individual the share that
      is in its cluster, both averaged over items (Bagga & Baldwin 1998; Amigó et al. 2009, A comparison of
      extrinsic clustering evaluation metrics, section 4).
    - ``pair_*``: of the pairs put together the share that belong together, and the reverse.
    - ``count_error``: individuals found over individuals there, less one: +0.1 is ten found for one too many.

    Args:
        sums: (b, 11), of columns as :func:`cluster_columns` gives them.

    Returns:
        float64 (b, 11); NaN where a measure has no value.
    """
    items, individuals, clusters, precise, recalled, right, found, true, *logs = sums.T
    rand = _adjusted_rand(items, right, found, true)
    homogeneity, completeness, v_measure = _entropies(items, *logs)
    precision, recall = quotient(precise, items), quotient(recalled, items)
    return np.stack(
        [
            rand,
            homogeneity,
            completeness,
            v_measure,
            precision,
            recall,
            quotient(2 * precision * recall, precision + recall),
            quotient(right, found),
            quotient(right, true),
            quotient(2 * right, found + true),
            quotient(clusters, individuals) - 1,
        ],
        axis=1,
    )


def _adjusted_rand(items: Floats, right: Floats, found: Floats, true: Floats) -> Floats:
    """Hubert & Arabie's index; one where both partitions leave chance no room, as scikit-learn has it."""
    chance = np.nan_to_num(quotient(found * true, items * (items - 1) / 2))
    index = quotient(right - chance, (found + true) / 2 - chance)
    return np.where(items > 0, np.where(np.isnan(index), 1.0, index), np.nan)


def _entropies(
    items: Floats, individual: Floats, cluster: Floats, shared: Floats
) -> tuple[Floats, Floats, Floats]:
    """Homogeneity, completeness and V-measure, of sums of the logarithms of sizes."""
    all_items = xlogy(items, np.maximum(items, 1))
    homogeneity = _share_known(cluster - shared, all_items - individual, items)
    completeness = _share_known(individual - shared, all_items - cluster, items)
    total = homogeneity + completeness
    v_measure = np.where(total == 0, 0.0, quotient(2 * homogeneity * completeness, total))
    return homogeneity, completeness, v_measure


def _share_known(left: Floats, entropy: Floats, items: Floats) -> Floats:
    """One less the share of an entropy that is left; one where there was none."""
    none = entropy <= 1e-9 * np.maximum(items, 1)
    share = np.where(none, 1.0, 1 - quotient(left, np.where(none, 1.0, entropy)))
    return np.where(items > 0, share, np.nan)
