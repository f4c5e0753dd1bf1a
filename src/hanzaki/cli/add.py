"""``hanzaki add``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hanzaki.cli.options import INTERRUPTED, SKIPPED, CatalogueOption, JsonOption, open_catalogue

if TYPE_CHECKING:
    from hanzaki.fieldwork.add import AddReport

_SHOWN_ABSENT = 5


def add(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH...",
            help="Photographs (JPEG, PNG, WebP, TIFF, HEIC), videos (MP4, MOV and others), and folders of them.",
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE",
            help="Who is in which photograph: CSV with columns path, identity and, where known, species sex "
            "origin orientation encounter date bbox site, or another of the field's tables. Without PATH, its "
            "photographs are added.",
        ),
    ] = None,
    species: Annotated[str | None, typer.Option(help="Scientific name, where the table gives none.")] = None,
    site: Annotated[str | None, typer.Option(help="Name of the place, where the table gives none.")] = None,
    survey: Annotated[str | None, typer.Option(help="Name of the survey that these photographs are of.")] = None,
    link: Annotated[
        bool, typer.Option("--link", help="Leave the photographs where they are instead of copying them.")
    ] = False,
    burst: Annotated[
        float,
        typer.Option(
            min=0, metavar="SECONDS", help="Photographs that follow each other within as long are one encounter."
        ),
    ] = 10.0,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add photographs and videos to the catalogue, each once.

    Can be stopped at any moment and run again: it goes on where it was. A file that cannot be used is listed with
    the reason and stops nothing. Exit status: 0 all well, 3 some files were skipped, 1 an error, 130 stopped.
    """
    from hanzaki.cli.output import print_json, progress, read_told
    from hanzaki.errors import SettingError

    if not paths and table is None:
        raise SettingError("name photographs or folders to add, or a table with --table")
    with open_catalogue(catalogue) as opened, progress() as tell:
        told = None if table is None else read_told(table)
        report = opened.add(
            paths or [],
            table=told,
            species=species,
            site=site,
            survey=survey,
            link=link,
            burst=burst,
            progress=tell,
        )
    if as_json:
        print_json(_json(report))
    else:
        _print(report)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)
    if report.skipped or report.absent:
        raise typer.Exit(SKIPPED)


def _print(report: AddReport) -> None:
    from hanzaki.cli.output import err, out, print_skipped, table

    rows = [("added", report.added), ("known already", report.known), ("skipped", len(report.skipped))]
    if report.annotated:
        rows.append(("animals told of by the table", report.annotated))
    if report.joined:
        rows.append(("joined to a burst", report.joined))
    out().print(table(("photographs and videos", ""), rows, right=("",)))
    print_skipped(report.skipped)
    for bad in report.troubled:
        err().print(f"Added, but only a part of it can be read: {bad}", markup=False)
    if report.others:
        kinds = ", ".join(f"{count} {ending}" for ending, count in report.others.most_common())
        err().print(f"Passed over, since neither photographs nor videos: {kinds}", markup=False)
    if report.absent:
        shown = ", ".join(report.absent[:_SHOWN_ABSENT]) + (" ..." if len(report.absent) > _SHOWN_ABSENT else "")
        err().print(f"In the table, but not among the files: {len(report.absent)} ({shown})", markup=False)
    if report.kept:
        err().print(f"Rows that name another animal than was decided before, which stands: {report.kept}")
    if report.interrupted:
        err().print("Stopped. What was added is safe; the same command goes on from here.")


def _json(report: AddReport) -> dict[str, object]:
    from hanzaki.errors import printable

    return {
        "added": report.added,
        "known": report.known,
        "joined": report.joined,
        "annotated": report.annotated,
        "kept": report.kept,
        "skipped": [{"path": printable(bad.path), "reason": bad.reason} for bad in report.skipped],
        "troubled": [{"path": printable(bad.path), "reason": bad.reason} for bad in report.troubled],
        "others": dict(report.others),
        "absent": [printable(path) for path in report.absent],
        "interrupted": report.interrupted,
    }
