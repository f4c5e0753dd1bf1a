"""``hanzaki identify`` and ``describe``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hanzaki import defaults
from hanzaki.cli.options import (
    INTERRUPTED,
    SKIPPED,
    CatalogueOption,
    CsvOption,
    DetectorOption,
    JsonOption,
    ModelOption,
    open_catalogue,
)

if TYPE_CHECKING:
    from hanzaki.fieldwork.identify import Identification

_CSV_HEADERS = (
    "query", "encounter", "rank", "individual", "score", "photograph", "photograph_path", "photograph_encounter",
    "scope", "photographs", "individuals", "model",
)  # fmt: skip


def identify(
    asked: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH|ENCOUNTER...", help="Photographs, videos, folders, or numbers of encounters."
        ),
    ],
    model: ModelOption = defaults.MODEL,
    detector: DetectorOption = defaults.DETECTOR,
    top: Annotated[int, typer.Option(min=1, metavar="K", help="How many candidates to give.")] = 5,
    species: Annotated[str | None, typer.Option(help="Look among these only; by default the query's own.")] = None,
    side: Annotated[str | None, typer.Option(help="left or right; by default the query's own.")] = None,
    any_side: Annotated[bool, typer.Option("--any-side", help="Compare left flanks with right ones too.")] = False,
    site: Annotated[
        list[str] | None, typer.Option(help="Look among animals seen there only; may be repeated.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="Seen on this day or later.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="Seen on this day or earlier.")
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also draw each query beside its candidates, as a JPEG or PNG."),
    ] = None,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Say who it may be: the individuals of the catalogue in order, each with its best matching photograph.

    A photograph or video need not be in the catalogue. One that is never finds its own encounter. The score orders
    the candidates of one query; it is no probability.
    """
    from hanzaki.cli.output import print_csv, print_json, print_skipped, progress
    from hanzaki.errors import SettingError

    if as_json and as_csv:
        raise SettingError("choose one of --json and --csv")
    with open_catalogue(catalogue) as opened, progress() as tell:
        report = opened.identify(
            asked,
            model=model,
            detector=detector,
            top=top,
            species=species,
            side=side,
            any_side=any_side,
            sites=site or (),
            since=None if since is None else since.date(),
            until=None if until is None else until.date(),
            progress=tell,
        )
    if as_json:
        print_json([_json(found) for found in report.identifications])
    elif as_csv:
        print_csv(_CSV_HEADERS, [row for found in report.identifications for row in _csv_rows(found)])
    else:
        for found in report.identifications:
            _print(found)
    print_skipped(report.skipped)
    if picture is not None:
        from hanzaki.fieldwork.sheet import draw_sheet

        with open_catalogue(catalogue) as opened:
            draw_sheet(opened, report.identifications, picture)
    if report.skipped:
        raise typer.Exit(SKIPPED)


def describe(model: ModelOption = defaults.MODEL, catalogue: CatalogueOption = None) -> None:
    """Compute what `identify` needs of every photograph, ahead of time; it goes on where it was stopped."""
    from hanzaki.cli.output import err, out, print_skipped, progress, table

    with open_catalogue(catalogue) as opened, progress() as tell:
        report = opened.describe(model, progress=tell)
    rows = [("described", report.described), ("known already", report.known), ("skipped", len(report.skipped))]
    out().print(table(("animals", ""), rows, right=("",)))
    print_skipped(report.skipped)
    if report.interrupted:
        err().print("Stopped. What was described is kept; the same command goes on from here.")
        raise typer.Exit(INTERRUPTED)
    if report.skipped:
        raise typer.Exit(SKIPPED)


def _print(found: Identification) -> None:
    from hanzaki.cli.output import out, table

    console = out()
    place = (
        f" (encounter {found.encounter})" if found.encounter and not found.query.startswith("encounter") else ""
    )
    known = f", known as {found.known_as}" if found.known_as else ""
    console.print(f"{found.query}{place}{known}", style="bold", markup=False)
    console.print(
        f"looked among {found.photographs} photographs of {found.individuals} individuals: {found.scope} "
        f"(with {found.model})",
        markup=False,
    )
    if found.poor:
        console.print("all its pictures show the animal badly: look at the candidates with care", style="yellow")
    if found.candidates:
        rows = [
            (rank, answer.individual, f"{answer.score:.3g}", answer.photograph.name, answer.encounter)
            for rank, answer in enumerate(found.candidates, 1)
        ]
        headers = ("", "individual", "score", "best photograph", "encounter")
        console.print(table(headers, rows, right=("", "score", "encounter")))
    else:
        console.print("no named individual in this scope")
    console.print()


def _json(found: Identification) -> dict[str, Any]:
    return {
        "query": found.query,
        "encounter": found.encounter,
        "known_as": found.known_as,
        "scope": {
            "text": str(found.scope),
            "species": found.scope.species,
            "sides": list(found.scope.sides),
            "sites": list(found.scope.sites),
            "since": found.scope.since,
            "until": found.scope.until,
            "photographs": found.photographs,
            "individuals": found.individuals,
        },
        "poor": found.poor,
        "model": found.model,
        "candidates": [
            {
                "rank": rank,
                "individual": answer.individual,
                "score": answer.score,
                "photograph": answer.photograph.name,
                "photograph_path": answer.photograph.path,
                "photograph_encounter": answer.encounter,
            }
            for rank, answer in enumerate(found.candidates, 1)
        ],
    }


def _csv_rows(found: Identification) -> list[list[object]]:
    searched = [found.scope, found.photographs, found.individuals, found.model]
    rows: list[list[object]] = []
    for rank, answer in enumerate(found.candidates, 1):
        photograph = [answer.photograph.name, answer.photograph.path, answer.encounter]
        rows.append([found.query, found.encounter, rank, answer.individual, answer.score, *photograph, *searched])
    return rows or [[found.query, found.encounter, None, None, None, None, None, None, *searched]]
