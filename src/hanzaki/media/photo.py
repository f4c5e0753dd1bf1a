"""Photographs: bytes to pixels, with time, place and camera."""

from __future__ import annotations

import io
import math
import os
import struct
import warnings
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pillow_heif
from PIL import ExifTags, Image, UnidentifiedImageError

from hanzaki.errors import BadMedium
from hanzaki.media.file import open_medium

Image.init()  # all of Pillow's plug-ins: by itself it loads some of them only after others have failed
pillow_heif.register_heif_opener()

#: File endings that a folder is searched for.
SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".webp", ".tif", ".tiff", ".heic", ".heif"})

#: The ending under which each format is kept, so that the same bytes are one file whatever their names were.
SUFFIX_OF = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "TIFF": ".tif", "HEIF": ".heic"}

#: What Pillow may open. JPEG includes MPO, which is how phones write one with a depth or gain map behind it.
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "HEIF")

_LARGEST = 2 << 30  # bytes
_MEGA = 1_000_000
_VERIFYING_SIZE = (64, 64)  # JPEG can be decoded at an eighth of its size, which still reads every byte

#: How a picture is turned to stand as it was seen, by its EXIF orientation.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = frozenset({5, 6, 7, 8})

_SIGNS_OF_TRUNCATION = ("truncated", "end of file", "premature", "broken data", "too short", "decoder object")

_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"II*\0", b"MM\0*")

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class PhotoFacts:
    """What a photograph says of itself.

    Attributes:
        format: Pillow's name of the format, as ``JPEG``.
        width, height: pixels as displayed (EXIF orientation applied).
        taken_at: by the camera's clock, which is local time.
        utc_offset: minutes ahead of UTC, where the camera wrote it.
        latitude, longitude: degrees, WGS 84.
        camera: maker and model.
    """

    format: str
    width: int
    height: int
    taken_at: datetime | None = None
    utc_offset: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    camera: str | None = None


def inspect(data: bytes, path: Path | str, max_megapixels: float) -> PhotoFacts:
    """Read a photograph's facts, and make sure that all of it can be decoded.

    Args:
        data: the whole file.
        path: its name, for messages only.
        max_megapixels: a photograph that unpacks to more is refused.

    Raises:
        BadMedium: if it is empty, truncated, damaged, not an image, or a decompression bomb.
    """
    with _opened(data, path, max_megapixels) as image:
        width, height = image.size
        image.draft(None, _VERIFYING_SIZE)
        _load(image, path)
        exif = _exif(image)
        if _orientation(exif) in _SIDEWAYS:
            width, height = height, width
        taken_at, utc_offset = _time(exif)
        latitude, longitude = _place(exif)
        return PhotoFacts(
            image.format or "",
            width,
            height,
            taken_at,
            utc_offset,
            latitude,
            longitude,
            _camera(exif),
        )


def decode(data: bytes, path: Path | str, max_megapixels: float) -> Pixels:
    """Decode a photograph as it is displayed.

    Returns:
        uint8 (H, W, 3), RGB, EXIF orientation applied; transparency is laid on white.

    Raises:
        BadMedium: as :func:`inspect`.
    """
    with _opened(data, path, max_megapixels) as image:
        _load(image, path)
        turn = _TURNS.get(_orientation(_exif(image)))
        return np.asarray(_to_rgb(image if turn is None else image.transpose(turn)))


def read(path: Path) -> bytes:
    """All bytes of a file.

    Raises:
        BadMedium: if it is missing, empty, unreadable or no file.
    """
    with open_medium(path, "photograph") as file:
        if os.fstat(file.fileno()).st_size > _LARGEST:
            raise BadMedium(path, f"larger than {_LARGEST >> 30} GB: no photograph")
        return file.read()


