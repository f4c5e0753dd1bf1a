"""``hanzaki split``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hanzaki.cli.options import SKIPPED, JsonOption

if TYPE_CHECKING:
    from hanzaki.evaluation.splits import Split

_DAYS = "DAYS"
_SHOWN_LEAKS = 10


def split(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="Annotations with identities, as CSV.")],
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write to; new or empty.")],
    protocol: Annotated[
        str,
        typer.Option(
            metavar="miewid|individual|date|daytime|encounter|photograph",
            help="What is kept apart: half the individuals tested, all of them, days, light, encounters, nothing.",
        ),
    ],
    seed: Annotated[int, typer.Option(min=0, help="From which all that is drawn follows.")] = 0,
    test: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Of individuals, encounters or photographs to test with: 0.3, and for miewid by the data's size.",
        ),
    ] = None,
    validation: Annotated[
        float, typer.Option(metavar="SHARE", help="Of training to choose epochs and settings with.")
    ] = 0.0,
    validation_by: Annotated[
        str | None,
        typer.Option(
            metavar="individual|encounter|photograph",
            help="What validation is drawn by; unless said, what makes it like the test.",
        ),
    ] = None,
    unknown: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Of individuals to test only, for an open set (protocol encounter)."),
    ] = None,
    train_days: Annotated[
        str | None, typer.Option(metavar=_DAYS, help="As 2022-08-20,2022-08-22 or ..2025-04-03.")
    ] = None,
    test_days: Annotated[str | None, typer.Option(metavar=_DAYS, help="By default all other days.")] = None,
    train_light: Annotated[
        str | None, typer.Option(metavar="LIGHT", help="As morning or morning,afternoon (protocol daytime).")
    ] = None,
    test_light: Annotated[str | None, typer.Option(metavar="LIGHT", help="By default all other light.")] = None,
    hours: Annotated[
        str | None,
        typer.Option(
            metavar="HOURS",
            help="What light is called what: by default morning=5-12,afternoon=12-17,evening=17-21.",
        ),
    ] = None,
    allow_leaks: Annotated[
        bool, typer.Option("--allow-leaks", help="Write the split even if one side shows what the other does.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Split a table into train, validation and test, and look for leaks between them.

    Writes OUT/train.csv, OUT/validation.csv if asked for, OUT/test.csv and OUT/split.json. The same table and seed
    give the same split, however the rows stand. A split with leaks (the same file or picture, neighbouring frames
    or one encounter on two sides) is not written unless --allow-leaks is given.
    """
    from hanzaki.cli.output import err, print_json, print_skipped, progress, read_told
    from hanzaki.errors import BadMedium
    from hanzaki.evaluation import split_folder
    from hanzaki.evaluation.leaks import counted, find_leaks_between
    from hanzaki.evaluation.splits import make_split

    split_folder.require_free(folder)
    made = make_split(
        read_told(table),
        protocol,
        seed=seed,
        test=test,
        validation=validation,
        validation_by=validation_by,
        unknown=unknown,
        train_days=train_days,
        test_days=test_days,
        train_light=train_light,
        test_light=test_light,
        hours=hours,
    )
    bad: list[BadMedium] = []
    with progress() as tell:
        leaks = find_leaks_between(made.parts, tell, bad)
    print_skipped(bad, title="could not compare")
    split_folder.write_split(made, folder, leaks, allow_leaks=allow_leaks)
    if as_json:
        print_json(split_folder.as_json(made, leaks))
    else:
        _show(made)
        typer.echo(f"Leaks: {counted(leaks)}" + (", allowed" if leaks else ""))
    for leak in leaks[:_SHOWN_LEAKS]:
        err().print(leak.text, markup=False)
    if len(leaks) > _SHOWN_LEAKS:
        err().print(f"and {len(leaks) - _SHOWN_LEAKS} more, in {folder / split_folder.FILE}", markup=False)
    if bad:
        raise typer.Exit(SKIPPED)


def _show(made: Split) -> None:
    """The parts, and what stands in none."""
    from hanzaki.cli.output import out
    from hanzaki.cli.output import table as as_table

    headers = ("", "annotations", "individuals", "encounters", "individuals not in train")
    rows = [
        (name, len(part), len(made.individuals(name)), len(made.encounters(name)), len(made.unseen(name)))
        for name, part in made.parts.items()
    ]
    out().print(as_table(headers, rows, right=headers[1:]))
    for reason, count in made.left_out.items():
        typer.echo(f"Left out: {count} {'row' if count == 1 else 'rows'}, {reason}")
