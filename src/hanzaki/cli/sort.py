"""``hanzaki sort``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hanzaki import defaults
from hanzaki.cli.options import SKIPPED, CatalogueOption, CsvOption, JsonOption, ModelsOption, open_catalogue

if TYPE_CHECKING:
    from hanzaki.fieldwork.identity.sort import Pile, ProbableIndividual

_CSV_HEADERS = ("individual", "known_as", "named", "species", "firm", "encounter", "sure", "picture")
_DIGITS = 4
_SURE = 0.95  # fieldwork.identity.sort.SURE, which is not imported for its weight; a test holds the two together


def sort(
    encounters: Annotated[
        list[int] | None,
        typer.Argument(metavar="ENCOUNTER...", help="Their numbers; by default all that have no name."),
    ] = None,
    model: ModelsOption = None,
    survey: Annotated[str | None, typer.Option(help="Of this survey only.")] = None,
    site: Annotated[str | None, typer.Option(help="At this site only.")] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Name the new individuals that are firm enough.", show_default=False)
    ] = False,
    sure: Annotated[float, typer.Option(metavar="P", help="How firm that is: a probability, 0 to 1.")] = _SURE,
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Also draw a contact sheet, as a JPEG or PNG: a row for each individual."
        ),
    ] = None,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Put encounters without a name together into probable individuals, and say how many animals they are.

    Who is known takes part, and what people said of who is who is kept to. Nothing is written without `--apply`,
    and `hanzaki undo` takes all of that back at once.
    """
    from hanzaki.cli.output import print_csv, print_json, print_skipped, progress
    from hanzaki.cli.pictures import require_drawable
    from hanzaki.errors import SettingError

    if as_json and as_csv:
        raise SettingError("choose one of --json and --csv")
    require_drawable(picture)
    with open_catalogue(catalogue) as opened:
        with progress() as tell:
            pile = opened.sort(
                encounters or (),
                model=model or defaults.MODEL,
                survey=survey,
                site=site,
                apply=apply,
                sure=sure,
                progress=tell,
            )
        if as_json:
            print_json(_json(pile))
        elif as_csv:
            print_csv(_CSV_HEADERS, [row for each in pile.individuals for row in _csv_rows(each)])
        else:
            _print(pile, applied=apply, sure=sure)
        if picture is not None:
            from hanzaki.fieldwork.identity.pile_sheet import draw_pile

            draw_pile(opened, pile, picture)
    print_skipped(pile.skipped)
    if pile.skipped:
        raise typer.Exit(SKIPPED)


def _print(pile: Pile, *, applied: bool, sure: float) -> None:
    from hanzaki.cli.output import out, table
    from hanzaki.fieldwork.identity.answers import percent, short_name

    console = out()
    models = " and ".join(short_name(name) for name in pile.models)
    console.print(f"{_count(pile.encounters, 'encounter')} (with {models})", style="bold", markup=False)
    for line in _summary(pile):
        console.print(line, markup=False)
    rows = [
        (
            each.number,
            each.known_as or (f"{each.named} (named now)" if each.named else "new"),
            percent(each.firm),
            ", ".join(f"{member.encounter} ({percent(member.sure)})" for member in each.members),
        )
        for each in pile.individuals
    ]
    console.print(table(("", "individual", "firm", "encounters"), rows, right=("", "firm")))
    for line in _written(pile, applied=applied, sure=sure):
        console.print(line, markup=False)


def _summary(pile: Pile) -> list[str]:
    mean, low, high = pile.new
    known = sum(each.known_as is not None for each in pile.individuals)
    lines = [f"new animals: {mean:.0f}, and with 95 % probability {low:.0f} to {high:.0f}"]
    if pile.named:
        lines.append(f"named individuals that may be among them: {known} of {pile.named} that were compared")
    if pile.apart:
        numbers = ", ".join(map(str, pile.apart))
        lines.append(f"without a picture that can be compared: {_count(len(pile.apart), 'encounter')} ({numbers})")
    lines.append(f"the odds of pairs rest on: {pile.calibrated}")
    lines.append(f"the trust in sums of them rests on: {pile.tempered}")
    return lines


def _written(pile: Pile, *, applied: bool, sure: float) -> list[str]:
    from hanzaki.fieldwork.identity.answers import percent

    new = [each for each in pile.individuals if each.known_as is None and each.firm >= sure]
    if not applied:
        firm = _count(sum(each.doubt is None for each in new), "new individual")
        lines = [f"nothing was written; --apply names {firm}, those that are firm by {percent(sure)} or more"]
    else:
        named = sum(each.named is not None for each in pile.individuals)
        lines = [f"named: {_count(named, 'new individual')}" + ("; `hanzaki undo` takes it back" if named else "")]
    lines += [f"{each.number} is not named: {each.doubt}" for each in new if each.doubt]
    if any(each.known_as for each in pile.individuals):
        lines.append("those that may be known: `hanzaki accept` or `hanzaki confirm` names them")
    return lines


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _json(pile: Pile) -> dict[str, Any]:
    mean, low, high = pile.new
    return {
        "encounters": pile.encounters,
        "new": {"mean": round(mean, _DIGITS), "low": low, "high": high},
        "named": pile.named,
        "models": list(pile.models),
        "calibrated": pile.calibrated,
        "tempered": pile.tempered,
        "apart": list(pile.apart),
        "individuals": [
            {
                "individual": each.number,
                "known_as": each.known_as,
                "named": each.named,
                "doubt": each.doubt,
                "species": each.species,
                "firm": round(each.firm, _DIGITS),
                "encounters": [
                    {"encounter": member.encounter, "sure": round(member.sure, _DIGITS), "picture": member.picture}
                    for member in each.members
                ],
            }
            for each in pile.individuals
        ],
    }


def _csv_rows(each: ProbableIndividual) -> list[list[object]]:
    own = [each.number, each.known_as, each.named, each.species, round(each.firm, _DIGITS)]
    return [[*own, member.encounter, round(member.sure, _DIGITS), member.picture] for member in each.members]
