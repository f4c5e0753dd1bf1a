"""The shipped experiments at a size that takes seconds: the same files, with toy animals and a toy network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from hanzaki.experiments.definition import shipped_experiments
from hanzaki.virtual import write_hides

#: A network of 100 000 weights that sees a thumbnail of every picture once.
CHANGES = {
    "network.backbone": "test_efficientnet",
    "network.pretrained": False,
    "network.input_size": [32, 32],
    "network.frozen": 0,
    "schedule.epochs": 1,
    "data.validation": 0,
    "data.mirror": False,
}

#: The same of a classifier.
CLASSIFIER = {key: value for key, value in CHANGES.items() if not key.startswith("data.")} | {
    "split.validation": 0.5,
    "split.validation_by": "encounter",
}


def write_species(folder: Path) -> Path:
    """Two species of thirty virtual animals with five photographs each."""
    write_hides(folder, 60, 5, seed=3, size=64)
    return folder / "annotations.csv"


def toy(name: str, folder: Path, **scale: Any) -> Path:
    """A shipped experiment's file with another desk scale."""
    values = yaml.safe_load(shipped_experiments()[name].read_text("utf-8"))
    values["scales"]["desk"] = {"config": "small", "changes": CHANGES} | scale
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path
