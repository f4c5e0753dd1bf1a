"""How large photographs are: what formats whose boxes are shares of the picture cannot do without."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable
from pathlib import Path

import pillow_heif
from PIL import ExifTags, Image

from hanzaki.errors import BadMedium

pillow_heif.register_heif_opener()

#: File endings of photographs. They are those of ``hanzaki.media``, which rooms do not import; a test holds it.
SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".webp", ".tif", ".tiff", ".heic", ".heif"})

#: Gives width and height, in pixels as displayed, of the photograph or video at a path, or raises BadMedium.
Sizes = Callable[[Path], tuple[int, int]]

_SIDEWAYS = frozenset({5, 6, 7, 8})  # EXIF orientations that make width of height


def displayed_size(path: Path) -> tuple[int, int]:
    """Width and height of a photograph in pixels as displayed (EXIF orientation applied).

    Only the file's beginning is read. Videos are for a function of the caller's own.

    Raises:
        BadMedium: if it is missing, or no photograph that can be opened.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large pictures and crooked EXIF: nothing is unpacked here
            with Image.open(path) as image:
                width, height = image.size
                turns = image.format != "TIFF"  # of these, Pillow gives the size as displayed
                sideways = turns and image.getexif().get(ExifTags.Base.Orientation) in _SIDEWAYS
    except FileNotFoundError:
        raise BadMedium(path, "no such file") from None
    except (OSError, ValueError, SyntaxError, TypeError, struct.error, Image.DecompressionBombError) as error:
        raise BadMedium(path, "not a photograph whose size can be read") from error
    return (height, width) if sideways else (width, height)


def first_there(candidates: list[Path]) -> Path:
    """The first of these files that is there, or else the first of them."""
    for candidate in candidates:
        try:
            if candidate.is_file():
                return candidate
        except (OSError, ValueError):  # a name that no file can have
            continue
    return candidates[0]


def path_from(folder: Path, picture: Path) -> str:
    """The text by which a table in ``folder`` names a picture: relative where it lies below."""
    try:
        return picture.relative_to(folder).as_posix()
    except ValueError:
        return picture.absolute().as_posix()
