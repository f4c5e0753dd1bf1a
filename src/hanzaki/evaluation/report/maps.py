"""Where annotations lie in a model's space, on a sheet of paper."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hanzaki.extra import learning

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]

#: More points than these are a blot, and take long.
MOST = 2000
#: Fewer have no neighbourhoods to keep.
LEAST = 8

_PERPLEXITY = 30.0


def map_sample(count: int, most: int = MOST) -> Integers:
    """Which of many annotations are mapped: all, or as many as there is room for, drawn by a fixed seed."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, most, replace=False))


def embed(vectors: Sequence[npt.NDArray[np.float32]]) -> Floats:
    """Places on a plane where what is alike by cosine lies together: t-SNE (van der Maaten & Hinton 2008).

    Args:
        vectors: n of them, float32 (D,) each; at least :data:`LEAST`.

    Returns:
        float64 (n, 2), the same every time on one machine.

    Raises:
        ValueError: if there are too few vectors.
    """
    with learning():
        from sklearn.manifold import TSNE
        from sklearn.preprocessing import normalize
        from threadpoolctl import threadpool_limits

    if len(vectors) < LEAST:
        raise ValueError(f"a map needs at least {LEAST} vectors, not {len(vectors)}")
    unit = normalize(np.stack(vectors))
    if not np.ptp(unit, axis=0).any():
        return np.zeros((len(unit), 2))  # all in one place; t-SNE would divide by their spread
    perplexity = min(_PERPLEXITY, (len(unit) - 1) / 3)
    # threads would add up forces in an order that differs from run to run, and the map with it
    with threadpool_limits(1):
        return np.asarray(TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(unit), np.float64)
