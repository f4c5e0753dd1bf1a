"""Video containers: what a clip says of itself, and whether its end is there."""

from __future__ import annotations

import math
import re
import struct
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.buffer import Buffer
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from hanzaki.errors import BadMedium
from hanzaki.media.file import open_medium

#: File endings that a folder is searched for.
VIDEO_SUFFIXES = frozenset(
    {
        ".mp4",
        ".m4v",
        ".mov",
        ".3gp",
        ".3g2",
        ".avi",
        ".mkv",
        ".webm",
        ".mts",
        ".m2ts",
        ".ts",
        ".mpg",
        ".mpeg",
        ".wmv",
    }
)

#: The ending under which each format is kept, so that the same bytes are one file whatever their names were.
VIDEO_SUFFIX_OF = {
    "MP4": ".mp4",
    "MOV": ".mov",
    "3GP": ".3gp",
    "AVI": ".avi",
    "MKV": ".mkv",
    "WEBM": ".webm",
    "MTS": ".mts",
    "MPEG": ".mpg",
    "WMV": ".wmv",
}

_FORMATS = {"mov": "MP4", "matroska": "MKV", "avi": "AVI", "mpegts": "MTS", "mpeg": "MPEG", "asf": "WMV"}

# playlists and the like are not opened: they would lead FFmpeg to other files and to the network
_OPTIONS = {"format_whitelist": ",".join(_FORMATS), "protocol_whitelist": "file"}

_HEAD = 64  # bytes: where the container says what it is
_MEGA = 1_000_000
_SLACK = 1.0  # seconds by which sound may outlast the picture without the picture being cut short
_TAIL = 5.0  # seconds that are read at the end where the container has no index of all frames
_OLDEST = 1990  # earlier years are the zero of a clock that was never set
_COMMON_ASPECT = (Fraction(1, 4), Fraction(4))

Matrix = tuple[int, int, int, int]


@dataclass(frozen=True)
class VideoFacts:
    """What a video says of itself.

    Attributes:
        format: of the container, one of :data:`VIDEO_SUFFIX_OF`, as ``MOV``.
        width, height: pixels as displayed (turned as the phone was held, pixels made square).
        seconds: how long the readable part of it lasts.
        rate: average frames a second.
        codec: FFmpeg's name of how it is compressed, as ``h264``.
        taken_at: when it was begun, by the clock that ``utc_offset`` tells of. iPhones write local time with its
            zone. Most other cameras write universal time only (``creation_time``), from which the local hour
            cannot be known: then this is universal time and ``utc_offset`` is 0, so that the instant is right and
            whoever knows the site's zone can shift it. (Cameras that know no zone write their local time as if
            it were universal; nothing in the file tells.) Where a time is written without a zone it is local.
        utc_offset: minutes ahead of UTC; None where the file names no zone.
        latitude, longitude: degrees, WGS 84.
        camera: maker and model, or the phone's system where no more is written.
        trouble: what is wrong with a video of which a part can be read, as "truncated after 3.2 of 10.0 seconds".
    """

    format: str
    width: int
    height: int
    seconds: float
    rate: float
    codec: str
    taken_at: datetime | None = None
    utc_offset: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    camera: str | None = None
    trouble: str | None = None


@dataclass(frozen=True)
class Opened:
    """A video file that is being read.

    Attributes:
        origin: the time stamp of the stream's start, in units of ``stream.time_base``.
        head: the file's first bytes.
    """

    path: Path
    container: InputContainer
    stream: VideoStream
    format: str
    origin: int
    head: bytes

    @property
    def unit(self) -> Fraction:
        """Seconds in one step of the time stamps."""
        return self.stream.time_base or Fraction(1, av.time_base)

    def seconds(self, stamp: int) -> float:
        """Presentation time of a time stamp, from the stream's start."""
        return float((stamp - self.origin) * self.unit)

    def declared(self) -> float | None:
        """Seconds that the file says to last."""
        if self.format == "AVI" and len(self.head) >= 52:
            # FFmpeg measures it by the file's size; the main header counts frames, be they there or not
            microseconds, frames = struct.unpack_from("<I12xI", self.head, 32)
            return float(microseconds * frames) / 1e6 if self.head[24:28] == b"avih" else None
        if self.stream.duration:
            return float(self.stream.duration * self.unit)
        return self.container.duration / av.time_base if self.container.duration else None


