"""``hanzaki detect``, ``pictures``, ``regroup`` and ``set-aside``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hanzaki import defaults
from hanzaki.cli.options import (
    INTERRUPTED,
    SKIPPED,
    CatalogueOption,
    CsvOption,
    DetectorOption,
    JsonOption,
    open_catalogue,
)

if TYPE_CHECKING:
    from hanzaki.fieldwork.detect import DetectReport

AnnotationsArgument = Annotated[
    list[int], typer.Argument(metavar="PICTURE...", help="Their numbers, see `hanzaki pictures ENCOUNTER`.")
]


def detect(
    detector: DetectorOption = defaults.DETECTOR,
    rate: Annotated[float, typer.Option(min=0.01, help="Frames of a video to look at, a second.")] = 10.0,
    best: Annotated[int, typer.Option(min=1, metavar="K", help="Frames of each animal to keep.")] = 5,
    catalogue: CatalogueOption = None,
) -> None:
    """Find the animals in photographs and videos: boxes, and an encounter for each that a video shows.

    Looks at what it has not looked at yet, and can be stopped and run again. What a table or a person drew stands.
    An animal that can hardly be seen is set aside, not deleted.
    """
    from hanzaki.cli.output import progress

    with open_catalogue(catalogue) as opened, progress() as tell:
        report = opened.detect(detector, rate=rate, best=best, progress=tell)
    _print(report)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)
    if report.skipped:
        raise typer.Exit(SKIPPED)


def pictures(
    encounter: Annotated[int, typer.Argument(metavar="ENCOUNTER", help="Its number, see `hanzaki encounters`.")],
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List the pictures of an encounter: photographs and video frames, and how well each shows the animal.

    What only a classifier says is followed by how sure it is, and by the model.
    """
    from hanzaki.cli.output import print_frame, with_words

    with open_catalogue(catalogue) as opened:
        frame = opened.pictures(encounter)
    if not (as_json or as_csv):
        frame = with_words(frame)
    print_frame(frame, as_json=as_json, as_csv=as_csv, right=("picture", "frame", "confidence", "quality"))


def regroup(
    annotations: AnnotationsArgument,
    into: Annotated[
        int | None,
        typer.Option(metavar="ENCOUNTER", help="Of which they are; without it they become one of their own."),
    ] = None,
    catalogue: CatalogueOption = None,
) -> None:
    """Put pictures into another encounter or one of their own, where a burst or track was put together wrongly."""
    with open_catalogue(catalogue) as opened:
        number = opened.regroup(annotations, into)
    typer.echo(f"Encounter {number} has {', '.join(map(str, annotations))} now")


def set_aside(
    annotations: AnnotationsArgument,
    back: Annotated[bool, typer.Option("--back", help="Take them up again.")] = False,
    catalogue: CatalogueOption = None,
) -> None:
    """Set pictures aside that show the animal too badly to be compared; they stay where they are."""
    with open_catalogue(catalogue) as opened:
        opened.set_aside(annotations, aside=not back)
    typer.echo(f"{'Taken up again' if back else 'Set aside'}: {', '.join(map(str, annotations))}")


def _print(report: DetectReport) -> None:
    from hanzaki.cli.output import err, out, print_skipped, table

    rows = [("looked at", report.looked), ("looked at before", report.known), ("skipped", len(report.skipped))]
    rows.append(("animals found", report.animals))
    rows += [("without any", report.empty)] if report.empty else []
    rows += [("with boxes already, which stand", report.boxed)] if report.boxed else []
    out().print(table(("photographs and videos", ""), rows, right=("",)))
    print_skipped(report.skipped)
    for bad in report.troubled:
        err().print(f"Read in part: {bad}", markup=False)
    if report.interrupted:
        err().print("Stopped. What was found is kept; the same command goes on from here.")
