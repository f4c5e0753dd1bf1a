"""``hanzaki experiment``: the papers' questions, put again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hanzaki.cli.options import SKIPPED, CsvOption, JsonOption, SetOption

app = typer.Typer(help="Put the papers' questions again, to your own animals.", no_args_is_help=True)


@app.command("list")
def list_experiments(as_json: JsonOption = False, as_csv: CsvOption = False) -> None:
    """List the experiments."""
    from hanzaki.cli.output import print_frame
    from hanzaki.extra import learning

    with learning():
        from hanzaki.experiments.runner import listed
    print_frame(listed(), as_json=as_json, as_csv=as_csv)


@app.command("run")
def run(
    experiment: Annotated[
        str, typer.Argument(metavar="NAME|YAML", help="One of `hanzaki experiment list`, or a file.")
    ],
    scale: Annotated[
        str,
        typer.Option(
            metavar="desk|paper", help="desk: some minutes on two cores; paper: the paper's own settings."
        ),
    ] = "desk",
    folder: Annotated[
        Path, typer.Option("--into", metavar="DIR", help="Where all is kept; an earlier run is gone on with.")
    ] = Path("experiments-run"),
    table: Annotated[
        list[Path] | None,
        typer.Option(
            "--table", metavar="CSV", help="Your animals, in place of the experiment's; several may be named."
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="A further model to compare with, such as a folder that `hanzaki models pull` made.",
        ),
    ] = None,
    changes: SetOption = None,
) -> None:
    """Run an experiment; it ends in a table, figures and a page beside the paper's own numbers.

    Can be stopped and run again: what is done is not done again, and a model that two experiments ask for is made
    once.
    """
    from hanzaki.cli.output import err, out, print_skipped, progress
    from hanzaki.cli.output import table as as_table
    from hanzaki.extra import learning

    with learning():
        from hanzaki.experiments.runner import run_experiment
        from hanzaki.learning.reading_config import parse_changes
    with progress() as tell:
        ran = run_experiment(
            experiment,
            folder,
            scale=scale,
            tables=table or (),
            models=model or (),
            changes=parse_changes(changes or ()),
            progress=tell,
            say=tell.say,
        )
    outcome = ran.outcome
    out().print(as_table(outcome.headers, outcome.rows, right=outcome.headers[outcome.text :]))
    for sentence in outcome.answers:
        out().print(sentence, markup=False)
    err().print(f"{ran.seconds:.0f} s; the page is {ran.folder / 'index.html'}", markup=False)
    print_skipped(ran.bad)
    if ran.bad:
        raise typer.Exit(SKIPPED)
