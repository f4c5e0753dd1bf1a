"""From scores of photographs to individuals in order."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Candidate:
    """One individual that a query may be.

    Attributes:
        individual: its key, as it was given.
        score: of its best pair of photographs; higher is likelier.
        query: which of the query's photographs is in that pair.
        gallery: which of the gallery's is.
    """

    individual: Hashable
    score: float
    query: int
    gallery: int


def rank_individuals(scores: Floats, individuals: Sequence[Hashable], top: int | None = None) -> list[Candidate]:
    """Order individuals by the best pair of photographs that speaks for them.

    Args:
        scores: float32 (q, n): each photograph of the query against each of the gallery; -inf = not admitted.
        individuals: of each of the n photographs; None = nobody knows, and it speaks for no one.
        top: how many to give; None gives all.

    Returns:
        Candidates, best first; equal scores stand in the order in which the gallery first has the individuals.
    """
    if not scores.size:
        return []
    best_query = scores.argmax(axis=0)
    best = scores.max(axis=0)
    found: dict[Hashable, int] = {}
    for position in np.argsort(-best, kind="stable"):
        individual = individuals[position]
        if individual is not None and individual not in found and np.isfinite(best[position]):
            found[individual] = int(position)
    first = {individual: position for position, individual in reversed(list(enumerate(individuals)))}
    ordered = sorted(found.items(), key=lambda item: (-best[item[1]], first[item[0]]))
    return [
        Candidate(individual, float(best[position]), int(best_query[position]), position)
        for individual, position in ordered[:top]
    ]
