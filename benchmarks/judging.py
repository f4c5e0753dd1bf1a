"""One against all of 50,000 vectors: time and memory beside scikit-learn's neighbours and a dense matrix."""

from __future__ import annotations

import numpy as np

from benchmarks.apart import run_apart

TITLE = "One against all: 50,000 vectors of 512 of 5,000 individuals (top-1, 5, 10, 20 and mean average precision)"
ANNOTATIONS, DIMENSIONS, EACH, BEST = 50_000, 512, 10, 20
LIMIT_MB = 1024


def run() -> tuple[list[str], list[list[str]]]:
    """All on the same vectors, each in a process of its own."""
    taken = {
        "hanzaki: all measures, nearest, margins": run_apart(_ours),
        f"scikit-learn NearestNeighbors: top-k of {BEST} neighbours alone": run_apart(_scikit_learn),
        "dense N x N, sorted: all measures": run_apart(_dense),
    }
    ours = next(iter(taken.values()))
    rows = [
        [
            name,
            f"{one.seconds:.0f}",
            f"{ours.seconds / one.seconds:.2f}",
            f"{one.peak_mb:.0f}",
            f"{100 * one.value[0]:.2f}",
            f"{100 * one.value[1]:.2f}" if len(one.value) > 1 else "",
        ]
        for name, one in taken.items()
    ]
    return ["", "s", "hanzaki's time / its", f"peak MB (limit {LIMIT_MB})", "top-1 %", "mAP %"], rows


def vectors() -> tuple[np.ndarray, np.ndarray]:
    """Float32 (N, D), and whose each is: individuals a little apart in noise."""
    rng = np.random.default_rng(0)
    whose = np.repeat(np.arange(ANNOTATIONS // EACH), EACH)
    noise = rng.standard_normal((ANNOTATIONS, DIMENSIONS), np.float32)
    centres = rng.standard_normal((ANNOTATIONS // EACH, DIMENSIONS), np.float32)
    noise += np.float32(0.45) * centres[whose]
    return noise, whose


def _ours() -> list[float]:
    import pandas as pd

    from hanzaki.evaluation.protocols import one_against_all

    descriptions, whose = vectors()
    frame = pd.DataFrame({"identity": whose.astype(str), "species": "one", "orientation": "left"})
    measures = one_against_all(descriptions, frame)
    return [float(measures[:, 0].mean()), float(measures[:, -1].mean())]


def _scikit_learn() -> list[float]:
    from sklearn.neighbors import NearestNeighbors

    descriptions, whose = vectors()
    index = NearestNeighbors(n_neighbors=BEST + 1, metric="cosine", algorithm="brute").fit(descriptions)
    near = index.kneighbors(descriptions, return_distance=False)
    others = near[:, 1:]  # the first is the query itself
    return [float((whose[others[:, 0]] == whose).mean())]


def _dense() -> list[float]:
    descriptions, whose = vectors()
    unit = descriptions / np.linalg.norm(descriptions, axis=1, keepdims=True)
    scores = np.empty((len(unit), len(unit)), np.float32)
    for start in range(0, len(unit), 5_000):  # OpenBLAS breaks on a product of more than 2^31 numbers
        np.matmul(unit[start : start + 5_000], unit.T, out=scores[start : start + 5_000])
    np.fill_diagonal(scores, -np.inf)
    top, precision = [], []
    for query, row in enumerate(scores):
        right = whose[np.argsort(-row)[:-1]] == whose[query]
        places = np.flatnonzero(right)
        top.append(right[0])
        precision.append(np.mean(np.arange(1, len(places) + 1) / (places + 1)))
    return [float(np.mean(top)), float(np.mean(precision))]
