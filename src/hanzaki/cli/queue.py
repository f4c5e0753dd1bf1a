"""``hanzaki queue``."""

from __future__ import annotations

from typing import Annotated

import typer

from hanzaki import defaults
from hanzaki.cli.accept import print_questions, question_json
from hanzaki.cli.options import (
    SKIPPED,
    CatalogueOption,
    JsonOption,
    ModelsOption,
    PriorNewOption,
    open_catalogue,
)


def queue(
    top: Annotated[int, typer.Option(min=1, metavar="N", help="How many questions to show.")] = 20,
    model: ModelsOption = None,
    prior_new: PriorNewOption = None,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the encounters without a name, those first whose answer from you teaches most.

    Each comes with the question to ask first, and with the numbers of the two pictures to hold side by side.
    """
    from hanzaki.cli.output import out, print_json, print_skipped, progress

    with open_catalogue(catalogue) as opened, progress() as tell:
        found = opened.queue(model=model or defaults.MODEL, top=top, prior_new=prior_new, progress=tell)
    if as_json:
        print_json(
            {
                "questions": [question_json(question) for question in found.questions],
                "models": list(found.models),
                "calibrated": found.calibrated,
                "skipped": [{"path": str(bad.path), "reason": bad.reason} for bad in found.skipped],
            }
        )
    elif found.questions:
        print_questions(found.questions)
        out().print(f"the probabilities rest on {found.calibrated}", markup=False)
        first = found.questions[0]
        if first.asked is not None:
            look = f"hanzaki explain {first.asked} {first.beside} -o why.png"
            out().print(f"Next: {look}, then hanzaki confirm {first.encounter} INDIVIDUAL|new", markup=False)
    else:
        out().print("no encounter waits for a name")
    print_skipped(found.skipped)
    if found.skipped:
        raise typer.Exit(SKIPPED)
