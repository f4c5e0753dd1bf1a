"""``hanzaki tune``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hanzaki.cli.options import SKIPPED, LearnOption, SetOption, StartOption

if TYPE_CHECKING:
    from hanzaki.learning.tune import Outcome, Tuned

_SHOWN = 5


def tune(
    config: Annotated[
        str, typer.Argument(metavar="CONFIG", help="A training config, as of `hanzaki train embedder`.")
    ],
    folder: Annotated[
        Path, typer.Argument(metavar="STUDY", help="Folder of the study; an earlier one is gone on with.")
    ],
    table: LearnOption = None,
    start: StartOption = None,
    space: Annotated[
        str,
        typer.Option(
            metavar="SPACE.yaml|paper",
            help="What is tried: a YAML file of keys with ranges or choices, or what the MiewID paper tuned.",
        ),
    ] = "paper",
    trials: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many trials in all; those of earlier calls count.")
    ] = 30,
    changes: SetOption = None,
) -> None:
    """Search for settings that train a better embedder; STUDY/best.yaml is the config to train with.

    Each trial is a whole training, judged on individuals kept aside (data.validation), never on those you test
    with; one that is worse than most is ended early. Can be stopped and run again: it goes on where it was, and a
    higher number of trials adds more. Needs the extra `learn`.
    """
    from hanzaki.cli.output import print_skipped, progress
    from hanzaki.extra import learning

    with learning():
        from hanzaki.learning.config import embedder_config
        from hanzaki.learning.reading_config import parse_changes
        from hanzaki.learning.space import read_space
        from hanzaki.learning.tune import tune_embedder
    wanted = embedder_config(config, tables=table or (), start=start, changes=parse_changes(changes or ()))
    tried = read_space(space, wanted)
    with progress() as tell:
        tuned = tune_embedder(
            wanted, tried, folder, trials, progress=tell, report=lambda *outcomes: tell.say(_line(*outcomes))
        )
    _show(tuned)
    print_skipped(tuned.bad)
    if tuned.bad:
        raise typer.Exit(SKIPPED)


def _show(tuned: Tuned) -> None:
    """The best trials, and what to do with them."""
    from hanzaki.cli.output import err, out, table

    complete = [outcome for outcome in tuned.outcomes if outcome.complete]
    complete.sort(key=lambda outcome: -(outcome.value or 0.0))
    rows = [(outcome.number, _percent(outcome), _settings(outcome)) for outcome in complete[:_SHOWN]]
    out().print(table(("trial", "mAP %", "settings"), rows, right=("trial", "mAP %")))
    err().print("the best of many flatters: measure it on animals that no trial saw")
    typer.echo(f"Wrote {tuned.config}; the best trial's model folder is {tuned.model}")


def _line(outcome: Outcome, best: Outcome | None) -> str:
    """A trial in one line."""
    if outcome.failure is not None:
        came = f"failed ({outcome.failure})"
    else:
        came = f"mAP {_percent(outcome)}%" + (", ended early" if outcome.pruned else "")
    so_far = "none yet" if best is None else f"{_percent(best)}% (trial {best.number})"
    return f"trial {outcome.number}: {came}; best so far {so_far}; {_settings(outcome)}"


def _percent(outcome: Outcome) -> str:
    return "-" if outcome.value is None else f"{100 * outcome.value:.1f}"


def _settings(outcome: Outcome) -> str:
    return ", ".join(f"{key} {_short(value)}" for key, value in outcome.settings.items())


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
