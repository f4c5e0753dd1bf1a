"""A picture by its file and, where that is a video, its moment: what an annotation points to."""

from __future__ import annotations

from pathlib import Path

from hanzaki.media.photo import Pixels, decode, read
from hanzaki.media.video import frame_at


def load_picture(path: Path, frame: float | None, max_megapixels: float) -> Pixels:
    """The pixels that an annotation points to.

    Args:
        path: a photograph's or a video's file.
        frame: seconds from the video's start; None for a photograph.
        max_megapixels: what unpacks to more is refused.

    Returns:
        uint8 (H, W, 3), RGB, as displayed.

    Raises:
        BadMedium: if the file cannot be read, or has no such frame.
    """
    if frame is None:
        return decode(read(path), path, max_megapixels)
    return frame_at(path, frame, max_megapixels)
