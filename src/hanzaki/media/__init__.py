"""Media: files to pixels, with time and place."""

from hanzaki.media.container import VIDEO_SUFFIX_OF, VIDEO_SUFFIXES, VideoFacts, inspect_video
from hanzaki.media.file import open_medium
from hanzaki.media.photo import SUFFIX_OF, SUFFIXES, PhotoFacts, Pixels, decode, inspect, read
from hanzaki.media.picture import load_picture
from hanzaki.media.video import Frame, FrameReader, frame_at, frames_at, read_frames

__all__ = [
    "SUFFIXES",
    "SUFFIX_OF",
    "VIDEO_SUFFIXES",
    "VIDEO_SUFFIX_OF",
    "Frame",
    "FrameReader",
    "PhotoFacts",
    "Pixels",
    "VideoFacts",
    "decode",
    "frame_at",
    "frames_at",
    "inspect",
    "inspect_video",
    "load_picture",
    "open_medium",
    "read",
    "read_frames",
]
