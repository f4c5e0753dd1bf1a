"""The truth about a photograph, pixel by pixel: where the head is, and where its dark markings are.

A mask is a PNG of two channels, grey and opacity, in a folder ``masks`` beside that of the photographs:
``masks/IMG_0001.png`` is of ``photographs/IMG_0001.jpg``. It is as large as the photograph is displayed. It
follows the animal's pose, the phone's place and tilt, and the water's refraction; what the lens blurs, or the sky
hides, or the dark swallows, is in it all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from hanzaki.errors import BadMedium
from hanzaki.virtual.rendering import DARK, ON_HEAD, Photograph

Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

FOLDER = "masks"
"""Where masks lie, beside the folder of the photographs."""


@dataclass(frozen=True, eq=False)
class SpotMask:
    """Where a photograph shows the head and its dark markings.

    Attributes:
        darkness: uint8 (H, W), of the photograph as displayed: how much of a pixel is a dark marking of the head,
            from 0 (none, and everywhere beside the head) to 255 (black). Blotches have soft edges and fade.
        head: uint8 (H, W), how much of a pixel is head, 0 to 255.
    """

    darkness: Bytes
    head: Bytes

    @classmethod
    def of(cls, picture: Photograph) -> SpotMask:
        """The mask of a photograph that has just been taken."""
        head, pattern = cv2.split(picture.truth)
        return cls(np.asarray(cv2.multiply(pattern, head, scale=1 / 255), np.uint8), np.asarray(head, np.uint8))

    @property
    def spots(self) -> Bools:
        """Bool (H, W): the dark markings, half as dark as they get or darker."""
        return np.asarray(self.silhouette & (self.darkness >= DARK))

    @property
    def silhouette(self) -> Bools:
        """Bool (H, W): the head."""
        return np.asarray(self.head >= ON_HEAD)


def mask_path(photograph: Path) -> Path:
    """Where the mask of a photograph lies, whether there is one or not."""
    return photograph.parent.parent / FOLDER / f"{photograph.stem}.png"


def write_mask(photograph: Path, picture: Photograph) -> None:
    """Writes a photograph's mask, whole or not at all; an older one is replaced.

    Args:
        photograph: The photograph's file.
        picture: What it shows.
    """
    path, mask = mask_path(photograph), SpotMask.of(picture)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    Image.fromarray(np.dstack([mask.darkness, mask.head])).save(part, "PNG")
    part.replace(path)


def read_mask(photograph: Path) -> SpotMask:
    """Reads a photograph's mask.

    Args:
        photograph: The photograph's file.

    Raises:
        BadMedium: If it has none, or one that cannot be read.
    """
    path = mask_path(photograph)
    try:
        with Image.open(path) as image:
            if image.mode != "LA":
                raise BadMedium(
                    path, f"is no mask of spots: it has the channels {image.mode}, not grey and opacity"
                )
            channels = np.asarray(image, np.uint8)
    except FileNotFoundError:
        reason = "there is no such mask of spots; write it with `hanzaki virtual --masks` and the same settings"
        raise BadMedium(path, reason) from None
    except (OSError, SyntaxError) as error:  # Pillow's word for a PNG that is broken
        raise BadMedium(path, f"cannot be read as a mask of spots ({error})") from error
    return SpotMask(channels[..., 0], channels[..., 1])
