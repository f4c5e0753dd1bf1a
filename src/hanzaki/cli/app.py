"""The commands, in the order in which they are used. Each lives in a file of its own and imports late."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import hanzaki
from hanzaki.cli import (
    accept,
    add,
    calibrate,
    catalogue,
    check,
    classify,
    data,
    decide,
    demo,
    detect,
    drift,
    evaluate,
    experiment,
    explain,
    identify,
    models,
    queue,
    reidentify,
    sort,
    split,
    tell,
    train,
    tune,
    virtual,
)


class Stopped(Exception):
    """Ctrl-C was pressed."""


class _Commands(TyperGroup):
    """Hands Ctrl-C on to whoever runs it; typer would end the program without a word."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise Stopped from error


app = typer.Typer(
    name="hanzaki",
    cls=_Commands,
    epilog="Begin with hanzaki demo, or: hanzaki init river; cd river; hanzaki add PHOTOS; hanzaki identify PHOTO",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"hanzaki {hanzaki.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Photographs in, names out: hanzaki knows individual animals by their natural markings."""


app.command("init")(catalogue.init)
app.command("add")(add.add)
app.command("detect")(detect.detect)
app.command("classify")(classify.classify)
app.command("describe")(identify.describe)
app.command("identify")(identify.identify)
app.command("calibrate")(calibrate.calibrate)
app.command("explain")(explain.explain)
app.command("drift")(drift.drift)
app.command("accept")(accept.accept)
app.command("queue")(queue.queue)
app.command("reidentify")(reidentify.reidentify)
app.command("check")(check.check)
app.command("confirm")(decide.confirm)
app.command("tell")(tell.tell)
app.command("undo")(decide.undo)
app.command("individuals")(catalogue.individuals)
app.command("encounters")(catalogue.encounters)
app.command("pictures")(detect.pictures)
app.command("regroup")(detect.regroup)
app.command("set-aside")(detect.set_aside)
app.command("sort")(sort.sort)
app.command("split")(split.split)
app.command("evaluate")(evaluate.evaluate)
app.command("demo")(demo.demo)
app.command("tune")(tune.tune)
app.add_typer(data.app, name="data")
app.add_typer(experiment.app, name="experiment")
app.add_typer(models.app, name="models")
app.add_typer(train.app, name="train")
app.add_typer(virtual.app, name="virtual")
