"""``hanzaki accept``."""

from __future__ import annotations

from collections.abc import Sequence
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
    from hanzaki.fieldwork.identity.accept import Acceptance
    from hanzaki.fieldwork.identity.asking import Question
    from hanzaki.fieldwork.identity.batch import Named

_DIGITS = 6
_SHOWN = 10  # questions for review
_CSV_HEADERS = ("encounter", "individual", "new", "begun_by", "probability", "picture", "beside")


def accept(
    encounters: Annotated[
        list[int] | None,
        typer.Argument(metavar="[ENCOUNTER]...", help="Their numbers; by default all that have no name."),
    ] = None,
    tolerate: TolerateOption = ...,  # type: ignore[assignment]  # typer's way to say that it must be given
    model: ModelsOption = None,
    prior_new: PriorNewOption = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write it; else it is only shown.")] = False,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Name by machine the encounters whose answer is sure enough, and leave the others for review.

    How sure follows from the share of wrong names that you tolerate. Nothing is written without `--apply`, and
    `hanzaki undo` takes all of it back at once.
    """
    from hanzaki.cli.output import print_csv, print_json, print_skipped, progress
    from hanzaki.errors import SettingError

    if as_json and as_csv:
        raise SettingError("choose one of --json and --csv")
    with open_catalogue(catalogue) as opened, progress() as tell:
        found = opened.accept(
            encounters or (),
            tolerate=share(tolerate),
            model=model or defaults.MODEL,
            prior_new=prior_new,
            apply=apply,
            progress=tell,
        )
    if as_json:
        print_json(_json(found))
    elif as_csv:
        print_csv(_CSV_HEADERS, [_csv_row(each) for each in found.named])
    else:
        _print(found, apply)
    print_skipped(found.skipped)
    if found.skipped:
        raise typer.Exit(SKIPPED)


def print_questions(questions: Sequence[Question], most: int | None = None) -> None:
    """Questions as a table, in their order.

    Args:
        questions: to be shown.
        most: so many at most.
    """
    from hanzaki.cli.output import out, table
    from hanzaki.fieldwork.identity.answers import percent

    rows = []
    for question in questions[:most]:
        others = ", ".join(f"{other} {percent(other.probability)}" for other in question.answers[1:])
        first = f"{question.answers[0]}? {percent(question.answers[0].probability)}"
        beside = "" if question.asked is None else f"{question.asked}, {question.beside}"
        note = question.obstacle or ("its pictures are poor" if question.poor else "")
        rows.append((question.encounter, first, others, beside, note))
    out().print(table(("encounter", "is it", "or", "pictures", "note"), rows, right=("encounter",)))


def question_json(question: Question) -> dict[str, Any]:
    """A question for a script."""
    return {
        "encounter": question.encounter,
        "question": question.text,
        "answers": [
            {
                "individual": answer.individual,
                "begun_by": answer.begun_by,
                "probability": round(answer.probability, _DIGITS),
            }
            for answer in question.answers
        ],
        "bits": round(question.bits, _DIGITS),
        "poor": question.poor,
        "picture": question.asked,
        "beside": question.beside,
        "obstacle": question.obstacle,
    }


def _print(found: Acceptance, apply: bool) -> None:
    from hanzaki.cli.output import out, table
    from hanzaki.fieldwork.identity.answers import percent

    console = out()
    if found.named:
        rows = [(each.encounter, _who(each), percent(each.probability)) for each in found.named]
        console.print(table(("encounter", "is", "probability"), rows, right=("encounter", "probability")))
        console.print()
    for line in _summary(found):
        console.print(line, markup=False)
    if found.review:
        console.print(f"{_encounters(len(found.review))} for review, those first whose answers teach most:")
        print_questions(found.review, _SHOWN)
        if len(found.review) > _SHOWN:
            console.print("`hanzaki queue` shows the others", markup=False)
    console.print(f"the probabilities rest on {found.calibrated}", markup=False)
    if found.decision is not None:
        console.print("Written; `hanzaki undo` takes all of it back at once", markup=False)
    elif found.named and not apply:
        console.print("Nothing is written yet; --apply writes it", markup=False)


def _summary(found: Acceptance) -> list[str]:
    known, new = found.matches, sum(map(len, found.newcomers))
    above = "" if found.known_above is None else f", from a probability of {found.known_above:.4g} on"
    lines = [
        f"{_encounters(len(known))} with known animals accepted{above}; "
        f"{found.false_matches:.2g} of these names are expected to be wrong",
        f"{found.missed_matches:.2g} encounters with known animals are expected among the others",
    ]
    if new:
        animals = "1 new animal" if len(found.newcomers) == 1 else f"{len(found.newcomers)} new animals"
        lines.insert(
            1,
            f"{_encounters(new)} with {animals} accepted; "
            f"{found.false_news:.2g} of these are expected to be wrong",
        )
    return lines


def _encounters(count: int) -> str:
    return "1 encounter" if count == 1 else f"{count} encounters"


def _who(each: Named) -> str:
    if each.begun_by is None:
        return str(each.individual)
    if each.individual is not None:
        return f"{each.individual}, a new individual"
    return "somebody new" if each.begun_by == each.encounter else f"the new animal of encounter {each.begun_by}"


def _json(found: Acceptance) -> dict[str, Any]:
    return {
        "tolerated": found.rate,
        "named": [dict(zip(_CSV_HEADERS, _csv_row(each), strict=True)) for each in found.named],
        "review": [question_json(question) for question in found.review],
        "known_above": found.known_above,
        "new_above": found.new_above,
        "false_matches": found.false_matches,
        "false_news": found.false_news,
        "missed_matches": found.missed_matches,
        "models": list(found.models),
        "prior_new": found.prior_new,
        "calibrated": found.calibrated,
        "decision": found.decision,
        "skipped": [{"path": str(bad.path), "reason": bad.reason} for bad in found.skipped],
    }


def _csv_row(each: Named) -> list[object]:
    new = each.begun_by is not None
    row = [each.encounter, each.individual, new, each.begun_by, round(each.probability, _DIGITS)]
    return [*row, each.asked, each.beside]
