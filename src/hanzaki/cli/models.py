"""``hanzaki models``: model folders listed, made, fetched and shared."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal, cast

import typer

app = typer.Typer(help="List, make, fetch and share model folders, which `--with` takes.", no_args_is_help=True)

SizeOption = Annotated[int | None, typer.Option(min=1, metavar="PIXELS", help="Side of the square input.")]
MeanOption = Annotated[
    tuple[float, float, float] | None,
    typer.Option(metavar="R G B", help="Mean of the input's colours, 0 to 1."),
]
StdOption = Annotated[
    tuple[float, float, float] | None, typer.Option(metavar="R G B", help="Their standard deviation.")
]


@app.callback()
def _models() -> None:
    """List, make, fetch and share model folders, which `--with` takes."""


@app.command("list")
def list_() -> None:
    """The models that come with hanzaki: `--with NAME` takes them, and `--from NAME` goes on from them."""
    from hanzaki.cli.output import out, table
    from hanzaki.vision.model import ONNX, load_any_model, shipped_models

    rows = []
    for name, folder in shipped_models().items():
        config = load_any_model(folder).config
        megabytes = f"{(folder / ONNX).stat().st_size / 1e6:.1f}"
        facts = (
            config.task,
            config.architecture,
            "{2} x {1}".format(*config.input_shape),
            megabytes,
            config.licence,
            config.training_data,
        )
        rows.append([name, *facts])
    out().print(table(["name", "task", "network", "input", "MB", "licence", "learnt from"], rows, ["MB"]))


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
    size: SizeOption = None,
    mean: MeanOption = None,
    std: StdOption = None,
    licence: Annotated[str, typer.Option(help="Of the weights, as an SPDX name.")] = "unknown",
    training_data: Annotated[str, typer.Option(help="What the weights learnt from.")] = "unknown",
    half: Annotated[bool, typer.Option("--half", help="Keep the weights in 16 bits: half the size.")] = False,
) -> None:
    """Make a timm network's pooled features a model folder (needs the extra `learn`)."""
    from hanzaki.errors import SettingError
    from hanzaki.extra import learning

    with learning():
        from hanzaki.learning.publish import export_timm
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
        half=half,
    )
    typer.echo(f"Made the model folder {folder}: {config.architecture}, {config.embedding_size} numbers a picture")


@app.command("import")
def import_(
    onnx: Annotated[Path, typer.Argument(metavar="FILE", help="The .onnx file, without suppression inside.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The model folder to make.")],
    like: Annotated[
        Literal["yolox", "yolov5", "yolov8", "yolov10", "detr", "boxes", "xfeat", "aliked", "lightglue"],
        typer.Option(help="What it is: this says how pictures go in, and how boxes, keypoints or pairs come out."),
    ],
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Of a detector: 'coco', a file with one a line, or names with commas between.",
        ),
    ] = None,
    size: SizeOption = None,
    threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Of a detector: least score of what is found; by default the family's."),
    ] = None,
    overlap: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Of a detector: of two boxes that overlap by more (intersection over union) one stays.",
        ),
    ] = None,
    licence: Annotated[str, typer.Option(help="Of the weights, as an SPDX name.")] = "unknown",
    training_data: Annotated[str, typer.Option(help="What the weights learnt from.")] = "unknown",
) -> None:
    """Make another program's network, an ONNX file, a model folder; runs it once to see that it fits.

    Detectors; networks that find and describe keypoints (xfeat, aliked); and those that match them (lightglue).
    """
    from hanzaki.errors import SettingError

    square = None if size is None else (size, size)
    if like in ("xfeat", "aliked", "lightglue"):
        given = {"--labels": labels, "--threshold": threshold, "--overlap": overlap}
        if wrong := [word for word, value in given.items() if value is not None]:
            raise SettingError(f"{wrong[0]} is for detectors; --like {like} takes none")
        typer.echo(_import_points(onnx, folder, like, square, licence, training_data))
        return
    from hanzaki.vision.importing import Family, import_detector, read_labels

    if labels is None:
        raise SettingError(f"--like {like} is a detector: name the classes of its boxes with --labels")
    config = import_detector(
        onnx,
        folder,
        cast(Family, like),
        read_labels(labels),
        input_size=square,
        threshold=threshold,
        overlap=overlap,
        licence=licence,
        training_data=training_data,
    )
    width, height = config.input_size
    typer.echo(f"Made the model folder {folder}: {like}, {width} x {height} pixels, {len(config.labels)} labels")


