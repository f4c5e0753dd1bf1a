"""The salamander papers' experiments: which of eleven, whether one of them at all, and native or hybrid.

Each network learns with a softmax loss, as the papers' do, and names a photograph by the nearest that it
learnt from: the way in which the field half identifies.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from pathlib import Path

import numpy as np
import pandas as pd

from hanzaki.annotations import Annotations
from hanzaki.errors import SettingError
from hanzaki.evaluation.classification import Classification, judge_labels
from hanzaki.evaluation.lots import shuffled
from hanzaki.evaluation.naming import name_by_nearest
from hanzaki.evaluation.openset import judge_open_set
from hanzaki.evaluation.report.figures import confusion, curves
from hanzaki.evaluation.resampling import Interval
from hanzaki.evaluation.splits import Split, make_split
from hanzaki.exchange.table import read_table
from hanzaki.experiments.bench import Bench, Recipe, digest
from hanzaki.experiments.definition import Experiment, Scale
from hanzaki.experiments.outcome import Outcome, Share
from hanzaki.experiments.tables import keep_table, require_no_leaks, rows_of, tables_of, write_parts

_LIGHTS = ("morning", "afternoon", "evening")
_CROPS = {"cropped to 60 %": 0.6, "whole head": 1.0}
_MEASURES = ("accuracy", "kappa", "macro_f1")
_REFUSED = 0.05  # share of known photographs that the rule for strangers may refuse


def lights(experiment: Experiment, scale: Scale, bench: Bench) -> Outcome:
    """A network for each light, learnt on some days and tested on others (salamander paper, Table 2, Figs 3-7)."""
    annotations = _one_table(experiment, scale, bench)
    days = _days(annotations)
    rows: list[list[object]] = []
    records, figures = [], {}
    accuracy: dict[tuple[str, str], float] = {}
    for light in (*_LIGHTS, "mixed"):
        chosen = {} if light == "mixed" else {"train_light": light, "test_light": light}
        split = make_split(annotations, "daytime" if chosen else "date", **days, **chosen)
        parts = write_parts(split, bench, light)
        for crop, fraction in _CROPS.items():
            model = bench.model(_recipe(f"{light} light, {crop}", parts["train"], scale, fraction))
            judged = _judged(bench, model, parts["train"], parts["test"])
            accuracy[light, crop] = judged.measures["accuracy"].value
            rows.append([light, crop, judged.queries, *_measures(judged)])
            values = {name: judged.measures[name].value for name in _MEASURES}
            records.append({"light": light, "crop": crop, "queries": judged.queries, **values})
            if fraction < 1:
                figures[f"{light.capitalize()} model: who it is (rows), and whom it was taken for"] = confusion(
                    judged.matrix, [str(label) for label in judged.labels]
                )
    return Outcome(
        headers=["light", "crop", "photographs", "accuracy %", "kappa", "macro F1"],
        rows=rows,
        records=pd.DataFrame(records),
        figures=figures,
        answers=_light_answers(accuracy),
        notes=[f"Learnt from the days {days['train_days']}, tested on the days {days['test_days']}."],
        text=2,
    )


def unknown(experiment: Experiment, scale: Scale, bench: Bench) -> Outcome:
    """Each individual left out in turn: is it known for a stranger (salamander paper, end of the discussion)?"""
    annotations = _one_table(experiment, scale, bench)
    split = make_split(annotations, "date", **_days(annotations), validation=0.3)
    require_no_leaks(split.parts, bench, experiment.name)
    strangers = sorted({row.identity or "" for row in split.parts["train"]})
    answers = {stranger: _without(stranger, split, scale, bench) for stranger in strangers}
    rows: list[list[object]] = []
    for stranger, named in answers.items():
        own, others = named[~named["known"]], named[named["known"]]
        kept = others["right"] & (others["margin"] >= 0)
        refused = (_percent(part["margin"] < 0) for part in (own, others))
        rows.append([stranger, len(own), next(refused), len(others), next(refused), _percent(kept)])
    pooled = pd.concat([named.assign(stranger=stranger) for stranger, named in answers.items()], ignore_index=True)
    judged = judge_open_set(
        pooled["margin"].to_numpy(float),
        pooled["known"].to_numpy(bool),
        (pooled["right"] & pooled["known"]).to_numpy(bool),
        pooled["identity"].tolist(),
    )
    points = [
        (passed, named, nan, nan)
        for passed, named in zip(judged.curve.passed, judged.curve.identified, strict=True)
    ]
    return Outcome(
        headers=["left out", "its photographs", "known for a stranger %", "photographs of the known",
                 "taken for strangers %", "named rightly %"],
        rows=rows,
        records=pooled[["stranger", "identity", "given", "score", "margin", "known", "right"]],
        figures={
            "Known animals named rightly, against the strangers that pass for known, at every threshold": curves(
                {"": points}, xlabel="share of strangers' photographs that pass", ylabel="known, named rightly"
            )
        },
        answers=[
            f"A stranger's photograph is known for one in {_percent(pooled['margin'][~pooled['known']] < 0)} % of"
            f" cases, by a rule that refuses {100 * _REFUSED:.0f} % of known photographs of days learnt from."
            f" AUROC of known against strangers: {_decimal(judged.auroc)}.",
            *[
                f"Where {100 * point.rate:.0f} % of strangers' photographs may pass, {Share(*point.identified)} %"
                " of the known are named rightly."
                for point in judged.points
            ],
        ],
        notes=["The rule is set on validation photographs alone: no stranger, and nothing of the test, was seen."],
    )  # fmt: skip


def _without(stranger: str, split: Split, scale: Scale, bench: Bench) -> pd.DataFrame:
    """How the test photographs are named by a network that never saw one of the animals.

    Returns:
        one row a photograph: ``identity given score``, ``margin`` of the score over the least that counts as
        known, and whether it is ``known`` and named ``right``.
    """
    train, validation = (
        keep_table(rows_of(part, part.frame["identity"] != stranger), bench, f"without-{stranger}")
        for part in (split.parts["train"], split.parts["validation"])
    )
    test = keep_table(split.parts["test"], bench, "test")
    model = bench.model(_recipe(f"all but {stranger}", train, scale))
    least = float(np.quantile(_named(bench, model, train, validation)["score"], _REFUSED))
    named = _named(bench, model, train, test)
    return named.assign(
        margin=named["score"] - least,
        known=named["identity"] != stranger,
        right=named["identity"] == named["given"],
    )


def origin(experiment: Experiment, scale: Scale, bench: Bench) -> Outcome:
    """Native or hybrid, of individuals never seen (hybrid study: 5 of each learnt from, the others tested)."""
    annotations = _one_table(experiment, scale, bench)
    kinds = sorted({row.species or "" for row in annotations})
    if len(kinds) != 2:
        raise SettingError(
            f"experiment {experiment.name} tells two kinds apart by 'species'; the table has {len(kinds)}"
        )
    who = [(row.species or "", row.identity or "") for row in annotations]
    learnt = {
        name
        for kind in kinds
        for name in shuffled([one for one in who if one[0] == kind], 0, "origin")[: scale.counts[0]]
    }
    chosen = pd.Series([one in learnt for one in who])
    require_no_leaks(
        {"train": rows_of(annotations, chosen), "test": rows_of(annotations, ~chosen)}, bench, experiment.name
    )
    classes = Annotations(
        annotations.frame.assign(identity=annotations.frame["species"]), source=annotations.source
    )
    train = keep_table(rows_of(classes, chosen), bench, "origin-train")
    test = keep_table(rows_of(annotations, ~chosen), bench, "origin-test")
    named = _named(bench, bench.model(_recipe("native or hybrid", train, scale)), train, test)
    votes = named.groupby(["species", "identity"])["given"].agg(lambda given: given.mode().iloc[0]).reset_index()
    judged, by_animal = (
        judge_labels(one["species"].tolist(), one["given"].tolist(), kinds, one["identity"].tolist())
        for one in (named, votes)
    )
    return Outcome(
        headers=["judged", "number", "accuracy %", "kappa", "macro F1"],
        rows=[
            ["photographs", judged.queries, *_measures(judged)],
            ["animals, by the majority of their photographs", by_animal.queries, *_measures(by_animal)],
        ],
        records=named,
        figures={"What each photograph is (rows), and what it was taken for": confusion(judged.matrix, kinds)},
        answers=[
            f"{Share(*judged.measures['accuracy'])} % of the photographs are told rightly, of {by_animal.queries}"
            " animals of which none was learnt from."
        ],
    )


def _one_table(experiment: Experiment, scale: Scale, bench: Bench) -> Annotations:
    tables, _ = tables_of(experiment, scale, bench)
    if not tables:
        raise SettingError(f"experiment {experiment.name} has no animals: name a table with --table")
    return read_table(tables[0])


def _days(annotations: Annotations) -> dict[str, str]:
    """The first half of the days to learn from, the second to test on."""
    days = sorted({row.date.date() for row in annotations if row.date is not None})
    if len(days) < 2:
        raise SettingError("the table has no two days: to learn on one and test on another, dates must be given")
    middle = len(days) // 2
    return {"train_days": f"..{days[middle - 1]}", "test_days": f"{days[middle]}.."}


def _recipe(name: str, train: Path, scale: Scale, fraction: float | None = None) -> Recipe:
    changes = scale.changes | ({} if fraction is None else {"network.crop_fraction": fraction})
    return Recipe(name, (train,), scale.config, changes)


def _named(bench: Bench, model: Path, train: Path, test: Path) -> pd.DataFrame:
    """Whom each photograph was taken for: the individual of the nearest photograph learnt from."""

    def make() -> pd.DataFrame:
        return name_by_nearest(bench.described(model, train), bench.described(model, test))

    return bench.kept("named", [model.parent.name, digest(train), digest(test)], make)


def _judged(bench: Bench, model: Path, train: Path, test: Path) -> Classification:
    named = _named(bench, model, train, test)
    labels: Sequence[str] = sorted({*named["identity"], *named["given"]})
    return judge_labels(named["identity"].tolist(), named["given"].tolist(), labels, named["identity"].tolist())


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


def _measures(judged: Classification) -> list[str]:
    """Accuracy in percent, kappa and macro F1 as papers print them, with intervals."""
    accuracy, *others = (judged.measures[name] for name in _MEASURES)
    return [str(Share(*accuracy)), *map(_decimal, others)]


def _decimal(interval: Interval) -> str:
    return f"{interval.value:.2f} ({interval.low:.2f} to {interval.high:.2f})"


def _percent(hits: pd.Series[bool]) -> str:
    return f"{100 * float(hits.mean()):.1f}" if len(hits) else "-"
