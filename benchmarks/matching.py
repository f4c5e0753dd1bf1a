"""Local matching: what one query costs, by the size of the gallery."""

from __future__ import annotations

import time

import numpy as np

from benchmarks.apart import run_apart

TITLE = "Local matching: one photograph against a gallery"
SIZES = (100, 600, 2_400)
QUERIES = 8


def run() -> tuple[list[str], list[list[str]]]:
    """Synthetic keypoints, 400 a photograph, as RootSIFT gives."""
    rows = []
    for size in SIZES:
        taken = run_apart(_search, size)
        build, search = taken.value
        rows.append([f"{size}", f"{build:.2f}", f"{1000 * search / QUERIES:.0f}", f"{taken.peak_mb:.0f}"])
    return ["photographs in the gallery", "s to build, once", "ms / query", "peak MB"], rows


def _search(size: int) -> tuple[float, float]:
    from hanzaki.keypoints import Keypoints
    from hanzaki.matching.local import LocalIndex

    rng = np.random.default_rng(0)

    def keypoints() -> Keypoints:
        return Keypoints(
            points=rng.random((400, 2), np.float32) * 400,
            sizes=rng.gamma(2, 4, 400).astype(np.float32),
            angles=rng.random(400, np.float32) * 360,
            weights=rng.random(400, np.float32),
            descriptors=rng.gamma(0.6, 60, (400, 128)).clip(0, 255).astype(np.uint8),
            extent=(400, 400),
        )

    gallery = [keypoints() for _ in range(size)]
    queries = [keypoints() for _ in range(QUERIES)]
    started = time.perf_counter()
    index = LocalIndex(gallery, [str(number // 4) for number in range(size)])
    list(index.search(queries[:1]))
    built = time.perf_counter()
    list(index.search(queries))
    return built - started, time.perf_counter() - built
