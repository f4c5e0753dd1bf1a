"""``hanzaki virtual``: photographs and videos of animals that never were."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from hanzaki.virtual.scene import DayLight


class _StreamByDefault(TyperGroup):
    """Takes what follows for words to ``stream`` where no command is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["stream", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_StreamByDefault,
    help="Make photographs and videos of virtual animals, to learn from; without a command: stream.",
    no_args_is_help=True,
)


@app.callback()
def _virtual() -> None:
    """Make photographs and videos of virtual animals, to learn from; without a command: stream."""


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = (int(side) for side in text.lower().split("x"))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no size: write it as 960x540") from None
    if min(width, height) < 64 or width % 2 or height % 2:
        raise typer.BadParameter(f"{text} cannot be filmed: take even numbers of 64 or more")
    return width, height


def _lights(text: str) -> list[DayLight]:
    from hanzaki.virtual.scene import DAYLIGHTS

    named = {word.strip() for word in text.split(",")}
    if unknown := named.difference(DAYLIGHTS):
        raise typer.BadParameter(f"--lights {', '.join(sorted(unknown))!r}: there are {', '.join(DAYLIGHTS)}")
    return [light for light in DAYLIGHTS if light in named]


@app.command("stream")
def stream(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where to write; an earlier one is gone on with.")
    ],
    individuals: Annotated[int, typer.Option(min=1, help="How many animals live there.")] = 11,
    days: Annotated[int, typer.Option(min=1, help="How many survey days, weeks apart.")] = 2,
    lights: Annotated[
        str, typer.Option(metavar="A,B", help="The times of day at which all are met, between commas.")
    ] = "morning,afternoon,evening",
    clips: Annotated[int, typer.Option(min=0, help="Videos of each animal at each time of each day.")] = 1,
    photographs: Annotated[int, typer.Option(min=0, help="Photographs of each, likewise.")] = 1,
    seconds: Annotated[float, typer.Option(min=0.1, help="Length of a video.")] = 3.0,
    rate: Annotated[int, typer.Option(min=1, max=120, help="Frames a second.")] = 15,
    size: Annotated[str, typer.Option(metavar="WxH", help="Width and height in pixels.")] = "960x540",
    hybrids: Annotated[int, typer.Option(min=0, help="How many of the animals are hybrids.")] = 0,
    newcomers: Annotated[int, typer.Option(min=0, help="How many come on the last day only.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="From which everything follows.")] = 0,
    masks: Annotated[
        bool, typer.Option("--masks", help="Write masks of the spots beside near photographs.")
    ] = False,
) -> None:
    """Film and photograph giant salamanders in a stream, with the truth in annotations.csv and heads.csv.

    Smartphone-like videos of whole animals that walk and rest under moving water, by morning, afternoon and
    evening light. Can be stopped and run again with the same settings: what is written stays. With
    --masks the dark markings of each head that is photographed from near by are told in the folder masks.
    """
    from hanzaki.cli.output import progress
    from hanzaki.errors import SettingError
    from hanzaki.settings import settings
    from hanzaki.virtual import write_stream

    if max(hybrids, newcomers) > individuals:
        raise SettingError(f"--hybrids and --newcomers cannot be more than the {individuals} individuals")
    if clips + photographs == 0:
        raise SettingError("with --clips 0 and --photographs 0 there is nothing to make")
    if round(seconds * rate) < 1:
        raise SettingError("--seconds times --rate is less than one frame")
    with progress() as tell:
        table = write_stream(
            folder,
            individuals,
            days,
            lights=_lights(lights),
            clips=clips,
            photographs=photographs,
            seconds=seconds,
            rate=rate,
            size=_size(size),
            hybrids=hybrids,
            newcomers=newcomers,
            seed=seed,
            masks=masks,
            threads=settings().threads,
            progress=lambda done, total: tell("videos and photographs", done, total),
        )
    files = table["path"].str.partition("/")[0].groupby(table["path"]).first().value_counts()
    typer.echo(
        f"{folder} has {files.get('videos', 0)} videos and {files.get('photographs', 0)} photographs"
        f" of {table['identity'].nunique()} animals, told in annotations.csv and heads.csv"
    )


@app.command("lives")
def lives(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where to write; an earlier one is gone on with.")
    ],
    years: Annotated[int, typer.Option(min=1, help="For how many years the stream is surveyed.")] = 5,
    days: Annotated[int, typer.Option(min=1, help="Surveys a year, a day apart.")] = 3,
    residents: Annotated[int, typer.Option(min=0, help="How many live there when it begins.")] = 40,
    survival: Annotated[float, typer.Option(min=0, max=1, help="Chance to live on for a year.")] = 0.9,
    recruits: Annotated[float, typer.Option(min=0, help="Young that enter a year, on average.")] = 3.0,
    immigrants: Annotated[float, typer.Option(min=0, help="Grown ones that enter a year, on average.")] = 1.0,
    hybrids: Annotated[float, typer.Option(min=0, max=1, help="Share of hybrids.")] = 0.0,
    capture: Annotated[float, typer.Option(min=0, max=1, help="Chance to be met at a survey.")] = 0.3,
    heterogeneity: Annotated[
        float, typer.Option(min=0, help="How much that chance differs between animals (logit scale).")
    ] = 0.0,
    photographs: Annotated[float, typer.Option(min=1, help="Of each animal that is met, on average.")] = 3.0,
    seconds: Annotated[float, typer.Option(min=0, help="Length of one video of each, in place of them.")] = 0.0,
    size: Annotated[str, typer.Option(metavar="WxH", help="Width and height in pixels.")] = "960x720",
    seed: Annotated[int, typer.Option(min=0, help="From which everything follows.")] = 0,
    masks: Annotated[
        bool, typer.Option("--masks", help="Write masks of the spots beside the photographs.")
    ] = False,
) -> None:
    """Let a population live for years, and photograph whom its surveys meet, with the truth of every life beside.

    Animals are born, grow, change slowly, come and die; lives.csv, surveys.csv, captures.csv, abundance.csv and
    histories.csv say who was there and who was met. Can be stopped and run again.
    """
    from datetime import date

    from hanzaki.cli.output import progress
    from hanzaki.errors import SettingError
    from hanzaki.settings import settings
    from hanzaki.virtual import Capture, Population, Rates, write_census, yearly

    try:
        population = Population(
            yearly(date(2015, 8, 20), years, days),
            residents,
            rates=Rates(survival=survival, recruits=recruits, immigrants=immigrants, hybrids=hybrids),
            capture=Capture(probability=capture, heterogeneity=heterogeneity, photographs=photographs),
            seed=seed,
        )
    except ValueError as error:
        raise SettingError(str(error)) from error
    with progress() as tell:
        table = write_census(
            folder,
            population,
            seconds=seconds,
            size=_size(size),
            masks=masks,
            threads=settings().threads,
            progress=lambda done, total: tell("encounters", done, total),
        )
    files, animals = table["path"].nunique(), table["identity"].nunique()
    typer.echo(
        f"{folder} has {files} files of {animals} animals met in {years * days} surveys, told in annotations.csv;"
        " lives.csv and the other tables beside it have the truth"
    )


@app.command("hides")
def hides(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where to write; an earlier one is gone on with.")
    ],
    individuals: Annotated[int, typer.Option(min=1, help="How many animals; 30 make a species.")] = 300,
    photographs: Annotated[int, typer.Option(min=1, help="How many of each animal.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="From which everything follows.")] = 0,
    size: Annotated[int, typer.Option(min=64, metavar="PX", help="Longer side of a photograph, in pixels.")] = 256,
) -> None:
    """Make hard photographs of patterned hides of every kind, with their truth in annotations.csv.

    Individuals of a species differ in nothing but where their markings lie. Can be stopped and run again: what is
    written stays, and more individuals or photographs may be asked for.
    """
    from hanzaki.cli.output import progress
    from hanzaki.settings import settings
    from hanzaki.virtual import write_hides

    with progress() as tell:
        table = write_hides(
            folder,
            individuals,
            photographs,
            seed=seed,
            size=size,
            threads=settings().threads,
            progress=lambda done, total: tell("photographs", done, total),
        )
    typer.echo(f"{folder} has {len(table)} photographs of {individuals} individuals, told in annotations.csv")
