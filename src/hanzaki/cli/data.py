"""``hanzaki data``: data sets that others published, fetched and laid out as annotation tables."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hanzaki.cli.options import JsonOption

if TYPE_CHECKING:
    from hanzaki.cli.output import Teller
    from hanzaki.datasets.layout import Layout

app = typer.Typer(help="Fetch published data sets and lay them out as annotation tables.", no_args_is_help=True)

OriginOption = Annotated[
    list[str] | None,
    typer.Option(
        "--origin-from",
        metavar="REGEX",
        help="Says the origin by a photograph's path, as 'native=/N\\d+', or REGEX with a (group) that says it.",
    ),
]
IdentityOption = Annotated[
    list[str] | None,
    typer.Option("--identity-from", metavar="REGEX", help="Says who it is by the path, as '/([NH]\\d+)_'."),
]
ReplaceOption = Annotated[bool, typer.Option("--replace", help="Write over tables that say otherwise.")]


@app.callback()
def _data() -> None:
    """Fetch published data sets and lay them out as annotation tables."""


@app.command("list")
def list_(
    ask: Annotated[bool, typer.Option("--ask", help="Ask Zenodo for licence and size.")] = False,
    as_json: JsonOption = False,
) -> None:
    """The data sets that are known by name; any other record of Zenodo can be fetched by its number."""
    from hanzaki.cli.output import out, print_json, table
    from hanzaki.datasets.known import KNOWN
    from hanzaki.datasets.record import ask_record, in_words
    from hanzaki.datasets.transfer import Transfer
    from hanzaki.settings import settings

    rows: list[list[str | None]] = []
    for known in KNOWN.values():
        record = ask_record(Transfer(), settings().zenodo, known.record) if ask else None
        licence, size = (record.licence, in_words(record.size)) if record else (None, None)
        rows.append([known.name, f"zenodo:{known.record}", known.about, licence, size, known.citation])
    headers = ["name", "source", "holds", "licence", "size", "cite"]
    if as_json:
        print_json([dict(zip(headers, row, strict=True)) for row in rows])
        return
    out().print(table(headers[:-1], [["--ask" if cell is None else cell for cell in row[:-1]] for row in rows]))
    for known in KNOWN.values():
        out().print(f"Cite {known.name} as: {known.citation}", markup=False)


@app.command("get")
def get(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="As zenodo:7878678, a DOI of Zenodo, a name of the list, or a folder."
        ),
    ],
    folder: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="Where to; by default named after the data set.")
    ] = None,
    files: Annotated[
        list[str] | None, typer.Option("--file", metavar="PATTERN", help="Fetch only such files, as '*.zip'.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="PATTERN", help="Unpack only such files, as '*/head/*.jpg'."),
    ] = None,
    origin_from: OriginOption = None,
    identity_from: IdentityOption = None,
    replace: ReplaceOption = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Fetch it unasked.")] = False,
) -> None:
    """Fetch a data set from Zenodo, unpack it, and lay it out as an annotation table.

    Title, authors, DOI, licence and size are shown, and asked about in a terminal, before anything comes, and kept
    in FOLDER/README.md and dataset.json. Checksums are checked. Can be stopped and run again: it goes on where it
    was. A SOURCE that is a folder is laid out alone.
    """
    from hanzaki.cli.output import err, progress
    from hanzaki.datasets.errors import DatasetError
    from hanzaki.datasets.known import record_number
    from hanzaki.datasets.published import fetch, lay_out_here
    from hanzaki.settings import settings

    def asked(lines: Sequence[str]) -> bool:
        for line in lines:
            err().print(line, markup=False)
        return yes or not sys.stdin.isatty() or typer.confirm("Fetch it?", err=True)

    if _is_folder(source):
        _lay_out(Path(source), origin_from, identity_from, None, replace=replace)
        return
    number = record_number(source)
    with ExitStack() as bars:  # none before the question: a bar and a prompt write over each other

        @cache
        def bar() -> Teller:
            return bars.enter_context(progress())

        fetched = fetch(
            number,
            folder,
            base=settings().zenodo,
            accept=asked,
            files=files or (),
            only=only or (),
            progress=lambda name, done, total: bar()(f"{name}, kB", done // 1000, total // 1000),
            unpacked=lambda name, done: bar()(f"{name}, files", done, done),
        )
    for note, count in fetched.notes.items():
        err().print(f"{note}: {count}", markup=False)
    try:
        layout = lay_out_here(
            fetched.folder, origin_from=origin_from or (), identity_from=identity_from or (), replace=replace
        )
    except DatasetError as error:
        typer.echo(f"{fetched.folder} has the files of {fetched.record.doi}, checked; they are not laid out:")
        raise DatasetError(f"{error}\nThen: hanzaki data lay-out {fetched.folder}") from error
    _show(fetched.folder, layout)


@app.command("lay-out")
def lay_out(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Of photographs, at any depth.")],
    known: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="A name of `hanzaki data list` that it is.")
    ] = None,
    origin_from: OriginOption = None,
    identity_from: IdentityOption = None,
    replace: ReplaceOption = False,
) -> None:
    """Make the annotation table of a folder that is here already: FOLDER/annotations.csv.

    By a table that lies in it, by folders and file names that say native, hybrid, train, test and who it is, or by
    folders named by individual.
    """
    _lay_out(folder, origin_from, identity_from, known, replace=replace)


def _lay_out(
    folder: Path,
    origin_from: list[str] | None,
    identity_from: list[str] | None,
    name: str | None,
    *,
    replace: bool,
) -> None:
    from hanzaki.datasets.errors import DatasetError
    from hanzaki.datasets.known import KNOWN
    from hanzaki.datasets.published import lay_out_here

    if name is not None and name not in KNOWN:
        raise DatasetError(f"there is no data set {name!r}: `hanzaki data list` shows those known by name")
    layout = lay_out_here(
        folder,
        origin_from=origin_from or (),
        identity_from=identity_from or (),
        known=None if name is None else KNOWN[name],
        replace=replace,
    )
    _show(folder, layout)


def _is_folder(source: str) -> bool:
    """Whether a source is a folder that is here; a name of the list is the data set, whatever lies here."""
    from hanzaki.datasets.known import KNOWN

    return source not in KNOWN and Path(source).is_dir()


def _show(folder: Path, layout: Layout) -> None:
    """What the table has, by origin, and what was left out."""
    import pandas as pd

    from hanzaki.cli.output import err, out, table
    from hanzaki.datasets.layout import TABLE

    frame = layout.annotations.frame.copy()
    frame["part"] = pd.Series(layout.parts, dtype=object)
    groups = frame.fillna({"origin": "-", "part": "-"}).groupby(["origin", "part"])
    rows = [(*key, len(group), group["identity"].nunique()) for key, group in groups]
    headers = ["origin", "part", "photographs", "individuals"]
    out().print(table(headers, rows, right=headers[2:]))
    for note, count in layout.notes.items():
        err().print(f"{note}: {count}", markup=False)
    typer.echo(f"{folder / TABLE} has {len(frame)} photographs, told by: {layout.form}")
