"""``hanzaki calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hanzaki import defaults
from hanzaki.cli.options import SKIPPED, CatalogueOption, JsonOption, ModelsOption, open_catalogue

if TYPE_CHECKING:
    from hanzaki.evaluation.recalibration import Calibrated


def calibrate(
    model: ModelsOption = None,
    prior_new: Annotated[
        float | None,
        typer.Option(
            metavar="P",
            help="How probable a new animal is before anything is looked at, 0 to 1; by default learnt from how "
            "often new ones came.",
        ),
    ] = None,
    page: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write a page to look at: FOLDER/index.html.")
    ] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Take back what was learnt with these models.")] = False,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Learn from your own decisions what scores are worth, and see whether probabilities are true.

    Every encounter that a person or a table named is asked again: with its animal in the catalogue, and with it
    left out as if it were new. What is learnt is kept only if it is truer on animals that it did not learn from;
    `hanzaki identify` goes by it from then on.
    """
    from hanzaki.cli.output import err, print_json, print_skipped, progress
    from hanzaki.errors import SettingError, printable

    models = model or [defaults.MODEL]
    if forget:
        if prior_new is not None or page is not None:
            raise SettingError("--forget takes back what was learnt; it goes with neither --prior-new nor --page")
        _forget(catalogue, models)
        return
    import hanzaki

    with open_catalogue(catalogue) as opened, progress() as tell:
        done = hanzaki.calibrate(opened, model=models, prior_new=prior_new, page=page, progress=tell)
    if as_json:
        print_json(done.as_json())
    else:
        _print(done)
    if page is not None:
        err().print(f"page: {printable(page / 'index.html')}", markup=False)
    print_skipped(done.skipped)
    if done.skipped:
        raise typer.Exit(SKIPPED)


def _forget(catalogue: Path | None, models: list[str]) -> None:
    from hanzaki.fieldwork.identity.calibrate import forget_calibration
    from hanzaki.fieldwork.identity.method import load_method

    with open_catalogue(catalogue) as opened:
        known = forget_calibration(opened, load_method(models))
    times = "once" if known == 1 else f"{known} times"
    typer.echo(f"Forgot what was learnt {times}" if known else "Nothing had been learnt with these models")
    typer.echo("Nothing is learnt with them until you run `hanzaki calibrate`")


def _print(done: Calibrated) -> None:
    from hanzaki.cli.output import out, table
    from hanzaki.evaluation.report.recalibration import MEASURE_AGAIN, facts_of, measure_table, sentence, verdict

    console = out()
    console.print(table(("this catalogue", ""), list(facts_of(done).items())))
    console.print()
    if done.found is None:
        console.print("There is too little to learn from; nothing was changed.", style="bold")
        for words in done.needed:
            console.print(words, markup=False)
        return
    measures = measure_table(done.found)
    console.print(table(measures.headers, measures.rows, right=measures.headers[1:]))
    console.print()
    for level in done.found.kept.levels:
        console.print(sentence(level), markup=False)
    console.print()
    console.print(verdict(done.found), markup=False)
    if done.drift_undone:
        console.print(MEASURE_AGAIN, markup=False)