@contextmanager
def opened(path: Path, max_megapixels: float) -> Iterator[Opened]:
    """Open a video's best stream of pictures.

    Raises:
        BadMedium: if the file is missing, empty, no video, without pictures, never finished, or if one of its
            frames unpacks to more than ``max_megapixels``.
    """
    head = _head(path)
    try:
        container = av.open(str(path.absolute()), "r", options=_OPTIONS, metadata_errors="replace")
    except (av.FFmpegError, ValueError, MemoryError) as error:
        raise _unopened(path, head) from error
    with container:
        stream = _stream(container, path)
        if stream.codec_context.width * stream.codec_context.height > max_megapixels * _MEGA:
            size = f"{stream.codec_context.width} x {stream.codec_context.height}"
            raise BadMedium(path, f"a decompression bomb: frames of {size} pixels")
        yield Opened(path, container, stream, _format(container, head), stream.start_time or 0, head)


def inspect_video(path: Path, max_megapixels: float) -> VideoFacts:
    """Read a video's facts, decode its first frame, and see whether its end is there.

    Only as much is read as that needs: damage in the midst of a video shows when it is read through
    (:attr:`hanzaki.media.video.FrameReader.trouble`).

    Args:
        path: the video.
        max_megapixels: a video of which one frame unpacks to more is refused.

    Raises:
        BadMedium: as :func:`opened`, and if no frame can be decoded.
    """
    with opened(path, max_megapixels) as video:
        first = _first_frame(video)
        readable, trouble = _extent(video)
        width, height = displayed_size(first, aspect(video.stream), display_matrix(first))
        tags = _tags(video)
        taken_at, utc_offset = _time(tags)
        latitude, longitude = _place(tags)
        return VideoFacts(
            format=video.format,
            width=width,
            height=height,
            seconds=readable,
            rate=_rate(video.stream),
            codec=video.stream.codec_context.codec.canonical_name,
            taken_at=taken_at,
            utc_offset=utc_offset,
            latitude=latitude,
            longitude=longitude,
            camera=_camera(tags),
            trouble=trouble,
        )


def aspect(stream: VideoStream) -> Fraction:
    """How many times as wide as high one pixel is to be shown; 1 unless the camera squeezed the picture."""
    ratio = stream.sample_aspect_ratio
    return ratio if ratio and _COMMON_ASPECT[0] <= ratio <= _COMMON_ASPECT[1] else Fraction(1)


def display_matrix(frame: VideoFrame) -> Matrix:
    """Where the frame's axes go when it is displayed: x' = a x + c y, y' = b x + d y; as (a, b, c, d).

    A frame that was asked for its side data is kept until Python's collector finds it: ask one frame of a video.
    """
    try:
        data = cast(Mapping[str, Buffer], frame.side_data).get("DISPLAYMATRIX")
    except ValueError:  # among the side data is some that PyAV has no name for
        turn = math.radians(frame.rotation)
        cosine, sine = round(math.cos(turn)), round(math.sin(turn))
        return cosine, -sine, sine, cosine
    if data is None:
        return 1, 0, 0, 1
    a, b, _, c, d = struct.unpack_from("=5i", bytes(data))  # rows of (a b u), (c d v), (x y w)
    return a, b, c, d


def is_sideways(matrix: Matrix) -> bool:
    """Whether width and height change places when the frame is displayed."""
    return abs(matrix[1]) > abs(matrix[0])


