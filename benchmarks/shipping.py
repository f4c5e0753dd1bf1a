"""The model that ships with hanzaki, made and weighed: ``make model``, ``python -m benchmarks.shipping FOLDER``.

Hides are drawn, the shipped config ``hides`` learns from them, and what comes of it is measured on real animals,
of which it saw none, beside where it began. Then the model stands among the shipped ones, with these figures on
its card. An hour on two cores; what is done is not done again.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from rich.progress import Progress

import hanzaki
from benchmarks.finetuning import IMAGENET, untrained
from benchmarks.nyala import SHARED
from hanzaki.learning.card import Card, Metric, TrainingData
from hanzaki.learning.config import EmbedderConfig, read_config
from hanzaki.learning.publish import write_model_folder
from hanzaki.learning.weights import read_network
from hanzaki.virtual import write_hides

PLACE = Path(hanzaki.__file__).parent / "models" / "hides"
ANIMALS, EACH, SIZE, SEED = 2400, 8, 288, 1
TABLES = {name: SHARED / "data" / name / "annotations.csv" for name in ("nyala", "zebra")}

_LIMITS = (
    "It has seen no real animal's identity. On stripes that are faint, and on photographs from far apart, local"
    " matching (`--with sift`, which needs no model) ranks far better: see the figures, and measure on your own.",
    "It does not find animals in photographs: it wants each one's box, or a photograph that the animal fills.",
    "A score is no probability, and the best candidate of an animal that nobody knows yet is still somebody.",
)
_DATA = "Hides drawn by `hanzaki virtual hides`, a tenth of them kept aside to choose the epoch"
_USE = (
    "The start of a training on your own animals (`hanzaki train embedder small RUN --table CSV --from hides`),"
    " and quick first candidates where a collection is too large for local matching."
)


def main() -> None:
    """Draw, train, measure, and put in its place."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="for the hides and the training")
    folder = parser.parse_args().folder
    trained = _trained(folder)
    start = untrained(folder / "untrained")
    print("| | | top-1 % | mAP % |\n|---|---|---|---|")
    metrics = []
    for name, table in TABLES.items():
        for title, model in {"ImageNet features": start, "hides": trained}.items():
            result = hanzaki.evaluate(table, model=model)
            (top1, low, high), (precision, *_) = result.measures["top1"], result.measures["map"]
            interval = f"{100 * top1:.1f} ({100 * low:.1f}-{100 * high:.1f})"
            print(f"| {name} | {title} | {interval} | {100 * precision:.1f} |", flush=True)
            if title == "hides":
                command = f"hanzaki evaluate --table {name}/annotations.csv --with hides"
                metrics.append(Metric("top1", name, top1, low, high, command))
    _ship(trained, metrics)


def _trained(folder: Path) -> Path:
    with Progress(transient=True) as bar:
        drawing = bar.add_task("drawing", total=ANIMALS * EACH)
        write_hides(
            folder / "hides",
            ANIMALS,
            EACH,
            seed=SEED,
            size=SIZE,
            threads=2,
            progress=lambda done, total: bar.update(drawing, completed=done, total=total),
        )
        training = bar.add_task("training", total=None)
        return hanzaki.train_embedder(
            "hides",
            folder / "run",
            tables=[folder / "hides" / "annotations.csv"],
            changes={"network.weights": IMAGENET["network.weights"]},
            progress=lambda _, done, total: bar.update(training, completed=done, total=total),
            report=lambda record: bar.console.print(record),
        ).model


def _ship(trained: Path, metrics: list[Metric]) -> None:
    network, look = read_network(trained)
    card = Card(
        read_config("hides", EmbedderConfig).about,
        intended_use=_USE,
        limits=_LIMITS,
        training=[TrainingData(_DATA, "apache-2.0", ANIMALS * EACH, ANIMALS)],
        metrics=metrics,
        base="mobilenetv2_imagenet: ImageNet weights of MobileNetV2 (Apache-2.0)",
    )
    shutil.rmtree(PLACE, ignore_errors=True)
    write_model_folder(PLACE, network, look, card, half=True)


if __name__ == "__main__":
    main()
