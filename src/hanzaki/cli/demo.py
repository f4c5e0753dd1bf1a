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
    individuals: Annotated[int, typer.Option(min=3, help="How many animals; fewer are quicker.")] = 11,
) -> None:
    """See the whole job on a virtual stream: salamanders filmed on two days, the second identified by the first.

    Films them by morning, afternoon and evening light, finds their heads, follows them, keeps the best
    frames, names the first day's and identifies the second's. The animals are computed, so the truth is known and
    printed beside what was found.
    """
    from hanzaki.cli.output import progress
    from hanzaki.fieldwork.demo import run_demo

    with progress() as tell:
        result = run_demo(folder, individuals, tell)
    _print(result)


def _print(result: Demo) -> None:
    from hanzaki.cli.output import out, table

    console = out()
    known = [found for found in result.found if found.was_known]
    new = [found for found in result.found if found.truth is not None and not found.was_known]
    console.print("Animals of the second day's videos, identified by the first day's", style="bold")
    rows = []
    for found in result.found:
        candidates = found.identification.candidates
        best = (candidates[0].individual, f"{candidates[0].score:.3g}") if candidates else ("", "")
        verdict = "right" if found.right else "wrong" if found.was_known else "was not there before"
        if found.truth is None:
            verdict = "no head at all"
        rows.append((found.identification.encounter, found.clip, found.light, *best, found.truth or "", verdict))
    headers = ("encounter", "video", "light", "found", "score", "truth", "")
    console.print(table(headers, rows, right=("encounter", "score")))
    for light in dict.fromkeys(found.light for found in known):
        of_light = [found.right for found in known if found.light == light]
        console.print(f"{light}: {sum(of_light)} of {len(of_light)} right")
    right = sum(found.right for found in known)
    console.print(f"{right} of {len(known)} encounters of known animals right.", style="bold")
    animals = [*known, *new]
    told = sum(found.origin == found.true_origin for found in animals)
    console.print(
        f"Native or hybrid, by a small classifier that knows virtual animals only: {told} of {len(animals)} right."
    )
    console.print(
        f"In {result.clips} videos {len(known) + len(new)} heads were found and followed, {result.missed} missed; "
        f"{len(new)} encounters are of animals that are new: a low score hints at it, and a person decides."
    )
    console.print(f"Look at {result.sheet}, then go on by hand:", markup=False)
    first = result.found[0].identification
    program = "hanzaki" if shutil.which("hanzaki") else f"{sys.executable} -m hanzaki"
    for command in (
        f"cd {result.catalogue}",
        f"{program} pictures {first.encounter}",
        f"{program} identify {first.encounter}",
        f"{program} confirm {first.encounter} {first.candidates[0].individual}",
        f"{program} individuals",
        f"{program} undo",
    ):
        console.print(f"  {command}", markup=False)
