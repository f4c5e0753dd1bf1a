"""Native or hybrid, of virtual salamanders: the classifier that ships, made by :mod:`benchmarks.shipping`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from rich.progress import Progress

import hanzaki
from hanzaki.virtual import write_photographs
from hanzaki.vision.model import WEIGHTS

POPULATION: dict[str, Any] = {
    "individuals": 80,
    "surveys": 3,
    "photographs": 4,
    "seed": 9,
    "size": (480, 360),
    "newcomers": 0,
    "hybrids": 40,
}


def ship_origin(folder: Path, place: Path) -> None:
    """Train the classifier that ships, test it and its controls on unseen animals, and put it in its place."""
    table = folder / "animals" / "annotations.csv"
    with Progress(transient=True) as bar:
        drawing = bar.add_task("drawing", total=None)
        if not table.is_file():
            write_photographs(
                table.parent,
                **POPULATION,
                progress=lambda done, total: bar.update(drawing, completed=done, total=total),
            )
        training = bar.add_task("training", total=None)
        trained = hanzaki.train_classifier(
            "virtual-origin",
            folder / "run",
            tables=[table],
            controls=True,
            progress=lambda _, done, total: bar.update(training, completed=done, total=total),
            report=lambda record: bar.console.print(record),
        )
    shutil.rmtree(place, ignore_errors=True)
    # its weights stay behind: a training goes on from `hides`, and two files are more than the package is to weigh
    shutil.copytree(trained.model, place, ignore=shutil.ignore_patterns(WEIGHTS))
    for name in ("accuracy", "kappa", "macro_f1"):
        value, low, high = trained.results["test"][name]
        print(f"| virtual-origin, animals never seen | {name} | {value:.3f} ({low:.3f}-{high:.3f}) |")
    for control in trained.results["controls"]:
        print(f"control, {control['sentence']}")
