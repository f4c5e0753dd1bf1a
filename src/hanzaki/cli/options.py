"""Options that several commands share, so that they mean and say the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hanzaki import defaults

if TYPE_CHECKING:
    from hanzaki.fieldwork.fieldcatalogue import FieldCatalogue

#: The exit status when all is done but some files had to be skipped.
SKIPPED = 3
INTERRUPTED = 130

CatalogueOption = Annotated[
    Path | None,
    typer.Option(
        "--catalogue",
        "-C",
        metavar="DIR",
        envvar="HANZAKI_CATALOGUE",
        help="The catalogue; by default the one that you stand in.",
        show_default=False,
    ),
]
ModelOption = Annotated[
    str,
    typer.Option(
        "--with",
        metavar="MODEL",
        help="What compares animals: a model of `hanzaki models list`, a model folder, or sift.",
    ),
]
ModelsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        metavar="MODEL",
        help="What compares animals: a model of `hanzaki models list`, a model folder, or sift; may be repeated, "
        "then all of them together.",
        show_default=defaults.MODEL,
    ),
]
TolerateOption = Annotated[
    str,
    typer.Option(
        "--tolerate",
        metavar="SHARE",
        help="The share of wrong ones that you tolerate among what is accepted, as 1% or 0.01.",
        show_default=False,
    ),
]
PriorNewOption = Annotated[
    float | None,
    typer.Option(metavar="P", help="How probable a new animal is before anything is looked at, 0 to 1."),
]
DetectorOption = Annotated[
    str,
    typer.Option("--detector", metavar="MODEL", help="What finds animals: a shipped model or a model folder."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a value of the config, as schedule.epochs=5."),
]
LearnOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--table", metavar="CSV", help="Annotations to learn from, in place of data.tables; several may be named."
    ),
]
StartOption = Annotated[
    str | None, typer.Option("--from", metavar="MODEL", help="A model to go on from (fine-tuning).")
]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV instead of text.")]


def share(text: str) -> float:
    """A share as people write it, ``1%`` or ``0.01``.

    Raises:
        SettingError: if it is neither.
    """
    from hanzaki.errors import SettingError

    number, percent = text.strip().removesuffix("%"), text.strip().endswith("%")
    try:
        return float(number) / (100 if percent else 1)
    except ValueError as error:
        raise SettingError(f"{text!r} is no share: write 1% or 0.01") from error


def open_catalogue(folder: Path | None) -> FieldCatalogue:
    """The catalogue that is named, or that the user stands in."""
    from hanzaki.fieldwork.fieldcatalogue import FieldCatalogue

    return FieldCatalogue.open(folder if folder is not None else FieldCatalogue.find(Path.cwd()))