def displayed_size(frame: VideoFrame, pixel_aspect: Fraction, matrix: Matrix) -> tuple[int, int]:
    """Width and height of the frame as displayed."""
    width, height = max(1, round(frame.width * pixel_aspect)), frame.height
    return (height, width) if is_sideways(matrix) else (width, height)


def end_trouble(video: Opened, reached: float) -> str | None:
    """What to say of a video of which ``reached`` seconds can be read; None if that is all of it."""
    declared = video.declared()
    cut = _missing_end(video)
    if cut is None and (declared is None or _has_index(video) or declared - reached <= _SLACK):
        return None
    reached = reached if cut is None else cut
    return f"truncated after {reached:.1f} of {max(reached, declared or 0.0):.1f} seconds"


def _has_index(video: Opened) -> bool:
    """Whether the container tells where each frame lies."""
    return video.format in ("MP4", "MOV", "3GP") and len(video.stream.index_entries) > 0


def _missing_end(video: Opened) -> float | None:
    """Seconds after which the frames that the container's index lists lie beyond the end of the file.

    None if all are there, or if the container has no such index.
    """
    index = video.stream.index_entries
    size = video.path.stat().st_size
    if not _has_index(video) or index[-1].pos + index[-1].size <= size:
        return None
    # frames lie in the file in the order of the index
    whole = bisect_right(range(len(index)), size, key=lambda entry: index[entry].pos + index[entry].size)
    return max(0.0, video.seconds(index[min(whole, len(index) - 1)].timestamp))


def _head(path: Path) -> bytes:
    with open_medium(path, "video") as file:
        return file.read(_HEAD)


def _unopened(path: Path, head: bytes) -> BadMedium:
    if head[4:8] in (b"ftyp", b"wide", b"mdat", b"free", b"skip"):
        if _has_box(path, b"moov"):
            return BadMedium(path, "damaged: its index cannot be read")
        return BadMedium(
            path,
            "truncated: the recording was never finished or copied to its end (it has no index); "
            "copy it again, or let the camera's own app repair it",
        )
    if head.startswith((b"\x1aE\xdf\xa3", b"RIFF", b"0&\xb2u")) or head[4:8] == b"moov":
        return BadMedium(path, "truncated or damaged: it begins like a video")
    return BadMedium(path, "not a video, or of a format that hanzaki does not read")


def _has_box(path: Path, name: bytes) -> bool:
    """Whether an ISO base media file holds a box of that name at its top level (ISO/IEC 14496-12, 4.2)."""
    with path.open("rb") as file:
        while len(header := file.read(16)) >= 8:
            length, box = struct.unpack(">I4s", header[:8])
            if box == name:
                return True
            if length == 1 and len(header) == 16:
                length = struct.unpack(">Q", header[8:])[0]
            if length < 8:
                return False
            file.seek(length - len(header), 1)
    return False


def _stream(container: InputContainer, path: Path) -> VideoStream:
    covers = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    streams = [stream for stream in container.streams.video if not stream.disposition & covers]
    if not streams:
        raise BadMedium(path, "holds no moving pictures (sound only)" if container.streams.audio else "no video")
    decodable = [stream for stream in streams if stream.codec_context is not None]
    if not decodable:
        raise BadMedium(path, "compressed in a way that cannot be decoded here")
    return max(decodable, key=lambda stream: stream.codec_context.width * stream.codec_context.height)


def _format(container: InputContainer, head: bytes) -> str:
    name = _FORMATS[next(known for known in container.format.name.split(",") if known in _FORMATS)]
    if name == "MP4":
        brand = container.metadata.get("major_brand", "qt")  # before there were brands there was QuickTime
        return "MOV" if brand.startswith("qt") else "3GP" if brand.startswith("3g") else "MP4"
    return "WEBM" if name == "MKV" and b"webm" in head else name


