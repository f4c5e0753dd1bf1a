"""``hanzaki virtual``: photographs of animals that never were."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Make photographs of virtual animals, to learn from.", no_args_is_help=True)


@app.callback()
def _virtual() -> None:
    """Make photographs of virtual animals, to learn from."""


@app.command("hides")
def hides(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where to write; an earlier one is gone on with.")
    ],
    individuals: Annotated[int, typer.Option(min=1, help="How many animals; 30 make a species.")] = 300,
    photographs: Annotated[int, typer.Option(min=1, help="How many of each animal.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="From which everything follows.")] = 0,
    size: Annotated[int, typer.Option(min=64, metavar="PX", help="Longer side of a photograph, in pixels.")] = 256,
) -> None:
    """Make hard photographs of patterned hides of every kind, with their truth in annotations.csv.

    Individuals of a species differ in nothing but where their markings lie. Can be stopped and run again: what is
    written stays, and more individuals or photographs may be asked for.
    """
    from hanzaki.cli.output import progress
    from hanzaki.settings import settings
    from hanzaki.virtual import write_hides

    with progress() as tell:
        table = write_hides(
            folder,
            individuals,
            photographs,
            seed=seed,
            size=size,
            threads=settings().threads,
            progress=lambda done, total: tell("photographs", done, total),
        )
    typer.echo(f"{folder} has {len(table)} photographs of {individuals} individuals, told in annotations.csv")
