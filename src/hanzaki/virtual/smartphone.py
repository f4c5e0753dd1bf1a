"""Files as a smartphone writes them: JPEG with the time, the place and the way the phone was held."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image

UPRIGHT, TURNED = 1, 6
"""EXIF orientations: as stored, and stored lying on its left side (the phone was held upright)."""


@dataclass(frozen=True)
class Shot:
    """When and where a photograph was taken, and how the phone was held.

    Attributes:
        when: Local time at the stream, nine hours ahead of UTC; without a time zone, as in EXIF.
        latitude: Degrees north.
        longitude: Degrees east.
        orientation: EXIF orientation, `UPRIGHT` or `TURNED`.
    """

    when: datetime
    latitude: float
    longitude: float
    orientation: int


def write_jpeg(path: Path, image: npt.NDArray[np.uint8], shot: Shot, quality: int) -> None:
    """Writes a photograph.

    Args:
        path: The file; an older one is replaced.
        image: uint8 RGB (H, W, 3) as it is to be displayed; stored turned if the orientation says so.
        shot: What the phone knows about it.
        quality: JPEG quality, 1 to 95.
    """
    stored = np.rot90(image) if shot.orientation == TURNED else image
    Image.fromarray(np.ascontiguousarray(stored)).save(path, quality=quality, exif=_exif(shot))


def _exif(shot: Shot) -> Image.Exif:
    when = shot.when.strftime("%Y:%m:%d %H:%M:%S")
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Virtual"
    exif[ExifTags.Base.Model] = "Stream 1"
    exif[ExifTags.Base.Orientation] = shot.orientation
    exif[ExifTags.Base.DateTime] = when
    exif.get_ifd(ExifTags.IFD.Exif).update(
        {
            ExifTags.Base.DateTimeOriginal: when,
            ExifTags.Base.DateTimeDigitized: when,
            ExifTags.Base.OffsetTime: "+09:00",
            ExifTags.Base.OffsetTimeOriginal: "+09:00",
        }
    )
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {
            ExifTags.GPS.GPSLatitudeRef: "N",
            ExifTags.GPS.GPSLatitude: _sexagesimal(shot.latitude),
            ExifTags.GPS.GPSLongitudeRef: "E",
            ExifTags.GPS.GPSLongitude: _sexagesimal(shot.longitude),
        }
    )
    return exif


def _sexagesimal(degrees: float) -> tuple[float, float, float]:
    """Degrees, minutes and seconds to a hundredth, which is 30 cm."""
    hundredths = round(degrees * 360_000)
    minutes, seconds = divmod(hundredths, 6_000)
    return float(minutes // 60), float(minutes % 60), seconds / 100
