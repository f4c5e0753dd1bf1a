"""The giant salamander study's experiments: which of eleven, by the light of the day, and whether one of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hanzaki.annotations import Annotations
from hanzaki.errors import SettingError
from hanzaki.evaluation.labelling import Labelled
from hanzaki.evaluation.openset import ranks
from hanzaki.evaluation.report.figures import confusion, reliability_diagram
from hanzaki.evaluation.unknown import SCORES, Refusals, UnknownRule, judge_refusals
from hanzaki.exchange.table import read_table
from hanzaki.experiments.bench import Bench, Recipe
from hanzaki.experiments.definition import Experiment, Scale
from hanzaki.experiments.outcome import (
    CALIBRATED,
    MEASURED,
    MEASURES,
    Outcome,
    calibrated,
    decimal,
    measures,
    percent,
)
from hanzaki.experiments.tables import keep_table, one_table, rows_of

_LIGHTS = ("morning", "afternoon", "evening")
_CROPS = {"cropped to 60 %": 0.6, "whole head": 1.0}
_REFUSED = 0.05  # share of known photographs that the rule for strangers may refuse


def lights(experiment: Experiment, scale: Scale, bench: Bench) -> Outcome:
    """A classifier for each light, learnt on some days and tested on others (salamander paper, Table 2)."""
    table = one_table(experiment, scale, bench)
    days = _days(read_table(table))
    rows: list[list[object]] = []
    records, figures = [], {}
    accuracy: dict[tuple[str, str], float] = {}
    for light in (*_LIGHTS, "mixed"):
        chosen = {} if light == "mixed" else {"split.train_light": light, "split.test_light": light}
        for crop, fraction in _CROPS.items():
            run = bench.classifier(
                Recipe(
                    f"{light} light, {crop}",
                    (table,),
                    scale.config,
                    scale.changes
                    | {"split.protocol": "daytime" if chosen else "date", **days, **chosen}
                    | {"network.crop_fraction": fraction},
                )
            )
            judged = bench.labelled(run)
            accuracy[light, crop] = judged.classification.measures["accuracy"].value
            rows.append([light, crop, len(judged.frame), *measures(judged), *calibrated(judged)])
            records.append({"light": light, "crop": crop, **_plain(judged)})
            if fraction < 1:
                figures[f"{light.capitalize()} model: who it is (rows), and whom it was taken for"] = confusion(
                    judged.classification.matrix, [str(label) for label in judged.labels]
                )
            if light == "mixed" and fraction < 1:
                figures["Mixed model: what came true of what it said, before and after its temperature"] = (
                    reliability_diagram(judged.after.reliability, judged.before.reliability)
                )
    return Outcome(
        headers=["light", "crop", "photographs", *MEASURED, *CALIBRATED],
        rows=rows,
        records=pd.DataFrame(records),
        figures=figures,
        answers=_light_answers(accuracy),
        notes=[
            f"Learnt from the days {days['split.train_days']}, tested on the days {days['split.test_days']}; a"
            " share of each animal's encounters of the former chose epoch and temperature.",
            "The paper tested on photographs of the two days that it learnt from; here no day is on both sides.",
        ],
        text=2,
    )


def unknown(experiment: Experiment, scale: Scale, bench: Bench) -> Outcome:
    """Each individual left out in turn: is it known for a stranger (salamander paper, end of the discussion)?"""
    table = one_table(experiment, scale, bench)
    annotations = read_table(table)
    changes = scale.changes | {"split.protocol": "date", **_days(annotations)}
    strangers = sorted({row.identity or "" for row in annotations})
    rules: dict[str, Refusals] = {}
    answers: dict[str, list[pd.DataFrame]] = {score: [] for score in SCORES}
    for stranger in strangers:
        for score, frame in _without(stranger, annotations, changes, scale, bench).items():
            answers[score].append(frame)
    for score, frames in answers.items():
        pooled = pd.concat(frames, ignore_index=True)
        rules[score] = judge_refusals(
            pooled["rank"].to_numpy(float),
            pooled["refused"].to_numpy(bool),
            pooled["known"].to_numpy(bool),
            pooled["identity"].tolist(),
        )
    best = max(rules, key=lambda score: rules[score].auroc.value)
    pooled = pd.concat(answers[best], ignore_index=True)
    known = pooled[pooled["known"]]
    kept = float((known["right"] & ~known["refused"]).mean())
    return Outcome(
        headers=["rule: unknown where this is low", "strangers taken for known %", "known taken for strangers %",
                 "AUROC"],
        rows=[
            [score, percent(rule.taken), percent(rule.refused), decimal(rule.auroc)]
            for score, rule in rules.items()
        ],
        records=pooled,
        figures={},
        answers=[
            f"The best rule, by {best}: {percent(rules[best].taken)} % of strangers' photographs are taken for"
            f" somebody known, and {percent(rules[best].refused)} % of known ones for strangers; it was set to"
            f" refuse {100 * _REFUSED:.0f} % of known photographs.",
            f"With it, {100 * kept:.1f} % of the photographs of known animals are named, and rightly.",
        ],
        notes=[
            "Each animal is left out in turn; a rule is set on other encounters of the days learnt from: no"
            " stranger, and nothing of the test, was seen.",
        ],
    )  # fmt: skip


def _without(
    stranger: str, annotations: Annotations, changes: dict[str, object], scale: Scale, bench: Bench
) -> dict[str, pd.DataFrame]:
    """How the test photographs are judged by a classifier that never saw one of the animals, by each rule.

    Returns:
        for each score one row a photograph: ``stranger identity given known right refused rank``.
    """
    table = keep_table(
        rows_of(annotations, annotations.frame["identity"] != stranger), bench, f"without-{stranger}"
    )
    run = bench.classifier(Recipe(f"all but {stranger}", (table,), scale.config, changes))
    chosen = bench.labelled(run, run / "split" / "validation.csv")
    days = {row.date.date() for row in read_table(run / "split" / "test.csv") if row.date is not None}
    tested = pd.Series([row.date is not None and row.date.date() in days for row in annotations])
    test = bench.labelled(run, keep_table(rows_of(annotations, tested), bench, "tested"))
    if test.strangers is None:
        raise SettingError(f"{stranger} has no photograph of the days that are tested: it cannot be a stranger")
    logits = np.concatenate([test.logits, test.strangers.logits])
    told = pd.concat([test.frame, test.strangers.frame], ignore_index=True)
    frame = told[["truth", "given"]].rename(columns={"truth": "identity"}).assign(stranger=stranger)
    frame = frame.assign(known=frame["identity"] != stranger, right=frame["identity"] == frame["given"])
    by_score: dict[str, pd.DataFrame] = {}
    for score in SCORES:
        rule = UnknownRule.fit(chosen.logits, score, _REFUSED, test.temperature)
        by_score[score] = frame.assign(refused=rule.unknown(logits), rank=ranks(rule.sureness(logits)))
    return by_score


def _days(annotations: Annotations) -> dict[str, str]:
    """The first half of the days to learn from, the second to test on."""
    days = sorted({row.date.date() for row in annotations if row.date is not None})
    if len(days) < 2:
        raise SettingError("the table has no two days: to learn on one and test on another, dates must be given")
    middle = len(days) // 2
    return {"split.train_days": f"..{days[middle - 1]}", "split.test_days": f"{days[middle]}.."}


def _light_answers(accuracy: dict[tuple[str, str], float]) -> list[str]:
    cropped, whole = _CROPS
    order = sorted((*_LIGHTS, "mixed"), key=lambda light: -accuracy[light, cropped])
    gains = [accuracy[light, cropped] - accuracy[light, whole] for light in order]
    return [
        f"In the paper the mixed model is the best and the evening model the worst; here the order is"
        f" {', '.join(order)}.",
        f"In the paper cropping helps; here it changes accuracy by {100 * np.mean(gains):+.1f} points on average,"
        f" and helps {sum(gain > 0 for gain in gains)} of {len(gains)} models.",
    ]


def _plain(judged: Labelled) -> dict[str, float]:
    values = {name: judged.classification.measures[name].value for name in MEASURES}
    ece = {"ece_before": judged.before.measures["ece"].value, "ece": judged.after.measures["ece"].value}
    return {"queries": len(judged.frame), **values, **ece}
