"""``hanzaki demo``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hanzaki.fieldwork.demo import Demo


def demo(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to; new, empty, or of an earlier demo.")
    ] = Path("hanzaki-demo"),
) -> None:
    """See the whole job on a virtual stream: two surveys of giant salamanders, the second identified by the first.

    The animals are computed, so the truth is known and printed beside what was found.
    """
    from hanzaki.cli.output import progress
    from hanzaki.fieldwork.demo import run_demo

    with progress() as tell:
        result = run_demo(folder, tell)
    _print(result)


def _print(result: Demo) -> None:
    from hanzaki.cli.output import out, table

    console = out()
    known = [found for found in result.found if found.was_known]
    new = [found for found in result.found if not found.was_known]
    console.print("Encounters of the second survey, identified by the first", style="bold")
    rows = []
    for found in result.found:
        best = found.identification.candidates[0]
        verdict = "right" if found.right else "wrong" if found.was_known else "was not there before"
        rows.append((found.identification.encounter, best.individual, f"{best.score:.3g}", found.truth, verdict))
    console.print(table(("encounter", "found", "score", "truth", ""), rows, right=("encounter", "score")))
    right = sum(found.right for found in known)
    console.print(f"{right} of {len(known)} known animals recognised.", style="bold")
    console.print(f"{len(new)} animals are new; a low score hints at it, and a person decides.")
    console.print(f"Look at {result.sheet}, then go on by hand:", markup=False)
    first = result.found[0].identification
    program = "hanzaki" if shutil.which("hanzaki") else f"{sys.executable} -m hanzaki"
    for command in (
        f"cd {result.catalogue}",
        f"{program} identify {first.encounter}",
        f"{program} confirm {first.encounter} {first.candidates[0].individual}",
        f"{program} individuals",
        f"{program} undo",
    ):
        console.print(f"  {command}", markup=False)
