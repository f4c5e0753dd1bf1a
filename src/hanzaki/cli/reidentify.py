"""``hanzaki reidentify``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hanzaki import defaults
from hanzaki.cli.options import (
    SKIPPED,
    CatalogueOption,
    CsvOption,
    JsonOption,
    ModelsOption,
    PriorNewOption,
    TolerateOption,
    open_catalogue,
    share,
)

if TYPE_CHECKING:
    import pandas as pd

    from hanzaki.fieldwork.identity.reidentify import AskedAgain, Reidentification

_DIGITS = 6


def reidentify(
    tolerate: TolerateOption = ...,  # type: ignore[assignment]  # typer's way to say that it must be given
    model: ModelsOption = None,
    old: Annotated[
        list[str] | None,
        typer.Option(
            "--with-old",
            metavar="MODEL",
            help="Compute by it how probable the present names were; by default, what was kept when they were "
            "given. May be repeated.",
        ),
    ] = None,
    everybody: Annotated[
        bool,
        typer.Option(
            "--all", help="Also ask of what people and tables named; it is shown where it differs, never changed."
        ),
    ] = False,
    prior_new: PriorNewOption = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write the changes; else they are only shown.")] = False,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Ask again who everybody is, with a better model, and show what would change before anything does.

    Only names that the machine gave change, and only where the new answer is sure enough for the share of wrong
    names that you tolerate. Nothing is written without `--apply`; `hanzaki undo` takes all of it back at once.
    """
    from hanzaki.cli.output import print_frame, print_json, print_skipped, progress
    from hanzaki.errors import SettingError

    if as_json and as_csv:
        raise SettingError("choose one of --json and --csv")
    with open_catalogue(catalogue) as opened, progress() as tell:
        found = opened.reidentify(
            tolerate=share(tolerate),
            model=model or defaults.MODEL,
            old=old or None,
            everybody=everybody,
            prior_new=prior_new,
            apply=apply,
            progress=tell,
        )
    if as_json:
        print_json(_json(found))
    elif as_csv:
        print_frame(_rounded(found), as_json=False, as_csv=True)
    else:
        _print(found, apply)
    print_skipped(found.skipped)
    if found.skipped:
        raise typer.Exit(SKIPPED)


def _print(found: Reidentification, apply: bool) -> None:
    from hanzaki.cli.output import out, table

    console = out()
    rows = [_row(each) for each in found.asked if each.outcome != "same"]
    if rows:
        headers = ("encounter", "was", "by", "probability", "is", "probability now", "that it was", "")
        right = ("encounter", "probability", "probability now", "that it was")
        console.print(table(headers, rows, right=right))
        console.print()
    counts = Counter(each.outcome for each in found.asked)
    console.print(
        f"{len(found.asked)} asked: {counts['same']} the same, {counts['other']} somebody else, {counts['new']} "
        f"somebody new, {counts['named']} of nobody until now; {len(found.changes)} "
        f"{'changed' if found.decision is not None else 'would change'}",
        markup=False,
    )
    before = "" if found.wrong_before is None else f"{found.wrong_before:.2g} before, "
    console.print(f"names by the machine that are expected to be wrong: {before}{found.wrong_after:.2g} after")
    console.print(f"the probabilities rest on {found.calibrated}", markup=False)
    if found.decision is not None:
        console.print("Written; `hanzaki undo` takes all of it back at once", markup=False)
    elif found.changes and not apply:
        console.print("Nothing is written yet; --apply writes it", markup=False)


def _row(each: AskedAgain) -> list[object]:
    from hanzaki.fieldwork.identity.answers import percent

    now = each.individual or "somebody new"
    if each.individual is None and each.begun_by not in (None, each.encounter):
        now = f"the new animal of encounter {each.begun_by}"
    note = "" if each.changes else each.obstacle or "not sure enough: stays"
    before, kept = (
        "" if probability is None else percent(probability) for probability in (each.before, each.present_after)
    )
    return [each.encounter, each.present, each.by, before, now, percent(each.after), kept, note]


def _rounded(found: Reidentification) -> pd.DataFrame:
    frame = found.table()
    for column in ("before", "after", "present_after"):
        frame[column] = [None if value is None else round(value, _DIGITS) for value in frame[column]]
    return frame


def _json(found: Reidentification) -> dict[str, Any]:
    return {
        "tolerated": found.rate,
        "asked": _rounded(found).to_dict("records"),
        "wrong_before": found.wrong_before,
        "wrong_after": found.wrong_after,
        "models": list(found.models),
        "old_models": list(found.old_models),
        "calibrated": found.calibrated,
        "decision": found.decision,
        "skipped": [{"path": str(bad.path), "reason": bad.reason} for bad in found.skipped],
    }
