"""Raccoons found in photographs of the web: ``python -m benchmarks.detecting RUNS [NAME...]``.

Of 200 photographs the last 40 by file name are tested with, and the others learnt from, of which a part chooses
epoch and threshold; copies stay on one side. What is measured is the model folder, as the field runs it. Training
goes on where it was cut off, and is not repeated once it is done. A quarter of an hour each on two idle cores;
needs the real photographs and weights beside the project.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

import hanzaki
from benchmarks.finetuning import IMAGENET
from benchmarks.nyala import SHARED
from hanzaki.evaluation.detection import MEASURES, measure_intervals
from hanzaki.evaluation.report.detections import write_detection_report
from hanzaki.exchange.identity_csv import write_identity_csv
from hanzaki.exchange.table import read_table
from hanzaki.learning.detector.data import Scene, kept_aside, scenes_of
from hanzaki.learning.detector.validation import judge
from hanzaki.media import Pixels, load_picture
from hanzaki.vision.detector import Detection, Detector
from hanzaki.vision.model import load_detector_model

BOXES = SHARED / "data" / "raccoon" / "annotations"
#: Names are not in any order of kind or hardness, so that those of the learning half choose as they test.
FIXED = {"data.aside_by": "name", "run.precision": "bf16-mixed", "run.seed": 0}
STARTS: dict[str, dict[str, object]] = {"ImageNet": IMAGENET, "hides": {"network.start": "hides"}}

_TESTED = 0.2
_LEAST_SCORE = 0.01
_MEGAPIXELS = 100


def run(runs: Path, names: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Train from each start, and measure on what none of it saw."""
    scenes = scenes_of([read_table(BOXES)])
    learnt, tested = kept_aside(scenes, _TESTED, "name")
    runs.mkdir(parents=True, exist_ok=True)
    table = _written(runs / "learnt.csv", learnt.scenes)
    rows = []
    for name in names:
        folder = runs / name
        changes = FIXED | STARTS[name]
        trained = hanzaki.train_detector("detector", folder, tables=[table], changes=changes, report=_say)
        rows.append([name, str(len(learnt.scenes)), *_measured(trained.model, tested.scenes, folder / "tested")])
    headers = ["start", "learnt", "tested", "size", *MEASURES, "threshold", "ms, 1 thread", "ms, 2 threads"]
    return headers, rows


def _written(table: Path, scenes: Sequence[Scene]) -> Path:
    annotations = read_table(BOXES)
    kept = {scene.path for scene in scenes}
    mask = [annotations.folder / row.path in kept for row in annotations]
    frame = annotations.frame[np.array(mask)].reset_index(drop=True)
    write_identity_csv(hanzaki.Annotations(frame, annotations.source), table)
    return table


def _measured(model: Path, scenes: Sequence[Scene], report: Path) -> list[str]:
    folder = load_detector_model(model)
    pictures = [load_picture(*scene.key, _MEGAPIXELS) for scene in scenes]
    found, one = _timed(Detector(folder, threads=1, threshold=_LEAST_SCORE), pictures)
    _, two = _timed(Detector(folder, threads=2, threshold=_LEAST_SCORE), pictures)
    judged = replace(judge(scenes, found, folder.config.labels), threshold=folder.config.threshold)
    names = [scene.path.name for scene in scenes]
    write_detection_report(report, "Raccoons tested with", judged, pictures.__getitem__, names)
    intervals = measure_intervals(judged.matches, judged.threshold)
    return [
        str(len(scenes)),
        f"{folder.onnx.stat().st_size / 1e6:.1f} MB",
        *(f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})" for one in intervals.values()),
        f"{judged.threshold:.2f}",
        f"{one:.0f}",
        f"{two:.0f}",
    ]


def _timed(detector: Detector, pictures: Sequence[Pixels]) -> tuple[list[list[Detection]], float]:
    """What is found, and the milliseconds a picture, prepared and searched; the best of three rounds."""
    found, best = [], np.inf
    for _ in range(3):
        started = time.perf_counter()
        found = detector.detect([detector.prepare(picture) for picture in pictures])
        best = min(best, time.perf_counter() - started)
    return found, 1000 * float(best) / len(pictures)


def _say(record: dict[str, float]) -> None:
    print({key: round(value, 4) for key, value in record.items()}, file=sys.stderr, flush=True)


def main() -> None:
    """Print the table."""
    if len(sys.argv) < 2 or set(sys.argv[2:]) - STARTS.keys():
        sys.exit(f"python -m benchmarks.detecting RUNS [{' '.join(STARTS)}]")
    headers, rows = run(Path(sys.argv[1]), sys.argv[2:] or list(STARTS))
    for row in (headers, ["---"] * len(headers), *rows):
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
