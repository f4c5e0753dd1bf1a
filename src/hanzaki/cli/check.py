"""``hanzaki check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hanzaki import defaults
from hanzaki.cli.options import SKIPPED, CatalogueOption, JsonOption, ModelsOption, open_catalogue

if TYPE_CHECKING:
    from hanzaki.fieldwork.identity.check import CheckReport, OneAsTwo, Sight, TwoAsOne

_USUAL_TOLERATED, _USUAL_WRONG, _USUAL_WORD = 0.1, 0.05, 2.0


def check(
    model: ModelsOption = None,
    tolerate: Annotated[
        float,
        typer.Option(metavar="SHARE", help="How much of each list may be false alarms, by expectation."),
    ] = _USUAL_TOLERATED,
    wrong: Annotated[
        float,
        typer.Option(metavar="SHARE", help="How many of the encounters you think have a wrong name, at a guess."),
    ] = _USUAL_WRONG,
    word: Annotated[
        float,
        typer.Option(
            metavar="TIMES",
            help="How many times likelier right than wrong a person is who said that two are not the same.",
        ),
    ] = _USUAL_WORD,
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also draw the photographs side by side, as a JPEG, PNG or WebP."),
    ] = None,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find mistakes: individuals who are probably one, and individuals who are probably two.

    Every encounter that has a name is compared with every other, whatever its name. Nothing is changed: look at
    the photographs, and run the command beside them if you agree.
    """
    from hanzaki.cli.output import print_json, print_skipped, progress
    from hanzaki.cli.pictures import require_drawable

    require_drawable(picture)
    with open_catalogue(catalogue) as opened:
        with progress() as tell:
            report = opened.check(
                model=model or defaults.MODEL, tolerated=tolerate, wrong=wrong, word=word, progress=tell
            )
        if as_json:
            print_json(_json(report))
        else:
            _print(report)
        if picture is not None:
            from hanzaki.fieldwork.identity.check_sheet import draw_check

            draw_check(opened, report, picture)
    print_skipped(report.skipped)
    if report.skipped:
        raise typer.Exit(SKIPPED)


def _print(report: CheckReport) -> None:
    from hanzaki.cli.output import err, out

    console = out()
    for found in report.ones:
        _print_found(found, f"{found.individuals[0]} and {found.individuals[1]} are probably one")
    for each in report.twos:
        _print_found(each, f"{each.individual} is probably two")
    searched = f"among {report.individuals} individuals in {report.encounters} encounters"
    if not (report.ones or report.twos):
        console.print(f"nothing suspicious {searched}", markup=False)
    else:
        expected = sum(1 - each.probability for each in report.ones)
        expected += sum(1 - each.probability for each in report.twos)
        console.print(
            f"{len(report.ones) + len(report.twos)} suspicions {searched}; of these about {expected:.1f} "
            "are expected to be false alarms",
            markup=False,
        )
    console.print(f"probabilities rest on {report.calibrated}", style="dim", markup=False)
    if report.too_few:
        err().print(
            f"Only {report.learnt_from} animals were met again, which is too few to learn from how far their "
            "pictures can be trusted: take the probabilities as an order.",
            style="yellow",
        )


def _print_found(found: OneAsTwo | TwoAsOne, title: str) -> None:
    from hanzaki.cli.output import out
    from hanzaki.fieldwork.identity.answers import percent

    console = out()
    console.print(f"{title}: {percent(found.probability)}", style="bold", markup=False)
    for encounters, sight in zip(found.encounters, found.sights, strict=True):
        several = "encounters" if len(encounters) > 1 else "encounter"
        console.print(
            f"  {sight.individual}, {several} {', '.join(map(str, encounters))}: look at {sight.photograph.name} "
            f"(picture {sight.photograph.annotation} of encounter {sight.encounter})",
            markup=False,
        )
    console.print(f"  if so: {'; '.join(found.commands)}", markup=False)
    console.print()


def _json(report: CheckReport) -> dict[str, Any]:
    return {
        "probably_one": [{"individuals": list(found.individuals), **_common(found)} for found in report.ones],
        "probably_two": [
            {"individual": found.individual, "split": found.split, **_common(found)} for found in report.twos
        ],
        "individuals": report.individuals,
        "encounters": report.encounters,
        "learnt_from": report.learnt_from,
        "too_few": report.too_few,
        "wrong": report.wrong,
        "tolerated": report.tolerated,
        "word": report.word,
        "models": list(report.models),
        "calibrated": report.calibrated,
    }


def _common(found: OneAsTwo | TwoAsOne) -> dict[str, Any]:
    return {
        "species": found.species,
        "probability": found.probability,
        "false_alarms": found.false_alarms,
        "encounters": [list(encounters) for encounters in found.encounters],
        "photographs": [_sight(sight) for sight in found.sights],
        "commands": list(found.commands),
    }


def _sight(sight: Sight) -> dict[str, Any]:
    return {
        "encounter": sight.encounter,
        "individual": sight.individual,
        "annotation": sight.photograph.annotation,
        "photograph": sight.photograph.name,
        "photograph_path": sight.photograph.path,
    }
