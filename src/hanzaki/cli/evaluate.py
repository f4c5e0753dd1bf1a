"""``hanzaki evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hanzaki import defaults
from hanzaki.cli.options import SKIPPED, JsonOption, ModelOption
from hanzaki.errors import SettingError

if TYPE_CHECKING:
    from hanzaki.evaluation.labelling import Labelled
    from hanzaki.evaluation.naming import Named
    from hanzaki.evaluation.protocols import Result


def evaluate(
    table: Annotated[
        Path, typer.Option(metavar="TABLE", help="Annotations with identities; paths start beside it.")
    ],
    model: ModelOption = defaults.MODEL,
    group: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Also give results by this column, as `orientation`.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write a report to look at: FOLDER/index.html.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE",
            help="Photographs of known animals, by which those of --table are named instead.",
        ),
    ] = None,
    allow_leaks: Annotated[
        bool, typer.Option("--allow-leaks", help="Go on where photographs stand on both sides of --against.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Measure how well individuals are told apart, one against all.

    Every annotation is looked for among all others of its species and side, never itself (the MiewID paper's
    measure). Intervals are 95%, by bootstrap over individuals. Annotations with no true match are left out and
    counted. With --against, each photograph is named by the most alike of a reference instead: accuracy, Cohen's
    kappa and F1 of known animals, and how well strangers are told from them.

    If --with names a classifier, the labels that it gives are compared with the table's instead: accuracy, Cohen's
    kappa, F1 and the confusion matrix, and whether its probabilities mean what they say.
    """
    if _is_classifier(model):
        if group is not None or against is not None:
            raise SettingError(
                "--group and --against go with a model that compares animals, not with a classifier"
            )
        _judge_classifier(table, model, report, as_json)
        return
    if against is not None:
        if group is not None or report is not None:
            raise SettingError("--against goes with neither --group nor --report")
        _name_against(table, against, model, allow_leaks, as_json)
        return
    import hanzaki
    from hanzaki.cli.output import err, out, print_json, print_skipped, progress, read_told
    from hanzaki.cli.output import table as as_table
    from hanzaki.errors import printable
    from hanzaki.evaluation.leaks import counted

    with progress() as tell:
        result = hanzaki.evaluate(read_told(table), model=model, group=group, report=report, progress=tell)
    if as_json:
        print_json(result.as_json())
    else:
        headers = ("", "queries", "left out", "individuals", "top-1 %", "top-5 %", "top-10 %", "top-20 %", "mAP %")
        named = {"all": result, **{f"{group} {name}": part for name, part in result.groups.items()}}
        out().print(as_table(headers, [_row(name, part) for name, part in named.items()], right=headers[1:]))
        err().print(f"{result.seconds:.0f} s, {result.peak_mb:.0f} MB at most")
    if report is not None:
        err().print(f"report: {printable(report / 'index.html')}", markup=False)
    if result.leaks:
        err().print(_LEAKS.format(counted=counted(result.leaks), first=result.leaks[0].text), markup=False)
    print_skipped(result.bad)
    if result.bad:
        raise typer.Exit(SKIPPED)


def _is_classifier(model: str) -> bool:
    from hanzaki.errors import ModelError
    from hanzaki.vision.model import ClassifierConfig, find_model, load_any_model

    try:
        return isinstance(load_any_model(find_model(model)).config, ClassifierConfig)
    except ModelError:
        return False  # no model folder, as sift; or a bad one, of which its use tells more


