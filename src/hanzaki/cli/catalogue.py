"""``hanzaki init``, ``individuals``, ``encounters``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from hanzaki.cli.options import CatalogueOption, CsvOption, JsonOption, open_catalogue


def init(folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is new or empty.")]) -> None:
    """Make a catalogue: the folder that will hold what you know of your animals."""
    from hanzaki.errors import printable
    from hanzaki.fieldwork.fieldcatalogue import FieldCatalogue

    with FieldCatalogue.init(folder) as catalogue:
        typer.echo(f"Made the catalogue {printable(catalogue.folder)}")
    typer.echo(f"Next: cd {shlex.quote(printable(folder))} and hanzaki add PHOTOS")


def individuals(catalogue: CatalogueOption = None, as_json: JsonOption = False, as_csv: CsvOption = False) -> None:
    """List the individuals that have a name, with how often and when they were seen.

    What only a classifier says of them is followed by how sure it is, and by the model.
    """
    from hanzaki.cli.output import print_frame, with_words

    with open_catalogue(catalogue) as opened:
        frame = opened.individuals()
    if not (as_json or as_csv):
        frame = with_words(frame)
    print_frame(frame, as_json=as_json, as_csv=as_csv, right=("encounters", "photographs"))


def encounters(
    catalogue: CatalogueOption = None,
    unnamed: Annotated[bool, typer.Option("--unnamed", help="Only those of which nobody said who it is.")] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List the encounters: one animal at one time and place each.

    What only a classifier says of them is followed by how sure it is, and by the model.
    """
    from hanzaki.cli.output import print_frame, with_words

    with open_catalogue(catalogue) as opened:
        frame = opened.encounters()
    if unnamed:
        frame = frame[frame["individual"].isna()]
    if not (as_json or as_csv):
        frame = with_words(frame)
    print_frame(frame, as_json=as_json, as_csv=as_csv, right=("encounter", "photographs"))
