"""What an embedding's scores are worth: measured on animals that it did not learn from, for its model card."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from hanzaki.annotations import Annotations
from hanzaki.evaluation.encounters import encounter_of
from hanzaki.matching.choice import NEW, Case, Fusion
from hanzaki.matching.embedding import EmbeddingIndex
from hanzaki.matching.pooling import pool

_NAME = "embedding"
_FEWEST = 10  # individuals met twice, for four numbers


def worth_of_embedding(vectors: Sequence[npt.NDArray[np.float32]], table: Annotations) -> dict[str, Any] | None:
    """The likelihood ratio of an embedding's pooled scores, with how much it counts beside other evidence.

    Every encounter is asked about twice, with its individual in the gallery and without; see
    :mod:`hanzaki.matching.choice`.

    Args:
        vectors: float32 (D,) of each annotation.
        table: whom each shows; none of them may have taught the network.

    Returns:
        What :func:`hanzaki.matching.starting.starting_fusion` takes as a card: ``weight``, ``offset``, ``slope``,
        ``bends``, and ``individuals``, of how many that were met twice it was learnt. None if these are fewer than
        ten.
    """
    cases = list(_cases(vectors, table))
    met_twice = {case.individual for case in cases if case.truth != NEW}
    if len(met_twice) < _FEWEST:
        return None
    weighed = Fusion.fit(cases).evidence[_NAME]
    return {"weight": weighed.weight, **weighed.likelihood.as_json(), "individuals": len(met_twice)}


def _cases(vectors: Sequence[npt.NDArray[np.float32]], table: Annotations) -> Iterator[Case]:
    """Every encounter within its species and side, with its individual (if met again) and without."""
    rows = [row for row in table if row.identity is not None]
    known = [vector for vector, row in zip(vectors, table, strict=True) if row.identity is not None]
    frame = pd.DataFrame(
        {
            "side": [f"{row.species or ''}|{row.orientation or ''}" for row in rows],
            "individual": ["|".join((row.species or "", row.identity or "")) for row in rows],
            "encounter": ["|".join(encounter_of(row)) for row in rows],
        }
    )
    for _, group in frame.groupby("side", sort=True):
        own = [known[row] for row in group.index]
        scores = np.concatenate(list(EmbeddingIndex(own).search(own)))
        yield from _asked(scores, group["individual"].to_numpy(str), group["encounter"].to_numpy(str))


def _asked(
    scores: npt.NDArray[np.float32], individuals: npt.NDArray[np.str_], encounters: npt.NDArray[np.str_]
) -> Iterator[Case]:
    for encounter in np.unique(encounters):
        asking = encounters == encounter
        animal = individuals[asking][0]
        met_again = (individuals == animal) & ~asking
        galleries = [individuals != animal] + ([~asking] if met_again.any() else [])
        for gallery in galleries:
            names, codes = np.unique(individuals[gallery], return_inverse=True)
            if len(names):
                truth = int(np.searchsorted(names, animal)) if animal in names else NEW
                yield Case({_NAME: pool(scores[np.ix_(asking, gallery)], codes, len(names))}, truth, str(animal))