def _judge_classifier(table: Path, model: str, report: Path | None, as_json: bool) -> None:
    import hanzaki
    from hanzaki.cli.output import err, out, print_json, print_skipped, progress, read_told
    from hanzaki.cli.output import table as as_table
    from hanzaki.errors import printable

    with progress() as tell:
        labelled = hanzaki.evaluate_classifier(read_told(table), model=model, report=report, progress=tell)
    if as_json:
        print_json(labelled.as_json())
    else:
        headers = ("", "number", "value", "95% interval")
        out().print(as_table(headers, _told(labelled), right=("number",)))
        if len(labelled.labels) <= _MOST_PRINTED:
            labels = [f"as {label}" for label in labelled.labels]
            matrix = zip(labelled.labels, labelled.classification.matrix.tolist(), strict=True)
            out().print()
            out().print(as_table(("truly", *labels), [[label, *row] for label, row in matrix], right=labels))
        if labelled.strangers is not None:
            counts = ", ".join(f"{label} ({number})" for label, number in labelled.strangers.labels.items())
            err().print(f"never learnt, and not judged: {counts}", markup=False)
        if labelled.untold:
            err().print(f"not told by the table: the {labelled.label} of {labelled.untold}", markup=False)
        err().print(f"{labelled.seconds:.0f} s")
    if report is not None:
        err().print(f"report: {printable(report / 'index.html')}", markup=False)
    print_skipped(labelled.bad)
    if labelled.bad:
        raise typer.Exit(SKIPPED)


def _told(labelled: Labelled) -> list[list[object]]:
    judged = labelled.classification
    rows = [[title, judged.queries, *_interval(judged.measures[name])] for name, title in _TITLES.items()]
    if labelled.by_individual is not None:
        animals = labelled.by_individual
        rows.append(["accuracy of animals", animals.queries, *_interval(animals.measures["accuracy"])])
    for part, when in ((labelled.before, "at a temperature of 1"), (labelled.after, "as the model says it")):
        rows.append([f"calibration error, {when}", part.queries, *_interval(part.measures["ece"])])
    if labelled.strangers is not None:
        rows += [
            [f"never learnt told from learnt by {score}: AUROC", one.known + one.unknown, *_interval(one.auroc)]
            for score, one in labelled.strangers.told.items()
        ]
    return rows


def _name_against(table: Path, against: Path, model: str, allow_leaks: bool, as_json: bool) -> None:
    import hanzaki
    from hanzaki.cli.output import err, out, print_json, print_skipped, progress, read_told
    from hanzaki.cli.output import table as as_table
    from hanzaki.evaluation.leaks import counted

    with progress() as tell:
        asked, known = read_told(table), read_told(against)
        named = hanzaki.evaluate_against(asked, known, model=model, allow_leaks=allow_leaks, progress=tell)
    if as_json:
        print_json(named.as_json())
    else:
        out().print(
            as_table(("", "photographs", "value", "95% interval"), _measures(named), right=("photographs",))
        )
        err().print(f"{named.seconds:.0f} s")
    if named.leaks:
        err().print(f"these numbers are too good: {counted(named.leaks)} on both sides", markup=False)
    print_skipped(named.bad)
    if named.bad:
        raise typer.Exit(SKIPPED)


def _measures(named: Named) -> list[list[object]]:
    rows: list[list[object]] = []
    if named.closed is not None:
        rows += [
            [f"known animals: {title}", named.closed.queries, *_interval(named.closed.measures[measure])]
            for measure, title in _TITLES.items()
        ]
    if named.open is not None:
        both = named.open.known + named.open.unknown
        rows.append(["strangers told from the known: AUROC", both, *_interval(named.open.auroc)])
        rows += [
            [f"known and named rightly where {100 * point.rate:g}% of strangers pass", named.open.known,
             *_interval(point.identified)]
            for point in named.open.points
        ]  # fmt: skip
    return rows


def _interval(interval: tuple[float, float, float]) -> list[object]:
    value, low, high = interval
    if value != value:
        return ["-", "-"]
    return [f"{value:.3f}", "-" if low != low else f"{low:.3f} to {high:.3f}"]


_TITLES = {
    "accuracy": "accuracy",
    "kappa": "Cohen's kappa",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
}
_MOST_PRINTED = 12  # labels of a confusion matrix that a terminal has room for
_LEAKS = (
    "these numbers are too good: {counted}. The first: {first}. An encounter's photographs are all but copies;"
    " hanzaki split --protocol miewid keeps one of each"
)


def _row(name: str, result: Result) -> list[object]:
    counts: list[object] = [name, result.queries, result.skipped, result.individuals]
    if not result.queries:
        return [*counts, *["-"] * len(result.measures)]
    return counts + [
        f"{100 * value:.1f} ({100 * low:.1f}-{100 * high:.1f})" for value, low, high in result.measures.values()
    ]
