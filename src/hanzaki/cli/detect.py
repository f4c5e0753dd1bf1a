"""``hanzaki detect``, ``classify``, ``pictures``, ``regroup`` and ``set-aside``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hanzaki import defaults
from hanzaki.cli.options import INTERRUPTED, SKIPPED, CatalogueOption, DetectorOption, open_catalogue

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


def classify(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The folder of a classifier.")],
    sure: Annotated[float, typer.Option(min=0, max=1, help="How probable a label must be to be kept.")] = 0.8,
    catalogue: CatalogueOption = None,
) -> None:
    """Fill in the species or the side of animals of which nobody told it, where a classifier is sure."""
    from hanzaki.cli.output import out, print_skipped, progress, table

    with open_catalogue(catalogue) as opened, progress() as tell:
        report = opened.classify(model, sure=sure, progress=tell)
    rows = [("filled in", report.filled), ("not sure enough", report.unsure), ("skipped", len(report.skipped))]
    out().print(table((report.label, ""), rows, right=("",)))
    print_skipped(report.skipped)
    if report.skipped:
        raise typer.Exit(SKIPPED)


def pictures(
    encounter: Annotated[int, typer.Argument(metavar="ENCOUNTER", help="Its number, see `hanzaki encounters`.")],
    catalogue: CatalogueOption = None,
) -> None:
    """List the pictures of an encounter: photographs and video frames, and how well each shows the animal."""
    from hanzaki.cli.output import print_frame

    with open_catalogue(catalogue) as opened:
        frame = opened.pictures(encounter)
    print_frame(frame, as_json=False, as_csv=False, right=("picture", "frame", "confidence", "quality"))


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