def _opened(data: bytes, path: Path | str, max_megapixels: float) -> Image.Image:
    if not data:
        raise BadMedium(path, "empty: the file has no bytes")
    # Pillow's own guard is for 179 megapixels, which a phone of today exceeds: raised, never switched off
    Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS or 0, int(max_megapixels * _MEGA))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError:
        if data.startswith(_BEGINNINGS) or data[4:8] == b"ftyp":
            raise BadMedium(path, "truncated or damaged: it begins like a photograph") from None
        raise BadMedium(path, "not an image, or of a format that hanzaki does not read") from None
    except Image.DecompressionBombError:
        raise BadMedium(path, f"a decompression bomb: more than {max_megapixels:g} megapixels") from None
    except Exception as error:  # a damaged header surfaces as anything from KeyError to struct.error
        raise _unreadable(path, error) from error
    if image.width * image.height > max_megapixels * _MEGA:
        image.close()
        raise BadMedium(path, f"a decompression bomb: {image.width} x {image.height} pixels")
    return image


def _load(image: Image.Image, path: Path | str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image.load()
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error ...
        raise _unreadable(path, error) from error


def _unreadable(path: Path | str, error: Exception) -> BadMedium:
    text = str(error).lower()
    if any(sign in text for sign in _SIGNS_OF_TRUNCATION):
        return BadMedium(path, "truncated: the file ends too early")
    return BadMedium(path, f"damaged: {error}")


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        # 16-bit and float greys: convert() would clip all but the lowest 256 values
        values = np.asarray(image, dtype=np.float32)
        low, high = float(values.min()), float(values.max())
        scaled = (values - low) * (255.0 / (high - low)) if high > low else np.zeros_like(values)
        return Image.fromarray(scaled.round().astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _exif(image: Image.Image) -> Image.Exif:
    """The picture's EXIF; nothing where it is damaged, which is no reason to doubt the picture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exif = image.getexif()
            for part in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
                exif.get_ifd(part)  # parsed here once, so that damage shows here
            return exif
    except Exception:  # Pillow raises whatever the damage leads to
        return Image.Exif()


def _orientation(exif: Image.Exif) -> int:
    value = exif.get(ExifTags.Base.Orientation)
    return value if isinstance(value, int) else 1


def _time(exif: Image.Exif) -> tuple[datetime | None, int | None]:
    details = exif.get_ifd(ExifTags.IFD.Exif)
    text = details.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)
    try:
        taken_at = datetime.strptime(str(text).strip("\0 ")[:19], "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None, None  # "0000:00:00 00:00:00" is how a camera says that its clock was never set
    offset = str(details.get(ExifTags.Base.OffsetTimeOriginal, "")).strip("\0 ")
    try:
        aware = datetime.strptime(offset, "%z").utcoffset()
    except ValueError:
        aware = None
    return taken_at, None if aware is None else round(aware.total_seconds() / 60)


def _place(exif: Image.Exif) -> tuple[float | None, float | None]:
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    latitude = _degrees(gps.get(ExifTags.GPS.GPSLatitude), gps.get(ExifTags.GPS.GPSLatitudeRef), "S", 90)
    longitude = _degrees(gps.get(ExifTags.GPS.GPSLongitude), gps.get(ExifTags.GPS.GPSLongitudeRef), "W", 180)
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):
        return None, None  # 0, 0 is what a phone writes before its first fix
    return latitude, longitude


def _degrees(value: Any, reference: Any, negative: str, limit: float) -> float | None:
    try:
        degrees, minutes, seconds = (float(part) for part in value)
    except (TypeError, ValueError, ZeroDivisionError, struct.error):
        return None
    angle = degrees + minutes / 60 + seconds / 3600
    if not math.isfinite(angle) or angle > limit:
        return None
    return -angle if str(reference).strip("\0 ").upper() == negative else angle


def _camera(exif: Image.Exif) -> str | None:
    maker = str(exif.get(ExifTags.Base.Make, "")).strip("\0 ")
    model = str(exif.get(ExifTags.Base.Model, "")).strip("\0 ")
    if model.lower().startswith(maker.lower()):
        maker = ""
    return f"{maker} {model}".strip() or None
