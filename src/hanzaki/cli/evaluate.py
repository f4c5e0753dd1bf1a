"""``hanzaki evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hanzaki import defaults
from hanzaki.cli.options import SKIPPED, JsonOption, ModelOption
from hanzaki.errors import SettingError

if TYPE_CHECKING:
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
    """
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
        titles = {
            "accuracy": "accuracy",
            "kappa": "Cohen's kappa",
            "macro_f1": "macro F1",
            "weighted_f1": "weighted F1",
        }
        rows += [
            [f"known animals: {title}", named.closed.queries, *_interval(named.closed.measures[measure])]
            for measure, title in titles.items()
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
    return [f"{value:.3f}", f"{low:.3f} to {high:.3f}"]


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
