"""``hanzaki drift``."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hanzaki import defaults
from hanzaki.cli.options import SKIPPED, CatalogueOption, JsonOption, ModelsOption, open_catalogue

if TYPE_CHECKING:
    from hanzaki.fieldwork.identity.drift import Drifting
    from hanzaki.matching.drift import IndividualDrift

_A_YEAR = 1.0  # shorter times than that say little of years
_DIGITS = 4


def drift(
    individuals: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INDIVIDUAL...", help="Whose change to show; by default of all that were met again."
        ),
    ] = None,
    model: ModelsOption = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also draw it, as an SVG: a line for each animal.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Let answers heed it from now on; after `hanzaki calibrate`.")
    ] = False,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say how markings change with the years: of all animals that were met again, and of each.

    Encounters of one animal are compared with one another, and with those of others: the more years lie between
    them, the less alike they are. With --keep an animal that was last photographed long ago is expected to look
    less like itself, and who was photographed lately is not.
    """
    from hanzaki.cli.output import print_json, print_skipped, progress
    from hanzaki.errors import SettingError

    if picture is not None and picture.suffix.lower() != ".svg":
        raise SettingError(f"{picture}: it is drawn as SVG, so let the name end in .svg")
    with open_catalogue(catalogue) as opened, progress() as tell:
        found = opened.drift(individuals or (), model=model or defaults.MODEL, keep=keep, progress=tell)
    if as_json:
        print_json(_json(found))
    else:
        _print(found)
    if picture is not None:
        _draw(found, picture, individuals or ())
    print_skipped(found.skipped)
    if found.skipped:
        raise typer.Exit(SKIPPED)


def _draw(found: Drifting, picture: Path, named: Sequence[str]) -> None:
    from hanzaki.evaluation.report.drifting import drift_figure
    from hanzaki.exchange.writing import write_whole

    chosen: dict[Hashable, str] = {number: found.names[number] for number in found.asked} if named else {}
    write_whole(picture, drift_figure(found.drift, found.pairs["years"], found.pairs["ratio"], chosen))


def _print(found: Drifting) -> None:
    from hanzaki.cli.output import out, table
    from hanzaki.fieldwork.identity.answers import short_name, times

    console = out()
    models = " and ".join(short_name(name) for name in found.models)
    heading = (
        f"{len(found.pairs)} pairs of encounters of {len(found.drift.individuals)} individuals, up to"
        f" {found.longest:.2g} years apart (with {models})"
    )
    console.print(heading, style="bold", markup=False)
    population = found.drift
    console.print(f"on one day: {times(population.start)} to be of one animal", markup=False)
    interval = f"({_factor(population.high)} to {_factor(population.low)})"
    console.print(f"for each year between: {times(population.slope)} {interval}", markup=False)
    console.print(f"two strangers: {times(population.strangers)}", markup=False)
    for line in _judgement(found):
        console.print(line, markup=False)
    console.print(f"what these numbers rest on: {found.calibrated}", markup=False)
    rows = [(found.names[number], *_cells(found.drift.individuals.get(number))) for number in found.asked]
    headers = ("individual", "pairs", "years", "for each year", "interval")
    console.print(table(headers, rows, right=("pairs", "years")))


def _judgement(found: Drifting) -> list[str]:
    """What may be concluded, and what not."""
    lines = []
    if found.longest < _A_YEAR:
        days = round(found.longest * 365.25)
        lines.append(f"no two encounters of an animal are more than {days} days apart: of years this says little")
    if not found.seen:
        lines.append("a change with the years cannot be told from chance here")
    elif math.isfinite(found.drift.lasts):
        lasts = f"after some {found.drift.lasts:.0f} years an animal is no more like itself than like a stranger"
        lines.append(lasts + (", if it goes on so" if found.drift.lasts > found.longest else ""))
    if found.left_out:
        lines.append(f"{found.left_out} encounters of other animals were left out, by lot, to be done sooner")
    return lines


def _cells(one: IndividualDrift | None) -> tuple[str, str, str, str]:
    from hanzaki.fieldwork.identity.answers import times

    if one is None:
        return "", "", "not met again at a known time", ""
    return str(one.pairs), f"{one.years:.1f}", times(one.slope), f"{_factor(one.high)} to {_factor(one.low)}"


def _factor(slope: float) -> str:
    """How many times less likely each year makes it, for intervals: below 1, likelier."""
    return f"{math.exp(min(-slope, 50.0)):.3g}"


def _json(found: Drifting) -> dict[str, Any]:
    population = found.drift
    shown = {number: population.individuals.get(number) for number in found.asked}
    numbers = ("slope", "low", "high", "start", "strangers", "spread", "usual", "lasts")
    return {
        "drift": {name: _number(getattr(population, name)) for name in numbers},
        "seen": found.seen,
        "pairs": len(found.pairs),
        "years": _number(found.longest),
        "left_out": found.left_out,
        "models": list(found.models),
        "calibrated": found.calibrated,
        "individuals": [
            {"individual": found.names[number]}
            | {
                name: None if one is None else _number(getattr(one, name))
                for name in ("slope", "low", "high", "start", "pairs", "years")
            }
            for number, one in shown.items()
        ],
    }


def _number(value: float) -> float | None:
    """JSON has no word for what has no end."""
    return round(value, _DIGITS) if math.isfinite(value) else None