def _import_points(
    onnx: Path,
    folder: Path,
    like: Literal["xfeat", "aliked", "lightglue"],
    size: tuple[int, int] | None,
    licence: str,
    training_data: str,
) -> str:
    """Make a network of keypoints a model folder, and say so."""
    from hanzaki.errors import SettingError
    from hanzaki.settings import settings
    from hanzaki.vision.importing_points import import_matcher, import_points

    runtime = settings().runtime
    if like != "lightglue":
        found = import_points(
            onnx,
            folder,
            like,
            input_size=size,
            licence=licence,
            training_data=training_data,
            runtime=runtime,
        )
        width, height = found.input_size
        told = f"{like}, {width} x {height} pixels, {found.embedding_size} numbers a point"
        return f"Made the model folder {folder}: {told}"
    if size is not None:
        raise SettingError("--size is of pictures; --like lightglue takes keypoints")
    config = import_matcher(onnx, folder, licence=licence, training_data=training_data, runtime=runtime)
    return f"Made the model folder {folder}: {like}, for points of {config.embedding_size} numbers"


@app.command("pull")
def pull(
    repository: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="On the Hugging Face hub.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The model folder to make.")],
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit; by default the newest.")] = None,
    accept: Annotated[bool, typer.Option("--accept-licence", help="Accept the weights' licence unasked.")] = False,
    size: SizeOption = None,
    mean: MeanOption = None,
    std: StdOption = None,
) -> None:
    """Fetch a model as a model folder, checked against torch.

    hanzaki's own, MiewID, MegaDescriptor, any timm one, and RT-DETR and D-FINE to find animals.

    Its licence is shown and asked for before any weights come. Can be stopped and run again: it goes on where it
    was. Size, mean and std replace what the model's own config says. Needs the extra `learn`.
    """
    from hanzaki.cli.output import progress
    from hanzaki.extra import learning

    with learning():
        from hanzaki.learning.foreign import Preprocessing
        from hanzaki.learning.pull import pull as fetch

    def asked(text: str) -> bool:
        typer.echo(text, err=True)
        return accept or (sys.stdin.isatty() and typer.confirm("Do you accept it?", err=True))

    preprocessing = Preprocessing(None if size is None else (size, size), mean, std)
    with progress() as tell:
        config = fetch(
            repository,
            folder,
            accept_licence=asked,
            revision=revision,
            preprocessing=preprocessing,
            progress=tell,
        )
    typer.echo(f"Made the model folder {folder}: {config.architecture}, licence {config.licence}")


@app.command("push")
def push(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The model folder.")],
    repository: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="On the Hugging Face hub; made if new.")],
    private: Annotated[bool, typer.Option("--private", help="For its owners' eyes only.")] = False,
    revision: Annotated[
        str | None, typer.Option(metavar="BRANCH", help="Branch, made if new; by default main.")
    ] = None,
    message: Annotated[str | None, typer.Option(metavar="TEXT", help="Of the commit.")] = None,
) -> None:
    """Share a model folder, all of its files in one commit.

    Who it is meant for runs `hanzaki models pull OWNER/NAME FOLDER`. Wants a licence in its config.json and its
    README.md, and `hf auth login` or HF_TOKEN. Needs the extra `learn`.
    """
    from hanzaki.extra import learning

    with learning():
        from hanzaki.learning.push import push as share
    pushed = share(folder, repository, private=private, revision=revision, message=message)
    typer.echo(f"Pushed {folder} to {pushed.address}, commit {pushed.commit}")
