"""Video files as a smartphone writes them: H.264 in MP4 with time, place and the way the phone was held."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.virtual.smartphone import TURNED, Shot

Bytes = npt.NDArray[np.uint8]

_AHEAD_OF_UTC = timedelta(hours=9)
_TO_BE_TURNED = -90.0  # degrees counterclockwise that a player has to turn what is stored lying on its left side


def write_mp4(path: Path, frames: Iterable[Bytes], size: tuple[int, int], rate: int, shot: Shot) -> None:
    """Writes a video whole or not at all, whenever the program is stopped.

    Args:
        path: The file; an older one is replaced.
        frames: uint8 RGB (H, W, 3) each, as they are to be displayed.
        size: Width and height as displayed: even numbers.
        rate: Frames a second.
        shot: What the phone knows; with the orientation `TURNED` the frames are stored lying on their left side,
            and a display matrix says how they are to be turned.
    """
    turned = shot.orientation == TURNED
    part = path.with_suffix(".part")
    options = {"movflags": "use_metadata_tags+faststart", "fflags": "+bitexact"}
    with av.open(str(part), "w", format="mp4", options=options) as container:
        container.metadata.update(_metadata(shot))
        stream = container.add_stream("libx264", rate=Fraction(rate), options={"preset": "ultrafast", "crf": "21"})
        stream.width, stream.height = size[::-1] if turned else size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1  # the same bytes on every machine
        if turned:
            stream.set_display_rotation(_TO_BE_TURNED)
        for number, frame in enumerate(frames):
            stored = cv2.rotate(frame, cv2.ROTATE_90_COUNTERCLOCKWISE) if turned else frame
            planes = np.asarray(cv2.cvtColor(stored, cv2.COLOR_RGB2YUV_I420), np.uint8)
            packed = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            packed.pts, packed.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(packed))
        container.mux(stream.encode())
    part.replace(path)


def _metadata(shot: Shot) -> dict[str, str]:
    """What phones write: Apple's keys with local time, and the creation time in UTC that every MP4 has."""
    return {
        "creation_time": (shot.when - _AHEAD_OF_UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
        "com.apple.quicktime.creationdate": shot.when.strftime("%Y-%m-%dT%H:%M:%S+0900"),
        "com.apple.quicktime.location.ISO6709": f"{shot.latitude:+09.5f}{shot.longitude:+010.5f}/",
        "com.apple.quicktime.make": "Virtual",
        "com.apple.quicktime.model": "Stream 1",
    }
