"""``hanzaki identify`` and ``describe``."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
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
    ModelsOption,
    open_catalogue,
)

if TYPE_CHECKING:
    from hanzaki.fieldwork.identity.identify import Answer, Identification

_NEW = "new"  # what `hanzaki confirm` takes for somebody new
_CSV_HEADERS = (
    "query", "encounter", "known_as", "rank", "answer", "individual", "probability", "photograph",
    "photograph_path", "photograph_encounter", "last_site", "last_seen", "kilometres", "scope", "photographs",
    "individuals", "models", "prior_new", "compared",
)  # fmt: skip


def identify(
    asked: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH|ENCOUNTER...", help="Photographs, videos, folders, or numbers of encounters."
        ),
    ],
    model: ModelsOption = None,
    detector: DetectorOption = defaults.DETECTOR,
    top: Annotated[int, typer.Option(min=1, metavar="K", help="How many candidates to give.")] = 5,
    verify: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="How many photographs keypoints are compared in, after a look at all by vectors.",
        ),
    ] = None,
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
    everywhere: Annotated[
        bool,
        typer.Option(
            "--everywhere", help="A stray: search all sites, and say where such an animal was seen before."
        ),
    ] = False,
    sex: Annotated[bool, typer.Option("--sex", help="Let recorded sexes count.")] = False,
    near: Annotated[
        float | None,
        typer.Option(metavar="KM", help="Let places count: how far from one another an animal is usually found."),
    ] = None,
    years: Annotated[
        float | None, typer.Option(metavar="N", help="Let dates count: how many years such an animal lives.")
    ] = None,
    prior_new: Annotated[
        float | None,
        typer.Option(metavar="P", help="How probable a new animal is before anything is looked at, 0 to 1."),
    ] = None,
    why: Annotated[
        bool, typer.Option("--why", help="Say how much each kind of evidence speaks for each candidate.")
    ] = False,
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also draw each query beside its candidates, as a JPEG or PNG."),
    ] = None,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Say who it is, and how probably: each known individual that it may be, and somebody new.

    A photograph or video need not be in the catalogue. One that is never finds its own encounter. The
    probabilities of all individuals in scope and of somebody new sum to one.
    """
    from hanzaki.cli.output import print_csv, print_json, print_skipped, progress
    from hanzaki.errors import SettingError

    if as_json and as_csv:
        raise SettingError("choose one of --json and --csv")
    with open_catalogue(catalogue) as opened, progress() as tell:
        report = opened.identify(
            asked,
            model=model or defaults.MODEL,
            detector=detector,
            top=top,
            verify=verify,
            species=species,
            side=side,
            any_side=any_side,
            sites=site or (),
            since=None if since is None else since.date(),
            until=None if until is None else until.date(),
            everywhere=everywhere,
            sex=sex,
            near=near,
            years=years,
            prior_new=prior_new,
            progress=tell,
        )
    if as_json:
        print_json([_json(found) for found in report.identifications])
    elif as_csv:
        print_csv(_CSV_HEADERS, [row for found in report.identifications for row in _csv_rows(found)])
    else:
        for found in report.identifications:
            _print(found, everywhere=everywhere, why=why)
        _print_ground(report.identifications, why=why)
    print_skipped(report.skipped)
    if picture is not None:
        from hanzaki.fieldwork.identity.sheet import draw_sheet

        with open_catalogue(catalogue) as opened:
            draw_sheet(opened, report.identifications, picture)
    if report.skipped:
        raise typer.Exit(SKIPPED)


def describe(model: ModelsOption = None, catalogue: CatalogueOption = None) -> None:
    """Compute what `identify` needs of every photograph, ahead of time; it goes on where it was stopped."""
    from hanzaki.cli.output import err, out, print_skipped, progress, table

    with open_catalogue(catalogue) as opened, progress() as tell:
        report = opened.describe(model or defaults.MODEL, progress=tell)
    rows = [("described", report.described), ("known already", report.known), ("skipped", len(report.skipped))]
    out().print(table(("animals", ""), rows, right=("",)))
    print_skipped(report.skipped)
    if report.interrupted:
        err().print("Stopped. What was described is kept; the same command goes on from here.")
        raise typer.Exit(INTERRUPTED)
    if report.skipped:
        raise typer.Exit(SKIPPED)


def _print(found: Identification, *, everywhere: bool, why: bool) -> None:
    from hanzaki.cli.output import out
    from hanzaki.fieldwork.identity.answers import NOT_COMPARED, by_site, short_name

    console = out()
    place = (
        f" (encounter {found.encounter})" if found.encounter and not found.query.startswith("encounter") else ""
    )
    known = f", known as {found.known_as}" if found.known_as else ""
    console.print(f"{found.query}{place}{known}", style="bold", markup=False)
    models = " and ".join(short_name(name) for name in found.models)
    console.print(
        f"looked among {found.photographs} photographs of {found.individuals} individuals: {found.scope} "
        f"(with {models})",
        markup=False,
    )
    if found.poor:
        console.print("all its pictures show the animal badly: look at the candidates with care", style="yellow")
    if found.candidates and not found.compared:
        console.print(NOT_COMPARED, style="yellow")
    if found.candidates:
        console.print(_answers(found, everywhere=everywhere, why=why))
        if everywhere:
            console.print(f"last met: {by_site(found)}", markup=False)
    else:
        console.print("no named individual in this scope: whoever it is, it is new here")
    if found.encounter is not None and found.known_as is None:
        console.print(_next_step(found), style="dim", markup=False)
    console.print()


