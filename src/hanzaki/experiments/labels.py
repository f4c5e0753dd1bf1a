"""Classifiers of other labels than the eleven: native or hybrid (the hybrid study), and any that is named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hanzaki.annotations import AnnotationRow, Annotations
from hanzaki.errors import SettingError
from hanzaki.evaluation.labelling import Labelled
from hanzaki.evaluation.lots import shuffled
from hanzaki.evaluation.pointing import Pointed, Pointing, judge_pointing, point
from hanzaki.evaluation.report.figures import confusion, reliability_diagram
from hanzaki.exchange.table import read_table
from hanzaki.experiments.bench import Bench, Recipe
from hanzaki.experiments.definition import Experiment, Scale
from hanzaki.experiments.outcome import CALIBRATED, MEASURED, Outcome, Share, calibrated, decimal, measures
from hanzaki.experiments.tables import keep_table, one_table, rows_of
from hanzaki.explanation.gradcam import heat
from hanzaki.explanation.placing import Sight
from hanzaki.media import load_picture
from hanzaki.settings import settings
from hanzaki.virtual.masks import mask_path, read_mask
from hanzaki.vision.classifier import Classifier
from hanzaki.vision.crop import crop
from hanzaki.vision.model import load_classifier_model


def origin(experiment: Experiment, scale: Scale, bench: Bench) -> Outcome:
    """Native or hybrid, of individuals never seen (hybrid study: 5 of each learnt from, the others tested)."""
    annotations = read_table(one_table(experiment, scale, bench))
    kinds = sorted({row.origin for row in annotations if row.origin is not None})
    if len(kinds) != 2:
        raise SettingError(
            f"experiment {experiment.name} tells two kinds apart by 'origin'; the table has {len(kinds)}"
        )
    learnt = _learnt(annotations, scale.counts[0])
    chosen = pd.Series([row.identity in learnt for row in annotations])
    train = keep_table(rows_of(annotations, chosen), bench, "origin-train")
    test = keep_table(rows_of(annotations, ~chosen), bench, "origin-test")
    changes = scale.changes | {"data.label": "origin", "split.tables": [str(test)]}
    run = bench.classifier(Recipe("native or hybrid", (train,), scale.config, changes), controls=True)
    judged = bench.labelled(run)
    by_animal = judged.by_individual
    assert by_animal is not None
    rows = [
        ["photographs", len(judged.frame), *measures(judged), *calibrated(judged)],
        ["animals, by the mean of their photographs", by_animal.queries, Share(*by_animal.measures["accuracy"]),
         decimal(by_animal.measures["kappa"]), decimal(by_animal.measures["macro_f1"]), "", "", ""],
    ]  # fmt: skip
    return Outcome(
        headers=["judged", "number", *MEASURED, *CALIBRATED],
        rows=rows,
        records=judged.frame,
        figures={
            "What each photograph is (rows), and what it was taken for": confusion(
                judged.classification.matrix, kinds
            ),
            "What came true of what it said, before and after its temperature": reliability_diagram(
                judged.after.reliability, judged.before.reliability
            ),
        },
        answers=[
            f"{Share(*judged.classification.measures['accuracy'])} % of the photographs are told rightly, of"
            f" {by_animal.queries} animals of which none was learnt from.",
            *_controls(run),
            *_pointing(run, judged),
        ],
    )


def tasks(experiment: Experiment, scale: Scale, bench: Bench) -> Outcome:
    """A classifier for each table and label that is named, tested on animals or days that it never saw."""
    rows: list[list[object]] = []
    records, notes, figures = [], [], {}
    for name, changes in scale.variants.items():
        table = (experiment.folder / str(changes["table"])).resolve()
        if not table.is_file():
            notes.append(f"{name}: {Path(str(changes['table'])).parent.name} is not here and was left out.")
            continue
        own = {key: value for key, value in changes.items() if key != "table"}
        judged = bench.labelled(bench.classifier(Recipe(name, (table,), scale.config, scale.changes | own)))
        rows.append([name, len(judged.frame), len(judged.labels), *measures(judged), *calibrated(judged)])
        records.append(judged.frame.assign(task=name))
        figures[f"{name}: what came true of what was said, before and after the temperature"] = (
            reliability_diagram(judged.after.reliability, judged.before.reliability)
        )
    if not rows:
        raise SettingError(f"experiment {experiment.name} has no animals: none of its tables is here")
    return Outcome(
        headers=["task", "photographs", "labels", *MEASURED, *CALIBRATED],
        rows=rows,
        records=pd.concat(records, ignore_index=True),
        figures=figures,
        answers=["ECE is the error of the probabilities (bins of equal width), on photographs that neither taught"
                 " nor chose; the temperature was fitted on others."],
        notes=notes,
    )  # fmt: skip


def _learnt(annotations: Annotations, count: int) -> set[str]:
    """So many individuals of each origin, by lot."""
    whom = [(row.origin or "", row.identity or "") for row in annotations]
    kinds = sorted({kind for kind, _ in whom} - {""})
    return {
        identity
        for kind in kinds
        for _, identity in shuffled([one for one in whom if one[0] == kind], 0, "origin")[:count]
    }


def _controls(run: Path) -> list[str]:
    """What a classifier of shuffled labels came to, and one that saw only what is around the heads."""
    results: Mapping[str, Any] = json.loads((run / "results.json").read_text("utf-8"))
    return [f"Control, {control['sentence']}." for control in results["controls"] or ()]


def _pointing(run: Path, judged: Labelled) -> list[str]:
    """How much of the evidence lies on the head's spots, where these are known."""
    table = Annotations(judged.frame, run / "split" / "test.csv")
    if not all(mask_path(table.folder / row.path).is_file() for row in table):
        return []
    found = pointing_of(run, table)
    share, chance, hit = (found.measures[name] for name in ("share_of_head", "share_chance", "hit"))
    return [
        f"Of the evidence (Grad-CAM of the label that was given) that lies on the head, {Share(*share)} % lies on"
        f" its dark markings, which cover {Share(*chance)} % of it; its hottest place is there in {Share(*hit)} %."
    ]


def pointing_of(run: Path, table: Annotations) -> Pointing:
    """The pointing game against the true spots of virtual heads.

    Args:
        run: of the classifier.
        table: photographs that were drawn with their masks.
    """
    classifier = Classifier(load_classifier_model(run / "model"), settings().runtime, settings().threads)
    pointed = [_pointed(classifier, table.folder, row) for row in table]
    return judge_pointing(pointed, [row.identity for row in table])


def _pointed(classifier: Classifier, folder: Path, row: AnnotationRow) -> Pointed:
    path = folder / row.path
    photograph = load_picture(path, None, settings().max_megapixels)
    seen = classifier.prepare(crop(photograph, row.bbox, classifier.area_fraction))
    (explained,) = classifier.explain([seen])
    height, width = photograph.shape[:2]
    sight = Sight((width, height), row.bbox, classifier.area_fraction)
    label = int(np.argmax(explained.probabilities))
    mask = read_mask(path)
    return point(heat(explained, label, sight, classifier.model.config), mask.spots, mask.silhouette)
