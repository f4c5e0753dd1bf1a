"""``hanzaki models``: model folders made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Make model folders, which `--with` takes.", no_args_is_help=True)


@app.callback()
def _models() -> None:
    """Make model folders, which `--with` takes."""


@app.command("export")
def export(
    architecture: Annotated[str, typer.Argument(metavar="ARCHITECTURE", help="timm's name of the network.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The model folder to make.")],
    weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A .safetensors file; by default timm's own, by network.")
    ] = None,
    argument: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A further argument of the network.")
    ] = None,
    size: Annotated[int | None, typer.Option(metavar="PIXELS", help="Side of the square input.")] = None,
    mean: Annotated[
        tuple[float, float, float] | None,
        typer.Option(metavar="R G B", help="Mean of the input's colours, 0 to 1."),
    ] = None,
    std: Annotated[
        tuple[float, float, float] | None, typer.Option(metavar="R G B", help="Their standard deviation.")
    ] = None,
    licence: Annotated[str, typer.Option(help="Of the weights, as an SPDX name.")] = "unknown",
    training_data: Annotated[str, typer.Option(help="What the weights learnt from.")] = "unknown",
) -> None:
    """Make a timm network's pooled features a model folder (needs `pip install 'hanzaki[learn]'`)."""
    from hanzaki.errors import ModelError, SettingError

    try:
        from hanzaki.learning.publish import export_timm
    except ImportError as error:
        raise ModelError(f"making models needs torch and timm ({error}): pip install 'hanzaki[learn]'") from error
    pairs = [item.partition("=") for item in argument or []]
    if wrong := [key for key, sign, _ in pairs if not sign]:
        raise SettingError(f"--set {wrong[0]}: write KEY=VALUE")
    config = export_timm(
        folder,
        architecture,
        weights,
        arguments={key: value for key, _, value in pairs},
        input_size=None if size is None else (size, size),
        mean=mean,
        std=std,
        licence=licence,
        training_data=training_data,
    )
    typer.echo(f"Made the model folder {folder}: {config.architecture}, {config.embedding_size} numbers a picture")
