"""Few animals, ingredient by ingredient: ``python -m benchmarks.finetuning RUNS [NAME...]``.

Half of nyala's animals are learnt from; the others, never seen, are sought one against all, one side at a time.
With ``--exchanged`` the halves change places: recipes are chosen that way, so that the figures of the other way
are of animals that chose nothing. A training goes on where it was cut off, and is not repeated once it is done.
Minutes each, on two cores; needs the real photographs and weights beside the project.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import hanzaki
from benchmarks.nyala import SHARED, TABLE, tested_half
from hanzaki.learning.publish import export_timm

WEIGHTS = SHARED / "weights" / "mobilenetv2_imagenet.safetensors"

_ARGUMENTS, _GREY = {"pad_type": "same"}, (0.5, 0.5, 0.5)  # how these weights want to be used
IMAGENET = {
    "network.weights": str(WEIGHTS),
    "network.arguments": _ARGUMENTS,
    "network.mean": _GREY,
    "network.std": _GREY,
}
#: All animals of the half are learnt from; the number of epochs was chosen on the other half.
FIXED = {"data.validation": 0.0, "run.precision": "bf16-mixed", "run.seed": 0}
UNTRAINED, SIFT = "nothing learnt: ImageNet features", "nothing learnt: SIFT"


@dataclass(frozen=True)
class Variant:
    """A training, as what differs from the shipped config ``small``.

    Attributes:
        changes: keys of the config.
        animals: how many of the half are learnt from; None is all.
    """

    changes: dict[str, object]
    animals: int | None = None


VARIANTS: dict[str, Variant] = {
    "small": Variant({}),
    "from ImageNet": Variant(IMAGENET),
    "the whole box": Variant({"network.crop_fraction": 1.0}),
    "no mirrored flanks": Variant({"data.mirror": False}),
    "no average of the weights": Variant({"optimiser.average": 0.0}),
    "two centres a class": Variant({"loss.centres": 2}),
    "balanced batches": Variant({"sampling.each": 4}),
    "25 animals": Variant({}, animals=25),
}


def main() -> None:
    """Train and measure the variants that are named, or all."""
    names = [UNTRAINED, SIFT, *VARIANTS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, help="folder of the trainings")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(names)}")
    parser.add_argument("--epochs", type=int, help="in place of the config's")
    parser.add_argument("--exchanged", action="store_true", help="learn from the half that is else tested with")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(names):
        parser.error(f"no such variant: {', '.join(sorted(unknown))}")
    learn, test = _halves(asked.runs, exchanged=asked.exchanged)
    epochs = {"schedule.epochs": asked.epochs} if asked.epochs else {}
    print("| | top-1 % | top-5 % | mAP % | training, s |\n|---|---|---|---|---|")
    for name in asked.names or names:
        started = time.perf_counter()
        if name == UNTRAINED:
            _print(name, test, untrained(asked.runs / "untrained"), None)
        elif name == SIFT:
            _print(name, test, "sift", None)
        else:
            variant = VARIANTS[name]
            some = _fewer(learn, variant.animals) if variant.animals else learn
            model = _trained(asked.runs / name.replace(" ", "-"), some, variant, epochs)
            _print(name, test, model, time.perf_counter() - started)


def _halves(runs: Path, exchanged: bool) -> tuple[Path, Path]:
    """Tables of the animals to learn from and of those to test with, the latter those of the ablation of SIFT."""
    runs.mkdir(parents=True, exist_ok=True)
    frame = pd.read_csv(TABLE, dtype=str)
    frame["path"] = [str(TABLE.parent.absolute() / path) for path in frame["path"]]
    tested = frame["identity"].isin(tested_half(frame["identity"])) ^ exchanged
    learn, test = runs / "learn.csv", runs / "test.csv"
    frame[~tested].to_csv(learn, index=False)
    frame[tested].to_csv(test, index=False)
    return learn, test


def _fewer(table: Path, animals: int) -> Path:
    frame = pd.read_csv(table, dtype=str)
    names = sorted(set(frame["identity"]))
    chosen = np.random.default_rng(0).permutation(names)[:animals]
    fewer = table.with_stem(f"{table.stem}-{animals}")
    frame[frame["identity"].isin(chosen)].to_csv(fewer, index=False)
    return fewer


def untrained(folder: Path) -> Path:
    """The ImageNet start's pooled features as a model folder, of whole boxes at 192 pixels."""
    if not folder.exists():
        export_timm(
            folder,
            "mobilenetv2_100",
            WEIGHTS,
            input_size=(192, 192),
            arguments=_ARGUMENTS,
            mean=_GREY,
            std=_GREY,
        )
    return folder


def _trained(run: Path, learn: Path, variant: Variant, epochs: dict[str, int]) -> Path:
    return hanzaki.train_embedder(
        "small",
        run,
        tables=[learn],
        changes=FIXED | epochs | variant.changes,
        report=lambda record: print(record, file=sys.stderr, flush=True),
    ).model


def _print(name: str, test: Path, model: Path | str, seconds: float | None) -> None:
    result = hanzaki.evaluate(test, model=model)
    top1, low, high = (100 * value for value in result.measures["top1"])
    top5, precision = 100 * result.measures["top5"][0], 100 * result.measures["map"][0]
    took = "" if seconds is None else f"{seconds:.0f}"
    print(f"| {name} | {top1:.1f} ({low:.1f}-{high:.1f}) | {top5:.1f} | {precision:.1f} | {took} |", flush=True)


if __name__ == "__main__":
    main()
