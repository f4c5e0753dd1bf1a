"""`hanzaki add` of 10,000 small photographs beside decoding them alone, and its peak memory."""

from __future__ import annotations

import io
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.apart import run_apart

TITLE = "Adding 10,000 photographs of 320 x 240 pixels"
COUNT = 10_000
LIMIT_MB = 700


def run() -> tuple[list[str], list[list[str]]]:
    """Decode alone, add, add again, and identify nothing new."""
    with tempfile.TemporaryDirectory() as place:
        photos = Path(place) / "photos"
        _write(photos)
        decode = run_apart(_decode, photos)
        first = run_apart(_add, photos, Path(place) / "river")
        again = run_apart(_add, photos, Path(place) / "river")
    if first.value != (COUNT, 0) or again.value != (0, COUNT):
        raise SystemExit(f"add went wrong: {first.value}, {again.value}")
    rows = [
        [name, f"{COUNT / taken.seconds:.0f}", f"{taken.seconds / decode.seconds:.2f}", f"{taken.peak_mb:.0f}"]
        for name, taken in (("decode alone (the limit)", decode), ("add", first), ("add again", again))
    ]
    return ["", "photographs / s", "time / decode alone", f"peak MB (limit {LIMIT_MB})"], rows


def _write(folder: Path) -> None:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(COUNT):
        coarse = Image.fromarray(rng.integers(0, 255, (30, 40, 3), dtype=np.uint8))
        coarse.resize((320, 240), Image.Resampling.BICUBIC).save(folder / f"{number:05d}.jpg", quality=90)


def _decode(folder: Path) -> int:
    def decode(path: Path) -> int:
        with Image.open(io.BytesIO(path.read_bytes())) as image:
            image.load()
            return image.width

    with ThreadPoolExecutor(2) as threads:
        return sum(threads.map(decode, sorted(folder.iterdir())))


def _add(photos: Path, river: Path) -> tuple[int, int]:
    import hanzaki

    with hanzaki.open(river) if river.exists() else hanzaki.init(river) as catalogue:
        report = catalogue.add(photos)
        return report.added, report.known
