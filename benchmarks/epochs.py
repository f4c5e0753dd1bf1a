"""One epoch of the shipped configs on all of nyala, on this machine: ``python -m benchmarks epochs``.

Some twenty minutes on two cores, and needs the real photographs beside the project; not part of ``make bench``.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.apart import run_apart
from benchmarks.nyala import TABLE

TITLE = "One epoch on nyala's 1,205 photographs, each of which also stands mirrored for `small`"

#: EfficientNetV2-M's weights are not fetched, and its batches of 112 are computed in parts of 8.
CONFIGS: dict[str, dict[str, Any]] = {
    "small": {},
    "miewid": {"network.pretrained": False, "sampling.accumulate": 14},
}


def run() -> tuple[list[str], list[list[str]]]:
    """Each config in a process of its own."""
    rows = []
    for name, changes in CONFIGS.items():
        with TemporaryDirectory() as folder:
            taken = run_apart(_epoch, name, Path(folder) / "run", changes)
        pictures, speed, waiting = taken.value
        rows.append(
            [
                name,
                str(pictures),
                f"{pictures / speed:.0f}",
                f"{speed:.1f}",
                f"{waiting:.1%}",
                f"{taken.peak_mb:.0f}",
            ]
        )
    return ["", "pictures", "s an epoch", "pictures / s", "waiting for data", "peak MB"], rows


def _epoch(name: str, run: Path, changes: dict[str, Any]) -> tuple[int, float, float]:
    import hanzaki
    from hanzaki.learning.config import EmbedderConfig
    from hanzaki.learning.reading_config import read_config

    fixed = {"data.validation": 0.0, "schedule.epochs": 1, "schedule.warmup_epochs": 0}
    trained = hanzaki.train_embedder(name, run, tables=[TABLE], changes=fixed | changes)
    batch = read_config(run / "config.yaml", EmbedderConfig).sampling.batch
    record = trained.history[0]
    return record["step"] * batch, record["pictures_per_second"], record["waiting"]
