"""``hanzaki demo``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hanzaki.fieldwork.demo import Demo, Found


def demo(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to; new, empty, or of an earlier demo.")
    ] = Path("hanzaki-demo"),
    individuals: Annotated[int, typer.Option(min=5, help="How many animals; fewer are quicker.")] = 11,
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
    from hanzaki.fieldwork.identity.answers import SOMEBODY_NEW, percent

    console = out()
    known = [found for found in result.found if found.was_known]
    new = [found for found in result.found if found.is_new]
    console.print("Animals of the second day's videos, identified by the first day's", style="bold")
    rows = []
    for found in result.found:
        answer = found.identification
        probabilities = (percent(answer.confidence), "" if found.called_new else percent(answer.new))
        who = (answer.answer or SOMEBODY_NEW, *probabilities, _truth(found), _verdict(found))
        rows.append((answer.encounter, found.clip, found.light, *who))
    headers = ("encounter", "video", "light", "found", "probability", "new", "truth", "")
    console.print(table(headers, rows, right=("encounter", "probability", "new")))
    for light in dict.fromkeys(found.light for found in known):
        of_light = [found.right for found in known if found.light == light]
        console.print(f"{light}: {sum(of_light)} of {len(of_light)} right")
    right, told_new = sum(found.right for found in known), sum(found.right for found in new)
    lost = sum(found.called_new for found in known)
    console.print(
        f"{right} of {len(known)} encounters of known animals right, {lost} called somebody new, "
        f"{len(known) - right - lost} called by a wrong name.",
        style="bold",
    )
    console.print(
        f"{told_new} of {len(new)} encounters of new animals called somebody new, "
        f"{len(new) - told_new} called by a known animal's name.",
        style="bold",
    )
    animals = [*known, *new]
    told = sum(found.origin == found.true_origin for found in animals)
    console.print(
        f"Native or hybrid, by a small classifier that knows virtual animals only: {told} of {len(animals)} right."
    )
    console.print(
        f"In {result.clips} videos {len(animals)} heads were found and followed, {result.missed} missed."
    )
    console.print(f"Look at {result.sheet}, then go on by hand:", markup=False)
    first = result.found[0].identification
    program = "hanzaki" if shutil.which("hanzaki") else f"{sys.executable} -m hanzaki"
    for command in (
        f"cd {result.catalogue}",
        f"{program} pictures {first.encounter}",
        f"{program} identify {first.encounter}",
        f"{program} confirm {first.encounter} {first.answer or 'new'}",
        f"{program} individuals",
        f"{program} undo",
    ):
        console.print(f"  {command}", markup=False)


def _truth(found: Found) -> str:
    return f"{found.truth}, new" if found.is_new else found.truth or ""


def _verdict(found: Found) -> str:
    if found.truth is None:
        return "no head at all"
    if found.right:
        return "right"
    if found.is_new:
        return "wrong: it is new"
    return "wrong: it is known" if found.called_new else "wrong"
