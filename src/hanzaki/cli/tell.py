"""``hanzaki tell``."""

from __future__ import annotations

from typing import Annotated

import typer

from hanzaki.cli.options import CatalogueOption, open_catalogue


def tell(
    encounters: Annotated[
        list[int] | None, typer.Argument(metavar="[ENCOUNTER]...", help="Numbers, see `hanzaki encounters`.")
    ] = None,
    picture: Annotated[
        list[int] | None,
        typer.Option(
            metavar="N", help="A picture, for --side, see `hanzaki pictures ENCOUNTER`; may be repeated."
        ),
    ] = None,
    individual: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="An individual, with all its encounters; may be repeated."),
    ] = None,
    species: Annotated[str | None, typer.Option(help="Scientific name.")] = None,
    sex: Annotated[str | None, typer.Option(help="female, male ...")] = None,
    origin: Annotated[str | None, typer.Option(help="native, hybrid ...")] = None,
    side: Annotated[
        str | None, typer.Option(help="left, right, top ...; of an encounter, of all its pictures.")
    ] = None,
    catalogue: CatalogueOption = None,
) -> None:
    """Say what you know of an animal or picture. It stands above what a table or a classifier says.

    `unknown` in place of a word takes back what stands. Kept with your name and the time; `hanzaki undo` takes it
    back.
    """
    from hanzaki.cli.output import altered_text

    with open_catalogue(catalogue) as opened:
        told = opened.tell(
            encounters or [],
            pictures=picture or [],
            individuals=individual or [],
            species=species,
            sex=sex,
            origin=origin,
            side=side,
        )
    for change in told:
        typer.echo(altered_text(change))
