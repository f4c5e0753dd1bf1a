"""The models that ship with hanzaki, made and weighed: ``make model``, ``python -m benchmarks.shipping FOLDER``.

Hides are drawn; from them the shipped config ``hides`` learns an embedder, and a network of ``marks`` learns to
describe keypoints. Either is measured on real animals, of which it saw none, beside what it is to better. From a
virtual stream the shipped config ``heads`` learns a detector, and ``virtual-origin`` to tell natives from hybrids;
these are measured on other virtual animals. Then they stand among the shipped models, with these figures on their
cards. What is done is not done again.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

from rich.progress import Progress
from torch import nn

import hanzaki
from benchmarks.finetuning import IMAGENET, untrained
from benchmarks.heads import ship_heads
from benchmarks.nyala import SHARED
from benchmarks.origin import ship_origin
from hanzaki.learning.card import Card, Metric, TrainingData
from hanzaki.learning.config import EmbedderConfig
from hanzaki.learning.points.pairs import PATCH, REACH, draw_pairs
from hanzaki.learning.points.train import train_points
from hanzaki.learning.publish import write_model_folder
from hanzaki.learning.reading_config import read_config
from hanzaki.learning.weights import read_network
from hanzaki.virtual import write_hides
from hanzaki.vision.model import ModelFacts, PointsConfig

MODELS = Path(hanzaki.__file__).parent / "models"
ANIMALS, EACH, SIZE, SEED = 2400, 8, 288, 1  # what `hides` learns from
SKINS, VIEWS = 3200, 3  # what `marks` learns from
TABLES = {name: SHARED / "data" / name / "annotations.csv" for name in ("nyala", "zebra")}

_LIMITS = (
    "It has seen no real animal's identity. On stripes that are faint, and on photographs from far apart, local"
    " matching (`--with marks`) ranks far better: see the figures, and measure on your own.",
    "It does not find animals in photographs: it wants each one's box, or a photograph that the animal fills.",
    "A score is no probability, and the best candidate of an animal that nobody knows yet is still somebody.",
)
_DATA = "Hides drawn by `hanzaki virtual hides`, a tenth of them kept aside to choose the epoch"
_USE = (
    "The start of a training on your own animals (`hanzaki train embedder small RUN --table CSV --from hides`),"
    " and quick first candidates where a collection is too large for local matching."
)

_MARKS = (
    "A network that describes the neighbourhood of a keypoint, so that the same marking is found again in another"
    " photograph. Keypoints are found and compared as those of SIFT; only what each looks like is described by it."
    " It learnt from pairs of places on the skins of animals that never were (spots, rosettes, stripes, nets,"
    " blotches, faint threads), photographed twice, and saw no real animal."
)
_MARKS_LIMITS = (
    "It is compared point by point, which takes longer than comparing one vector: some thousand photographs of a"
    " species and side are fine.",
    "It does not find animals in photographs: it wants each one's box, or a photograph that the animal fills.",
    "A score is no probability, and the best candidate of an animal that nobody knows yet is still somebody.",
)
_MARKS_USE = (
    "Local matching (`--with marks`), as `--with sift` and better; what hanzaki takes if nothing else is said."
)
_MARKS_DATA = "Patches of hides, as `hanzaki virtual hides` draws them, that show one place of one skin"


def main() -> None:
    """Draw, train, measure, and put in its place."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="for the hides and the trainings")
    parser.add_argument("--only", choices=("hides", "marks", "heads", "origin"), help="one of the models")
    arguments = parser.parse_args()
    print("| | | top-1 % | mAP % |\n|---|---|---|---|")
    if arguments.only in (None, "heads"):
        ship_heads(arguments.folder / "heads", MODELS / "heads")
    if arguments.only in (None, "origin"):
        ship_origin(arguments.folder / "origin", MODELS / "virtual-origin")
    if arguments.only in ("heads", "origin"):
        return
    if arguments.only != "marks":
        trained = _trained(arguments.folder)
        _weigh("ImageNet features", untrained(arguments.folder / "untrained"))
        _ship(trained, _weigh("hides", trained))
    if arguments.only != "hides":
        _teach(arguments.folder / "marks")
        _weigh("sift", "sift")


def _weigh(title: str, model: Path | str) -> list[Metric]:
    """Print how well a model does on each table, and give it as a card wants it."""
    metrics = []
    for name, table in TABLES.items():
        result = hanzaki.evaluate(table, model=model)
        (top1, low, high), (precision, *_) = result.measures["top1"], result.measures["map"]
        interval = f"{100 * top1:.1f} ({100 * low:.1f}-{100 * high:.1f})"
        print(f"| {name} | {title} | {interval} | {100 * precision:.1f} |", flush=True)
        command = f"hanzaki evaluate --table {name}/annotations.csv --with {title}"
        metrics.append(Metric("top1", name, top1, low, high, command))
    return metrics


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
    _put(MODELS / "hides", network, look, card)


def _teach(folder: Path) -> None:
    """Teach the network of `marks`, weigh it, and put it in its place with what it weighs on its card."""
    with Progress(transient=True) as bar:
        drawing = bar.add_task("drawing", total=SKINS)
        pairs = draw_pairs(
            folder / "pairs",
            SKINS,
            VIEWS,
            threads=2,
            progress=lambda done, total: bar.update(drawing, completed=done, total=total),
        )
        training = bar.add_task("training", total=None)
        network = train_points(
            pairs,
            folder / "run",
            progress=lambda done, total: bar.update(training, completed=done, total=total),
            report=lambda record: bar.console.print(record),
        )
    data = TrainingData(_MARKS_DATA, "apache-2.0", SKINS * VIEWS, SKINS)
    config = PointsConfig(
        task="points",
        name="marks",
        architecture="hardnet-half",
        embedding_size=128,
        patch=PATCH,
        reach=REACH,
        training_data=str(data),
        licence="apache-2.0",
    )
    card = Card(_MARKS, intended_use=_MARKS_USE, limits=_MARKS_LIMITS, training=[data])
    _put(MODELS / "marks", network, config, card)
    _put(MODELS / "marks", network, config, replace(card, metrics=_weigh("marks", MODELS / "marks")))


def _put(place: Path, network: nn.Module, config: ModelFacts, card: Card) -> None:
    shutil.rmtree(place, ignore_errors=True)
    write_model_folder(place, network, config, card, half=True)


if __name__ == "__main__":
    main()
