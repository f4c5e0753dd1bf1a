"""``hanzaki train``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hanzaki.cli.options import SKIPPED, LearnOption, SetOption, StartOption

if TYPE_CHECKING:
    from hanzaki.learning.train import Trained

app = typer.Typer(help="Train models on your own animals.", no_args_is_help=True)


@app.callback()
def _train() -> None:
    """Train models on your own animals."""


@app.command("embedder")
def embedder(
    config: Annotated[
        str, typer.Argument(metavar="CONFIG", help="A YAML file, or a shipped config: small, miewid, hides.")
    ],
    folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder of the run; of an earlier one, it is gone on with.")
    ],
    table: LearnOption = None,
    start: StartOption = None,
    replay: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="CSV", help="Annotations that MODEL learnt from, shown again so that it forgets less."
        ),
    ] = None,
    changes: SetOption = None,
) -> None:
    """Train a network to know individuals by their markings; RUN/model is the model folder that `--with` takes.

    Can be stopped and run again: it goes on where it was. The best epoch is chosen on individuals kept aside,
    never on those you test with. `hanzaki train show` prints the shipped configs; needs the extra `learn`.
    """
    import hanzaki
    from hanzaki.cli.output import progress
    from hanzaki.extra import learning

    with learning():
        from hanzaki.learning.config import parse_changes
    with progress() as tell:
        trained = hanzaki.train_embedder(
            config,
            folder,
            tables=table or (),
            start=start,
            replay=replay or (),
            changes=parse_changes(changes or ()),
            progress=tell,
            report=lambda record: tell.say(_line(record)),
        )
    _tell(trained)


@app.command("detector")
def detector(
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="A YAML file, or the shipped config: detector.")],
    folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder of the run; of an earlier one, it is gone on with.")
    ],
    table: LearnOption = None,
    start: StartOption = None,
    changes: SetOption = None,
) -> None:
    """Train a network to find animals, or parts of them, from boxes drawn in any of the field's programs.

    RUN/model is the model folder, RUN/report/index.html shows what it finds and misses in the pictures that were
    kept aside to choose epoch and threshold. Can be stopped and run again: it goes on where it was. `--from` goes
    on from a detector, or from an embedder's backbone (`hides` comes with hanzaki). Needs the extra `learn`.
    """
    import hanzaki
    from hanzaki.cli.output import progress
    from hanzaki.extra import learning

    with learning():
        from hanzaki.learning.config import parse_changes
    with progress() as tell:
        trained = hanzaki.train_detector(
            config,
            folder,
            tables=table or (),
            start=start,
            changes=parse_changes(changes or ()),
            progress=tell,
            report=lambda record: tell.say(_line(record)),
        )
    _tell(trained)


def _tell(trained: Trained) -> None:
    from hanzaki.cli.output import print_skipped

    if os.environ.get("LOCAL_RANK", "0") != "0":
        return  # on several devices this command runs once for each; the first one speaks for all
    typer.echo(f"Made the model folder {trained.model}, of epoch {trained.epoch}")
    for note in trained.notes:
        typer.echo(note, err=True)
    print_skipped(trained.bad)
    if trained.bad:
        raise typer.Exit(SKIPPED)


@app.command("show")
def show(
    name: Annotated[str | None, typer.Argument(metavar="CONFIG", help="Name of a shipped config.")] = None,
) -> None:
    """Print a shipped config, to begin your own with; without a name, list them."""
    from hanzaki.errors import SettingError
    from hanzaki.extra import learning

    with learning():
        from hanzaki.learning.config import shipped_configs, shipped_detectors
    shipped = shipped_configs() | shipped_detectors()
    if name is None:
        typer.echo("\n".join(shipped))
    elif name in shipped:
        typer.echo(shipped[name], nl=False)
    else:
        raise SettingError(f"there is no shipped config {name!r}; there are {', '.join(shipped)}")


_FOUND = {"map50": "mAP@50", "map": "mAP@50-95", "precision": "precision", "recall": "recall"}


def _line(record: dict[str, Any]) -> str:
    """An epoch in one line."""
    parts = [f"epoch {record['epoch']} of {record['epochs']}", f"loss {record['loss']:.3f}"]
    if "validation_top1" in record:
        parts.append(f"kept aside: top-1 {record['validation_top1']:.1%}, mAP {record['validation_map']:.1%}")
    elif "validation_map50" in record:
        found = ", ".join(f"{name} {record[f'validation_{key}']:.1%}" for key, name in _FOUND.items())
        parts.append(f"kept aside: {found}")
    parts.append(
        f"{record['pictures_per_second']:.0f} pictures/s, {record['waiting']:.0%} of the time waiting for them"
    )
    return "; ".join(parts)
