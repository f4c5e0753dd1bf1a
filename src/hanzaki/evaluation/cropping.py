"""What of a table's row a model looks at."""

from __future__ import annotations

from pathlib import Path

from hanzaki.annotations import AnnotationRow
from hanzaki.errors import BadMedium
from hanzaki.media import Pixels, load_picture
from hanzaki.settings import settings
from hanzaki.vision.crop import crop


def read_crop(folder: Path, row: AnnotationRow, area_fraction: float = 1.0) -> Pixels:
    """Read a row's photograph, or frame of a video, and cut its animal out as the field does.

    Args:
        folder: that the table's paths start from.
        row: of the table.
        area_fraction: share of the animal's box that is kept.

    Returns:
        uint8 (h, w, 3).

    Raises:
        BadMedium: if it cannot be read, or the box lies outside of it.
    """
    path = folder / row.path
    image = load_picture(path, row.frame, settings().max_megapixels)
    try:
        return crop(image, row.bbox, area_fraction)
    except ValueError as error:
        raise BadMedium(path, str(error)) from error
