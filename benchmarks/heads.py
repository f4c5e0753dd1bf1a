"""Heads found in a virtual stream: ``python -m benchmarks.heads FOLDER``.

The shipped detector on animals that it never saw, and the salamander paper's own protocol: ten frames of each of
eleven animals to learn from, tested on the same animals on another day and on animals never seen. What is made is
kept in the folder and not made again. Half an hour on two cores, the most of it drawing.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from rich.progress import Progress

import hanzaki
from hanzaki.annotations import Annotations
from hanzaki.evaluation.detection import MEASURES, measure_intervals
from hanzaki.evaluation.resampling import Interval
from hanzaki.exchange.identity_csv import write_identity_csv
from hanzaki.learning.card import DETECTOR_LIMITS, FINDING, Card, Metric, TrainingData
from hanzaki.learning.detector.config import DetectorTraining
from hanzaki.learning.detector.data import Scene, drawn_with, scenes_of
from hanzaki.learning.detector.validation import judge
from hanzaki.learning.reading_config import read_config
from hanzaki.media import load_picture
from hanzaki.virtual import write_stream
from hanzaki.vision.detector import Detection, Detector
from hanzaki.vision.model import CARD, WEIGHTS, find_model, load_detector_model

LEARNT: dict[str, Any] = {
    "individuals": 60,
    "days": 1,
    "hybrids": 15,
    "newcomers": 0,
    "seconds": 2.0,
    "rate": 2,
    "seed": 5,
}
UNSEEN: dict[str, Any] = {
    "individuals": 11,
    "days": 1,
    "hybrids": 3,
    "newcomers": 0,
    "seconds": 2.0,
    "rate": 2,
    "seed": 6,
}
PAPER: dict[str, Any] = {
    "individuals": 11,
    "days": 2,
    "newcomers": 0,
    "photographs": 0,
    "seconds": 2.0,
    "rate": 10,
    "seed": 7,
}
EACH = 10  # frames of each animal in the paper

_LIMIT = "It saw no real salamander: look at what it finds on yours, and train it on if need be."
_DATA = "Frames and photographs of a virtual stream, as `hanzaki virtual stream` draws them"
_SHOWN = 0.3  # share of a head that must be in the picture for its box to be learnt from, or asked for
_LEAST_SCORE = 0.01
_MEGAPIXELS = 100


def train_heads(folder: Path, table: Path, epochs: int | None = None) -> Path:
    """Train the shipped config ``heads``; the model folder."""
    changes = {} if epochs is None else {"schedule.epochs": epochs}
    with Progress(transient=True) as bar:
        training = bar.add_task("training", total=None)
        return hanzaki.train_detector(
            "heads",
            folder,
            tables=[table],
            changes=changes,
            progress=lambda _, done, total: bar.update(training, completed=done, total=total),
            report=lambda record: bar.console.print(record),
        ).model


def film(folder: Path, settings: dict[str, Any]) -> Path:
    """A stream's frames as a table of heads."""
    with Progress(transient=True) as bar:
        filming = bar.add_task("filming", total=None)
        write_stream(
            folder,
            threads=2,
            progress=lambda done, total: bar.update(filming, completed=done, total=total),
            **settings,
        )
    heads = pd.read_csv(folder / "heads.csv")
    days = pd.read_csv(folder / "annotations.csv").drop_duplicates("path").set_index("path")["date"]
    heads = heads[heads["visible"] >= _SHOWN].assign(label="head")
    heads["date"] = heads["path"].map(days).str[:10]
    table = folder / "shown.csv"
    write_identity_csv(Annotations(heads, folder / "heads.csv"), table)
    return table


def paper_protocol(folder: Path) -> tuple[Path, Path]:
    """Ten frames of each animal on the first day; all of the second."""
    table = film(folder, PAPER)
    frame = pd.read_csv(table)
    first = frame["date"] == frame["date"].min()
    some = frame[first].sample(frac=1, random_state=0).groupby("identity").head(EACH).sort_index()
    parts = []
    for name, part in (("first", some), ("second", frame[~first])):
        path = folder / f"{name}-day.csv"
        write_identity_csv(Annotations(part, table), path)
        parts.append(path)
    return parts[0], parts[1]


def weigh(model: Path, table: Path) -> dict[str, Interval]:
    """How well a model folder finds the heads of a table, drawn again by individual."""
    folder = load_detector_model(model)
    scenes = scenes_of([hanzaki.Annotations(pd.read_csv(table), table)]).scenes
    detector = Detector(folder, threads=2, threshold=_LEAST_SCORE)
    found = [_found(detector, scene) for scene in scenes]
    judged = replace(judge(scenes, found, folder.config.labels), threshold=folder.config.threshold)
    return measure_intervals(judged.matches, judged.threshold, drawn_with(scenes))


def ship_heads(folder: Path, place: Path) -> None:
    """Train the detector that ships, measure it on unseen animals, and put it in its place."""
    model = train_heads(folder / "run", film(folder / "learnt", LEARNT))
    measured = weigh(model, film(folder / "unseen", UNSEEN))
    shutil.rmtree(place, ignore_errors=True)
    # its weights stay behind: a training goes on from `hides`, and two files are more than the package is to weigh
    shutil.copytree(model, place, ignore=shutil.ignore_patterns(WEIGHTS))
    config = load_detector_model(place).config
    card = Card(
        read_config("heads", DetectorTraining).about,
        intended_use=FINDING,
        limits=(_LIMIT, *DETECTOR_LIMITS),
        training=[TrainingData(_DATA, "apache-2.0", individuals=LEARNT["individuals"])],
        metrics=[
            Metric(name, "a virtual stream of 11 other animals", *measure, "python -m benchmarks.heads FOLDER")
            for name, measure in measured.items()
        ],
        base="hides, which ships with hanzaki, and before it ImageNet weights of MobileNetV2 (Apache-2.0)",
    )
    (place / CARD).write_text(card.markdown(config, half=True), encoding="utf-8")
    for name, (value, low, high) in measured.items():
        print(f"| heads, animals never seen | {name} | {100 * value:.1f} ({100 * low:.1f}-{100 * high:.1f}) |")


def _found(detector: Detector, scene: Scene) -> list[Detection]:
    (found,) = detector.detect([detector.prepare(load_picture(*scene.key, _MEGAPIXELS))])
    return found


def main() -> None:
    """Print the table."""
    folder = Path(sys.argv[1])
    unseen = film(folder / "unseen", UNSEEN)
    first, second = paper_protocol(folder / "paper")
    of_paper = train_heads(folder / "paper-run", first, epochs=60)
    rows = [
        ("shipped `heads`, animals never seen", weigh(find_model("heads"), unseen)),
        (f"{EACH} frames of each of 11 animals, the same animals on another day", weigh(of_paper, second)),
        (f"{EACH} frames of each of 11 animals, animals never seen", weigh(of_paper, unseen)),
    ]
    headers = ["", *MEASURES]
    print("| " + " | ".join(headers) + " |\n|" + "---|" * len(headers))
    for name, measures in rows:
        cells = [
            f"{100 * one.value:.1f} ({100 * one.low:.1f} to {100 * one.high:.1f})" for one in measures.values()
        ]
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