def _answers(found: Identification, *, everywhere: bool, why: bool) -> Any:
    """The table of a query's answers: somebody new at its place, all others in a quiet row at the end."""
    from hanzaki.cli.output import table
    from hanzaki.fieldwork.identity import answers

    headers = ["", "individual", "probability", "best photograph", "encounter"]
    headers += ["seen before", "km"] * everywhere + ["why"] * why
    rows = []
    for rank, answer in enumerate(answers.in_order(found), 1):
        if answer is None:
            rows.append([rank, answers.SOMEBODY_NEW, answers.percent(found.new)])
            continue
        row = [rank, answer.individual, answers.percent(answer.probability)]
        row += [answer.photograph.name, answer.encounter]
        if everywhere:
            row += ["\n".join(answers.where_seen(answer.seen)), _kilometres(answer)]
        rows.append([*row, answers.why(answer.evidence)] if why else row)
    result = table(headers, rows, right=("", "probability", "encounter", "km"))
    others = found.individuals - len(found.candidates)
    if others > 0:
        name = f"{others} other{'s' if others > 1 else ''}"
        result.add_row("", name, answers.percent(found.rest), style="dim")
    return result


def _next_step(found: Identification) -> str:
    """The commands that decide the encounter, that of the likeliest answer first."""
    as_new = f"`hanzaki confirm {found.encounter} {_NEW}` if it is somebody new"
    if not found.candidates:
        return as_new
    first = found.candidates[0].individual
    as_first = f"`hanzaki confirm {found.encounter} {shlex.quote(first)}` if it is {first}"
    return "; ".join([as_new, as_first] if found.answer is None else [as_first, as_new])


def _print_ground(answers: Sequence[Identification], *, why: bool) -> None:
    """What the probabilities rest on, once for all queries."""
    from hanzaki.cli.output import out
    from hanzaki.fieldwork.identity.answers import percent

    console = out()
    judged = [found for found in answers if found.candidates]
    for calibrated, prior in dict.fromkeys((found.calibrated, found.prior_new) for found in judged):
        console.print(f"Probabilities are learnt from {calibrated}.", style="dim", markup=False)
        console.print(
            f"Before anything is looked at, a new animal is taken to be {percent(prior)} probable (--prior-new).",
            style="dim",
            markup=False,
        )
    if why and judged:
        console.print(
            "N times likelier: so much oftener pictures look like this if they show this animal than if another.",
            style="dim",
        )
    if any(found.encounter is None for found in answers):
        console.print("What is to be named is added first: `hanzaki add FILE`.", style="dim", markup=False)


def _kilometres(answer: Answer) -> str:
    if answer.kilometres is None:
        return ""
    return f"{answer.kilometres:.{0 if answer.kilometres >= 9.95 else 1}f}"


def _json(found: Identification) -> dict[str, Any]:
    return {
        "query": found.query,
        "encounter": found.encounter,
        "known_as": found.known_as,
        "answer": found.answer,
        "confidence": found.confidence,
        "new": found.new,
        "others": found.rest,
        "prior_new": found.prior_new,
        "calibrated": found.calibrated,
        "models": list(found.models),
        "sites": dict(found.sites),
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
        "compared": found.compared,
        "candidates": [_json_candidate(rank, answer) for rank, answer in _ranked(found) if answer is not None],
    }


def _json_candidate(rank: int, answer: Answer) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "rank": rank,
        "individual": answer.individual,
        "probability": answer.probability,
        "evidence": dict(answer.evidence),
        "photograph": answer.photograph.name,
        "photograph_path": answer.photograph.path,
        "photograph_encounter": answer.encounter,
        "seen": [asdict(place) for place in answer.seen],
        "kilometres": answer.kilometres,
    }


def _csv_rows(found: Identification) -> list[list[object]]:
    query = [found.query, found.encounter, found.known_as]
    searched: list[object] = [found.scope, found.photographs, found.individuals, " ".join(found.models)]
    searched += [found.prior_new, found.compared]
    rows: list[list[object]] = []
    for rank, answer in _ranked(found):
        if answer is None:
            rows.append([*query, rank, _NEW, None, found.new, *[None] * 6, *searched])
            continue
        photograph = [answer.photograph.name, answer.photograph.path, answer.encounter]
        last = [answer.seen[0].site, answer.seen[0].last] if answer.seen else [None, None]
        named = [rank, answer.individual, answer.individual, answer.probability]
        rows.append([*query, *named, *photograph, *last, answer.kilometres, *searched])
    return rows


def _ranked(found: Identification) -> list[tuple[int, Answer | None]]:
    from hanzaki.fieldwork.identity.answers import in_order

    return list(enumerate(in_order(found), 1))
