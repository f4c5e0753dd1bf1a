"""What a trained classifier is worth: the model folder tested as the field runs it, written down and drawn."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hanzaki.evaluation.labelling import Labelled, judge_classifier
from hanzaki.evaluation.placing import TEST, TRAIN, VALIDATION
from hanzaki.evaluation.report.controls import Control as ControlShown
from hanzaki.evaluation.report.labelling import write_labelling_report
from hanzaki.learning.card import Card, Metric
from hanzaki.learning.checkpoint import write_whole
from hanzaki.learning.classifier.config import ClassifierTraining
from hanzaki.learning.classifier.controls import Control, run_controls
from hanzaki.learning.classifier.parts import SPLIT, Parts
from hanzaki.learning.train import MODEL, Progress, Trained
from hanzaki.settings import settings
from hanzaki.vision.classifier import Classifier
from hanzaki.vision.model import CARD, ClassifierConfig, ModelFolder, load_classifier_model

RESULTS = "results.json"
REPORT = "report"
PAGE = "index.html"


def finished(
    config: ClassifierTraining,
    folder: Path,
    parts: Parts,
    trained: Trained,
    card: Card,
    *,
    controls: bool = False,
    progress: Progress | None = None,
) -> tuple[dict[str, Any], Path | None]:
    """Test a run's model, and write ``results.json``, the report's page and the figures on the model card.

    What was done before is not done again.

    Args:
        config: of the run.
        folder: of the run.
        parts: of its tables.
        trained: what came of it.
        card: the model's, without figures.
        controls: whether the controls are wanted.
        progress: told how far it is.

    Returns:
        what ``results.json`` holds, and the report's page; None if nothing was kept apart to test with.
    """
    page = folder / REPORT / PAGE if parts.test is not None else None
    written = folder / RESULTS
    if written.is_file():
        results: dict[str, Any] = json.loads(written.read_text(encoding="utf-8"))
        if results["controls"] is not None or not controls:
            return results, page
    model = load_classifier_model(trained.model)
    results = _facts(config, parts, trained, model)
    if parts.test is not None:
        classifier = Classifier(model, settings().runtime, settings().threads)
        labelled = judge_classifier(parts.test, classifier, progress)
        _write_card(folder, model, replace(card, metrics=_metrics(labelled, parts, folder)), config.half)
        held = run_controls(config, folder, parts, model.config, progress) if controls else None
        _write_page(config, folder, labelled, classifier, held or ())
        results |= {"test": labelled.as_json(), "controls": None if held is None else [c.as_json() for c in held]}
        if controls and not held:
            results["notes"].append("no control can be run: the tables tell of no boxes around the animals")
    write_whole(written, json.dumps(results, ensure_ascii=False, indent=2) + "\n")
    return results, page


def _facts(
    config: ClassifierTraining, parts: Parts, trained: Trained, model: ModelFolder[ClassifierConfig]
) -> dict[str, Any]:
    tables = {TRAIN: parts.train, VALIDATION: parts.validation, TEST: parts.test}
    return {
        "model": model.fingerprint,
        "label": config.data.label,
        "labels": list(parts.labels),
        "epoch": trained.epoch,
        "temperature": model.config.temperature,
        "protocol": parts.protocol,
        "parts": {name: len(table) for name, table in tables.items() if table is not None},
        "test": None,
        "controls": None,
        "notes": [*trained.notes, *_on_temperature(parts, model.config.temperature)],
    }


def _on_temperature(parts: Parts, temperature: float) -> Sequence[str]:
    if temperature != 1:
        return ()
    if parts.validation is None:
        return ("the temperature stays 1: nothing was kept aside to fit it by",)
    return (
        "the temperature stays 1: what was kept aside was told right to the last picture, or no other does better",
    )


def _metrics(labelled: Labelled, parts: Parts, folder: Path) -> list[Metric]:
    """The figures for the model card, each with the command that prints it."""
    measures = {name: labelled.classification.measures[name] for name in ("accuracy", "kappa", "macro_f1")}
    measures |= {
        "ece": labelled.after.measures["ece"],
        "ece at a temperature of 1": labelled.before.measures["ece"],
    }
    run = folder.absolute().name
    command = f"hanzaki evaluate --table {run}/{SPLIT}/{TEST}.csv --with {run}/{MODEL}"
    dataset = f"photographs kept apart, by {parts.protocol}"
    return [
        Metric(name, dataset, *interval, command)
        for name, interval in measures.items()
        if all(map(math.isfinite, interval))
    ]


def _write_card(folder: Path, model: ModelFolder[ClassifierConfig], card: Card, half: bool) -> None:
    write_whole(folder / MODEL / CARD, card.markdown(model.config, half=half))


def _write_page(
    config: ClassifierTraining,
    folder: Path,
    labelled: Labelled,
    classifier: Classifier,
    controls: Sequence[Control],
) -> None:
    write_labelling_report(
        folder / REPORT,
        f"How well {config.name} tells {config.data.label}",
        labelled,
        labelled.pixels,
        classifier,
        controls=[
            ControlShown(control.name, control.accuracy, control.chance, control.sentence) for control in controls
        ],
    )
