"""``hanzaki explain``."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from hanzaki import defaults
from hanzaki.cli.options import CatalogueOption, JsonOption, ModelOption, open_catalogue


def explain(
    asked: Annotated[
        list[str],
        typer.Argument(
            metavar="PICTURE [PICTURE]",
            help="Photographs, VIDEO@SECONDS, or numbers of the catalogue's pictures (`hanzaki pictures`).",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The drawing to write, a PNG, JPEG or WebP.")
    ],
    model: ModelOption = defaults.MODEL,
    label: Annotated[
        str | None, typer.Option(help="Of a classifier: the label to ask for, by default the likeliest.")
    ] = None,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw why: which places make two pictures alike, or speak for what a classifier says of one.

    Of two pictures, models of keypoints show the pairs that they verified, and embedders how much each place gives
    to the similarity. Of one picture, `--with` names a classifier, whose Grad-CAM is drawn.
    """
    from hanzaki.cli.output import out, print_json
    from hanzaki.explanation.drawing import write_picture
    from hanzaki.fieldwork.explain import explain as explained

    numbers = any(item.isascii() and item.isdecimal() and not Path(item).exists() for item in asked)
    with open_catalogue(catalogue) if numbers else nullcontext() as opened:
        found = explained(opened, asked, model, label=label)
    write_picture(output, found.drawing)
    if as_json:
        facts = ("model", "pictures", "label", "probability", "similarity", "pairs", "evidence")
        said = {name: getattr(found, name) for name in facts}
        print_json({name: value for name, value in said.items() if value is not None} | {"drawing": output})
    else:
        out().print(f"{found}: drawn in {output}", markup=False)
