"""``hanzaki evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hanzaki.cli.options import SKIPPED, JsonOption, ModelOption

if TYPE_CHECKING:
    from hanzaki.evaluation.protocols import Result


def evaluate(
    table: Annotated[
        Path, typer.Option(metavar="TABLE", help="Annotations with identities; paths start beside it.")
    ],
    model: ModelOption = "sift",
    group: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Also give results by this column, as `orientation`.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write a report to look at: FOLDER/index.html.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how well individuals are told apart, one against all.

    Every annotation is looked for among all others of its species and side, never itself (the MiewID paper's
    measure). Intervals are 95%, by bootstrap over individuals. Annotations with no true match are left out and
    counted.
    """
    import hanzaki
    from hanzaki.cli.output import err, out, print_json, print_skipped, progress
    from hanzaki.cli.output import table as as_table
    from hanzaki.errors import printable
    from hanzaki.evaluation.leaks import counted

    with progress() as tell:
        result = hanzaki.evaluate(table, model=model, group=group, report=report, progress=tell)
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
