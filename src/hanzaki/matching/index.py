"""One way to search, whatever was described."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from hanzaki.keypoints import Keypoints
from hanzaki.matching.embedding import EmbeddingIndex
from hanzaki.matching.points import ANY_WAY, UPRIGHT
from hanzaki.matching.scope import lie_any_way

Positions = npt.NDArray[np.intp]


class Index(Protocol):
    """A gallery that can be searched."""

    def search(
        self, queries: Any, exclude: Sequence[Positions] | None = None
    ) -> Iterable[npt.NDArray[np.float32]]:
        """Scores of blocks of queries against the gallery, (b, n), -inf where excluded; see the classes."""
        ...


def build_index(
    gallery: Sequence[npt.NDArray[np.float32] | Keypoints],
    individuals: Sequence[str | None],
    sides: Sequence[str | None],
) -> Index:
    """The index that fits what the gallery holds: cosine for vectors, LNBNN for keypoints.

    Args:
        gallery: descriptions of one kind.
        individuals: who each of them is; None = nobody knows.
        sides: from which side each of them is seen; None = nobody knows.
    """
    if gallery and isinstance(gallery[0], Keypoints):
        from hanzaki.matching.local import LocalIndex

        parameters = ANY_WAY if lie_any_way(sides) else UPRIGHT
        return LocalIndex(cast(Sequence[Keypoints], gallery), individuals, parameters)
    return EmbeddingIndex(cast(Sequence[npt.NDArray[np.float32]], gallery))
