"""Few animals, ingredient by ingredient: ``python -m benchmarks.finetuning RUNS [--exchanged] [NAME...]``.

Half of nyala's animals are learnt from; the others, never seen, are sought one against all, one side at a time.
With ``--exchanged`` the halves change places: recipes are chosen that way, so that the figures of the other way
are of animals that chose nothing. A training goes on where it was cut off, and is not repeated once it is done.
Minutes each, on two cores; needs the real photographs and weights beside the project.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import hanzaki

SHARED = Path(__file__).parents[2] / "shared"
TABLE = SHARED / "data" / "nyala" / "annotations.csv"
WEIGHTS = SHARED / "weights" / "mobilenetv2_imagenet.safetensors"

IMAGENET = {
    "network.weights": str(WEIGHTS),
    "network.arguments": {"pad_type": "same"},
    "network.mean": [0.5, 0.5, 0.5],
    "network.std": [0.5, 0.5, 0.5],
}
#: All animals of the half are learnt from; the number of epochs was chosen on the other half.
FIXED = {"data.validation": 0.0, "run.precision": "bf16-mixed", "run.seed": 0}


@dataclass(frozen=True)
class Variant:
    """A training, as what differs from the shipped config ``small``.

    Attributes:
        changes: keys of the config.
        start: model folder to go on from; None starts from ImageNet.
    """

    changes: dict[str, object]
    start: Path | None = None


def variants() -> dict[str, Variant]:
    """What is compared: the shipped config, and that config less one of its ingredients."""
    return {
        "small": Variant({}),
        "the whole box": Variant({"network.crop_fraction": 1.0}),
        "no mirrored flanks": Variant({"data.mirror": False}),
        "no average of the weights": Variant({"optimiser.average": 0.0}),
        "one centre a class": Variant({"loss.centres": 1}),
    }


def main() -> None:
    """Train and measure the variants that are named, or all."""
    words = [word for word in sys.argv[1:] if word != "--exchanged"]
    if not words:
        sys.exit(__doc__)
    runs, names = Path(words[0]), words[1:]
    learn, test = _halves(runs, exchanged="--exchanged" in sys.argv)
    print("| | top-1 % | top-5 % | mAP % | training, s |\n|---|---|---|---|---|")
    for name, variant in variants().items():
        if not names or name in names:
            started = time.perf_counter()
            model = _trained(runs / name.replace(" ", "-"), learn, variant)
            _print(name, test, model, time.perf_counter() - started)


def _halves(runs: Path, exchanged: bool) -> tuple[Path, Path]:
    """Tables of the animals to learn from and of those to test with, the latter those of the ablation of SIFT."""
    runs.mkdir(parents=True, exist_ok=True)
    frame = pd.read_csv(TABLE, dtype=str)
    frame["path"] = [str(TABLE.parent.absolute() / path) for path in frame["path"]]
    animals = sorted(set(frame["identity"]))
    half = set(np.random.default_rng(0).permutation(animals)[: len(animals) // 2].tolist())
    tested = frame["identity"].isin(half) ^ exchanged
    learn, test = runs / "learn.csv", runs / "test.csv"
    frame[~tested].to_csv(learn, index=False)
    frame[tested].to_csv(test, index=False)
    return learn, test


def _trained(run: Path, learn: Path, variant: Variant) -> Path:
    return hanzaki.train_embedder(
        "small",
        run,
        tables=[learn],
        start=variant.start,
        changes=FIXED | ({} if variant.start else IMAGENET) | variant.changes,
        report=lambda record: print(record, file=sys.stderr, flush=True),
    ).model


def _print(name: str, test: Path, model: Path | str, seconds: float) -> None:
    result = hanzaki.evaluate(test, model=model)
    top1, low, high = (100 * value for value in result.measures["top1"])
    top5, precision = 100 * result.measures["top5"][0], 100 * result.measures["map"][0]
    print(
        f"| {name} | {top1:.1f} ({low:.1f}-{high:.1f}) | {top5:.1f} | {precision:.1f} | {seconds:.0f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
