"""``hanzaki classify``."""

from __future__ import annotations

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
    open_catalogue,
)

if TYPE_CHECKING:
    from hanzaki.fieldwork.classify import ClassifyReport, ToldAnimal, ToldPicture
    from hanzaki.fieldwork.fieldcatalogue import FieldCatalogue

_CSV_HEADERS = (
    "name", "picture", "encounter", "label", "value", "probability", "encounter_value", "encounter_probability",
    "encounter_pictures", "sure", "told", "drawing", "model",
)  # fmt: skip


def classify(
    asked: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH|ENCOUNTER]...",
            help="Photographs, videos, folders, or numbers of encounters; without any, all in the catalogue that "
            "the model has not told of yet.",
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            "--with",
            metavar="MODEL",
            help="The classifier: a shipped model or a model folder.",
            show_default=False,
        ),
    ] = ...,  # type: ignore[assignment]  # typer's way to say that it must be given
    sure: Annotated[
        float,
        typer.Option(min=0, max=1, metavar="P", help="How probable an answer must be to count where nobody told."),
    ] = 0.8,
    explain: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Draw into it what in each picture spoke for the answer (Grad-CAM)."),
    ] = None,
    forget: Annotated[
        bool, typer.Option("--forget", help="Take back all that the model has told; MODEL may be its fingerprint.")
    ] = False,
    detector: DetectorOption = defaults.DETECTOR,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Ask a classifier: origin, sex, species, side ... of each animal and how probable it is.

    What the catalogue holds gets the answer as the machine's opinion, beside what people and tables told, which
    always stands. Other files are only told of; they need no catalogue.
    """
    from hanzaki.cli.output import err, print_csv, print_json, print_skipped, progress
    from hanzaki.errors import SettingError

    if as_json and as_csv:
        raise SettingError("choose one of --json and --csv")
    if forget:
        _forget(asked, model, catalogue)
        return
    with progress() as tell:
        opened = _catalogue(asked, catalogue)
        if opened is None:
            from hanzaki.fieldwork.classify import classify as ask
            from hanzaki.fieldwork.classify import load_classifier
            from hanzaki.fieldwork.queries import Watcher

            report = ask(
                None, load_classifier(model), asked or [], sure=sure, explain=explain,
                watched=Watcher(detector), progress=tell,
            )  # fmt: skip
        else:
            with opened:
                report = opened.classify(
                    model, asked or [], sure=sure, explain=explain, detector=detector, progress=tell
                )
    if as_json:
        print_json(_json(report))
    elif as_csv:
        print_csv(_CSV_HEADERS, [row for animal in report.animals for row in _csv_rows(report, animal)])
    else:
        _print(report)
    print_skipped(report.skipped)
    if report.interrupted:
        err().print("Stopped. What was told is kept; the same command goes on from here.")
        raise typer.Exit(INTERRUPTED)
    if report.skipped:
        raise typer.Exit(SKIPPED)


def _catalogue(asked: list[str] | None, folder: Path | None) -> FieldCatalogue | None:
    """The catalogue that is named or stood in; files can be asked about without one."""
    from hanzaki.errors import CatalogueError
    from hanzaki.fieldwork.fieldcatalogue import FieldCatalogue

    if folder is None and asked:
        try:
            folder = FieldCatalogue.find(Path.cwd())
        except CatalogueError:
            return None
    return open_catalogue(folder)


def _forget(asked: list[str] | None, model: str, catalogue: Path | None) -> None:
    from hanzaki.errors import SettingError

    if asked:
        raise SettingError("--forget takes back all that the model told; name no PATH")
    with open_catalogue(catalogue) as opened:
        known = opened.forget_opinions(model)
    typer.echo(f"Forgot what it told of {known} pictures")


def _print(report: ClassifyReport) -> None:
    from hanzaki.cli.output import out, table

    rows = [row for animal in report.animals for row in _rows(report, animal)]
    if rows:
        out().print(f"{report.label}, with {report.model}", markup=False)
        out().print(table(("", report.label, "probability", "told by people"), rows, right=("probability",)))
        out().print()
    counts = [("opinions kept", report.kept), ("told of before", report.known), ("skipped", len(report.skipped))]
    out().print(table(("pictures", ""), counts, right=("",)))


def _rows(report: ClassifyReport, animal: ToldAnimal) -> list[tuple[object, ...]]:
    """An animal, and below it its pictures if there are several; of what is of pictures only, these alone."""
    word = animal.word
    if word is None:
        place = "" if animal.encounter is None else f" ({animal.name})"
        return [(f"{told.name}{place}", *_answer(report, told), told.told) for told in animal.pictures]
    probability = f"{word.probability:.0%}" if word.sure else f"unsure, {word.probability:.0%}"
    alone = len(animal.pictures) == 1 and word.pictures == 1
    only = f": {animal.pictures[0].name}" if alone and animal.encounter is not None else ""
    rows: list[tuple[object, ...]] = [(f"{animal.name}{only}", word.value, probability, animal.told)]
    if not alone:
        rows += [(f"  {told.name}", told.value, f"{told.probability:.0%}", None) for told in animal.pictures]
    return rows


def _answer(report: ClassifyReport, told: ToldPicture) -> tuple[str, str]:
    sure = told.probability >= report.sure
    return told.value, f"{told.probability:.0%}" if sure else f"unsure, {told.probability:.0%}"


def _json(report: ClassifyReport) -> dict[str, Any]:
    from hanzaki.errors import printable

    return {
        "model": report.model,
        "label": report.label,
        "labels": report.labels,
        "sure": report.sure,
        "kept": report.kept,
        "known": report.known,
        "interrupted": report.interrupted,
        "animals": [
            {
                "name": animal.name,
                "encounter": animal.encounter,
                "told": animal.told,
                "value": None if animal.word is None else animal.word.value,
                "probability": None if animal.word is None else animal.word.probability,
                "sure": None if animal.word is None else animal.word.sure,
                "shares": None if animal.word is None else dict(animal.word.shares),
                "over_pictures": None if animal.word is None else animal.word.pictures,
                "pictures": [
                    {
                        "name": told.name,
                        "picture": told.number,
                        "value": told.value,
                        "probability": told.probability,
                        "shares": dict(told.shares),
                        "told": told.told,
                        "drawing": told.drawn,
                    }
                    for told in animal.pictures
                ],
            }
            for animal in report.animals
        ],
        "skipped": [{"path": printable(bad.path), "reason": bad.reason} for bad in report.skipped],
    }


def _csv_rows(report: ClassifyReport, animal: ToldAnimal) -> list[list[object]]:
    word = animal.word
    mean = [None, None, None] if word is None else [word.value, word.probability, word.pictures]
    return [
        [
            told.name, told.number, animal.encounter, report.label, told.value, told.probability, *mean,
            told.probability >= report.sure if word is None else word.sure,
            told.told if word is None else animal.told, told.drawn, report.model,
        ]
        for told in animal.pictures
    ]  # fmt: skip
