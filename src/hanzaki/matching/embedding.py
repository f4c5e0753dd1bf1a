"""Exact search by the angle between embeddings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Positions = npt.NDArray[np.intp]

_BLOCK_CELLS = 1 << 23  # scores in memory at a time: 32 MB


class EmbeddingIndex:
    """The vectors of a gallery, to be compared with a query's by cosine.

    Args:
        gallery: n vectors, float32 (D,) each, of any length; a vector of zeros is like nothing.
    """

    def __init__(self, gallery: Sequence[Floats]) -> None:
        self._unit = unit(np.stack(gallery)) if len(gallery) else np.empty((0, 1), np.float32)

    def __len__(self) -> int:
        return len(self._unit)

    def search(self, queries: Sequence[Floats], exclude: Sequence[Positions] | None = None) -> Iterator[Floats]:
        """Compare queries with the whole gallery, a block of queries at a time, so that memory stays bounded.

        Args:
            queries: m vectors, float32 (D,) each.
            exclude: for each query, gallery positions that are out of the contest (itself, its own encounter).

        Yields:
            float32 (b, n), the cosines of the next b queries, -inf where excluded; m rows in all.
        """
        if not len(self):
            yield np.empty((len(queries), 0), np.float32)
            return
        rows = max(1, _BLOCK_CELLS // len(self))
        for start in range(0, len(queries), rows):
            scores = unit(np.stack(queries[start : start + rows])) @ self._unit.T
            if exclude is not None:
                for row, positions in enumerate(exclude[start : start + rows]):
                    scores[row, positions] = -np.inf
            yield scores


def unit(vectors: Floats) -> Floats:
    """Vectors brought to length one; zeros stay zeros."""
    vectors = np.asarray(vectors, np.float32)
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)
