"""Python's door to the house: what ``import hanzaki`` offers beside the types."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hanzaki.fieldwork.fieldcatalogue import FieldCatalogue

if TYPE_CHECKING:
    from hanzaki.annotations import Annotations
    from hanzaki.evaluation.protocols import Progress, Result


def init(folder: Path | str) -> FieldCatalogue:
    """Make a catalogue in a new or empty folder.

    Raises:
        CatalogueError: if something is in the way.
    """
    return FieldCatalogue.init(folder)


def open(folder: Path | str) -> FieldCatalogue:  # noqa: A001 - `hanzaki.open` is the name users expect
    """Open a catalogue.

    Raises:
        CatalogueError: if there is none, or it was made by a newer hanzaki.
    """
    return FieldCatalogue.open(folder)


def evaluate(
    table: Path | str | Annotations,
    *,
    model: Path | str = "sift",
    group: str | None = None,
    progress: Progress | None = None,
) -> Result:
    """How well a model tells a table's individuals apart: one against all, within species and side.

    Args:
        table: an annotation table, or the CSV file of one.
        model: ``sift`` or a model folder.
        group: a column to give results by as well, as ``orientation``.
        progress: told how far it is.

    Raises:
        TableError: if the table cannot be read.
        SettingError: if it has no such column to group by.
        ModelError: if there is no such model.
    """
    from hanzaki.annotations import Annotations
    from hanzaki.evaluation.protocols import evaluate as run
    from hanzaki.exchange.identity_csv import read_identity_csv
    from hanzaki.settings import settings
    from hanzaki.vision.describing import load_describer

    annotations = table if isinstance(table, Annotations) else read_identity_csv(table)
    describer = load_describer(model, settings().runtime, settings().threads)
    return run(annotations, describer, group=group, progress=progress)
