"""``hanzaki confirm`` and ``undo``."""

from __future__ import annotations

from typing import Annotated

import typer

from hanzaki.cli.options import CatalogueOption, open_catalogue


def confirm(
    encounter: Annotated[int, typer.Argument(metavar="ENCOUNTER", help="Its number, see `hanzaki encounters`.")],
    individual: Annotated[str, typer.Argument(metavar="INDIVIDUAL|new", help="Who it is, or `new`.")],
    name: Annotated[str | None, typer.Option(help="What to call a new individual.")] = None,
    catalogue: CatalogueOption = None,
) -> None:
    """Decide who an encounter is of. Kept with your name and the time; `hanzaki undo` takes it back."""
    with open_catalogue(catalogue) as opened:
        known = opened.encounters()
        before = known.loc[known["encounter"] == encounter, "individual"].dropna().tolist()
        decided = opened.confirm(encounter, individual, name=name)
    new = ", a new individual" if individual == "new" else ""
    was = f" (was {before[0]}; `hanzaki undo` takes it back)" if before else ""
    typer.echo(f"Encounter {encounter} is {decided}{new}{was}")


def undo(
    machine: Annotated[
        bool,
        typer.Option(
            "--machine", help="The last batch of the machine's; what people decided since then stays as it is."
        ),
    ] = False,
    catalogue: CatalogueOption = None,
) -> None:
    """Take back the last decision that was made by hand, or batch by machine; again for the one before it."""
    from hanzaki.cli.output import altered_text

    with open_catalogue(catalogue) as opened:
        changes = opened.undo(machine=machine)
    for change in changes:
        typer.echo(altered_text(change, again=True))
