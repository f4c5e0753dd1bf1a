"""Exact cosine search for the best 20 beside scikit-learn's NearestNeighbors."""

from __future__ import annotations

import numpy as np

from benchmarks.apart import run_apart

TITLE = "Exact search: 2,000 queries in 50,000 vectors of 512, best 20"
QUERIES, GALLERY, DIMENSIONS, BEST = 2_000, 50_000, 512, 20


def run() -> tuple[list[str], list[list[str]]]:
    """Both on the same vectors, each in a process of its own."""
    ours, theirs = run_apart(_ours), run_apart(_scikit_learn)
    same = float((ours.value == theirs.value).mean())
    rows = [
        [
            name,
            f"{1000 * taken.seconds / QUERIES:.2f}",
            f"{taken.seconds / theirs.seconds:.2f}",
            f"{taken.peak_mb:.0f}",
        ]
        for name, taken in (("hanzaki", ours), ("scikit-learn", theirs))
    ]
    rows[0].append(f"{100 * same:.2f} %")
    rows[1].append("")
    return ["", "ms / query", "time / scikit-learn", "peak MB", "same neighbours"], rows


def _vectors() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    gallery = rng.standard_normal((GALLERY, DIMENSIONS), np.float32)
    return gallery, rng.standard_normal((QUERIES, DIMENSIONS), np.float32)


def _ours() -> np.ndarray:
    from hanzaki.matching.embedding import EmbeddingIndex

    gallery, queries = _vectors()
    best = []
    for block in EmbeddingIndex(gallery).search(queries):
        top = np.argpartition(-block, BEST, axis=1)[:, :BEST]
        order = np.argsort(-np.take_along_axis(block, top, axis=1), axis=1)
        best.append(np.take_along_axis(top, order, axis=1))
    return np.concatenate(best)


def _scikit_learn() -> np.ndarray:
    from sklearn.neighbors import NearestNeighbors

    gallery, queries = _vectors()
    index = NearestNeighbors(n_neighbors=BEST, metric="cosine", algorithm="brute").fit(gallery)
    return np.asarray(index.kneighbors(queries, return_distance=False))