def _first_frame(video: Opened) -> VideoFrame:
    video.stream.codec_context.thread_count = 1  # threads would wait for more packets than the one that is needed
    try:
        for packet in video.container.demux(video.stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            if frames:
                return frames[0]
    except av.FFmpegError:
        pass
    raise BadMedium(video.path, "damaged: none of its frames can be decoded")


def _extent(video: Opened) -> tuple[float, str | None]:
    """How many seconds can be read, and what is wrong if not all."""
    declared = video.declared() or 0.0
    cut = _missing_end(video)
    reached = _last_second(video, declared) if cut is None else cut
    trouble = end_trouble(video, reached)
    return (reached if trouble else max(reached, declared)), trouble


def _last_second(video: Opened, declared: float) -> float:
    """Where the last frame's time ends, read from shortly before the end that is declared."""
    since = max(0.0, declared - _TAIL)
    for start in (since, 0.0):
        try:
            video.container.seek(video.origin + int(start / video.unit), stream=video.stream)
            stamps = [
                (stamp if (stamp := packet.pts) is not None else packet.dts or 0) + (packet.duration or 0)
                for packet in video.container.demux(video.stream)
                if packet.size
            ]
        except av.FFmpegError:
            continue
        if stamps:
            return video.seconds(max(stamps))
    return 0.0


def _rate(stream: VideoStream) -> float:
    rate = stream.average_rate or stream.guessed_rate
    return float(rate) if rate else 0.0


def _tags(video: Opened) -> Mapping[str, str]:
    tags = {**video.stream.metadata, **video.container.metadata}
    return {key.lower(): value.strip("\0 ") for key, value in tags.items()}


def _time(tags: Mapping[str, str]) -> tuple[datetime | None, int | None]:
    for key in ("com.apple.quicktime.creationdate", "creation_time", "date"):
        try:
            time = datetime.fromisoformat(tags.get(key, ""))
        except ValueError:
            continue
        if time.year < _OLDEST or len(tags[key]) < len("2022-08-20T18:05"):
            continue  # a year or a day alone is no time
        offset = time.utcoffset()
        minutes = None if offset is None else round(offset.total_seconds() / 60)
        return time.replace(tzinfo=None, microsecond=0), minutes
    return None, None


_ISO6709 = re.compile(r"([+-])(\d{2,6}(?:\.\d+)?)([+-])(\d{3,7}(?:\.\d+)?)")


def _place(tags: Mapping[str, str]) -> tuple[float | None, float | None]:
    """Latitude and longitude of an ISO 6709 string, as ``+34.5100-132.4000+250/``."""
    for key in ("com.apple.quicktime.location.iso6709", "location", "location-eng"):
        found = _ISO6709.match(tags.get(key, ""))
        if found is None:
            continue
        latitude = _degrees(found[1], found[2], 2)
        longitude = _degrees(found[3], found[4], 3)
        if abs(latitude) <= 90 and abs(longitude) <= 180 and (latitude, longitude) != (0, 0):
            return latitude, longitude  # 0, 0 is what a phone writes before its first fix
    return None, None


def _degrees(sign: str, digits: str, width: int) -> float:
    """Degrees of DD.D, DDMM.M or DDMMSS.S; longitudes have a digit more."""
    whole, _, fraction = digits.partition(".")
    parts = [whole[:width], *re.findall("..", whole[width:])]
    values = [float(part) for part in parts]
    values[-1] += float(f"0.{fraction or 0}")
    angle = math.fsum(value / 60**power for power, value in enumerate(values))
    return -angle if sign == "-" else angle


def _camera(tags: Mapping[str, str]) -> str | None:
    makers = ("com.apple.quicktime.make", "com.android.manufacturer", "make")
    models = ("com.apple.quicktime.model", "com.android.model", "model")
    maker = next((tags[key] for key in makers if tags.get(key)), "")
    model = next((tags[key] for key in models if tags.get(key)), "")
    if model.lower().startswith(maker.lower()):
        maker = ""
    system = f"Android {tags['com.android.version']}" if tags.get("com.android.version") else ""
    return f"{maker} {model}".strip() or system or None
