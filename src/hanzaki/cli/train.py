"""``hanzaki train``."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from hanzaki.cli.options import SKIPPED, LearnOption, SetOption, StartOption

if TYPE_CHECKING:
    from hanzaki.learning.classifier.train import TrainedClassifier
    from hanzaki.learning.train import Trained

Made = TypeVar("Made")

RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="Folder of the run; of an earlier one, it is gone on with.")
]

app = typer.Typer(help="Train models on your own animals.", no_args_is_help=True)


@app.callback()
def _train() -> None:
    """Train models on your own animals."""


@app.command("embedder")
def embedder(
    config: Annotated[
        str, typer.Argument(metavar="CONFIG", help="A YAML file, or a shipped config: small, miewid, hides.")
    ],
    folder: RunArgument,
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

    _tell(_trained(hanzaki.train_embedder, config, folder, table, start, changes, replay=replay or ()))


@app.command("detector")
def detector(
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="A YAML file, or the shipped config: detector.")],
    folder: RunArgument,
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

    _tell(_trained(hanzaki.train_detector, config, folder, table, start, changes))


@app.command("classifier")
def classifier(
    config: Annotated[
        str, typer.Argument(metavar="CONFIG", help="A YAML file, or a shipped config: quick, classifier, origin.")
    ],
    folder: RunArgument,
    table: LearnOption = None,
    start: StartOption = None,
    changes: SetOption = None,
    controls: Annotated[
        bool,
        typer.Option(
            "--controls",
            help="Train twice more, on shuffled labels and on what surrounds the animals: both must fail.",
        ),
    ] = False,
) -> None:
    """Train a network to tell a label of animals: who, origin, sex, species, side or quality (data.label).

    The tables are split first, so that no individual (or day, where individuals are told apart) is both learnt
    from and tested. RUN/model is the model folder, RUN/report/index.html shows how well it does on the test. Can
    be stopped and run again: it goes on where it was. `--from` goes on from an embedder or a classifier (`hides`
    comes with hanzaki). Needs the extra `learn`.
    """
    import hanzaki

    trained = _trained(hanzaki.train_classifier, config, folder, table, start, changes, controls=controls)
    if os.environ.get("LOCAL_RANK", "0") == "0":
        _tell_test(trained)
    _tell(trained)


def _trained(
    train: Callable[..., Made],
    config: str,
    folder: Path,
    tables: Sequence[Path] | None,
    start: str | None,
    changes: Sequence[str] | None,
    **more: object,
) -> Made:
    """Train, and tell of it while it lasts."""
    from hanzaki.cli.output import progress
    from hanzaki.extra import learning

    with learning():
        from hanzaki.learning.reading_config import parse_changes
    with progress() as tell:
        return train(
            config,
            folder,
            tables=tables or (),
            start=start,
            changes=parse_changes(changes or ()),
            progress=tell,
            report=lambda record: tell.say(_line(record)),
            **more,
        )


_TOLD = {"accuracy": "right", "kappa": "Cohen's kappa", "macro_f1": "macro F1"}


def _tell_test(trained: TrainedClassifier) -> None:
    """How well it did on the test, and what the controls came to."""
    test, learnt = trained.results["test"], trained.results["parts"]["train"]
    if test is None:
        return
    typer.echo(
        f"Tested on {test['queries']} pictures of {test['individuals']} individuals, by"
        f" {trained.results['protocol']}; {learnt} were learnt from"
    )
    calibration = test["calibration"]
    rows = [(name, test[key], key != "kappa") for key, name in _TOLD.items()]
    rows += [
        ("calibration error", calibration["after"]["ece"], True),
        ("the same at a temperature of 1", calibration["before"]["ece"], True),
    ]
    for name, interval, share in rows:
        typer.echo(f"  {name}: {_with_interval(interval, share)}")
    for control in trained.results["controls"] or ():
        typer.echo(f"Control, {control['sentence']}")
    typer.echo(f"Wrote the report {trained.page}")


def _with_interval(interval: Sequence[float | None], share: bool) -> str:
    value, low, high = ("-" if n is None else f"{n:.1%}" if share else f"{n:.2f}" for n in interval)
    return f"{value} ({low} to {high})"


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
        from hanzaki.learning.reading_config import all_shipped_configs
    shipped = all_shipped_configs()
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
    elif "validation_likelihood" in record:
        told = f"right {record['validation_accuracy']:.1%}, macro F1 {record['validation_macro_f1']:.1%}"
        parts.append(f"kept aside: {told}, likelihood {record['validation_likelihood']:.3f}")
    parts.append(
        f"{record['pictures_per_second']:.0f} pictures/s, {record['waiting']:.0%} of the time waiting for them"
    )
    return "; ".join(parts)
