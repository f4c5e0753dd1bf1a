"""A video file decoded from one place on: what is wanted, in the order of time, and nothing that shows damage."""

from __future__ import annotations

import heapq
import re
from collections import deque
from collections.abc import Iterator
from copy import copy
from fractions import Fraction
from itertools import chain
from math import inf
from typing import Protocol

import av
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from hanzaki.media.container import Opened

_REORDERED = 32  # packets: no codec puts a frame more than 16 places before those that are shown earlier
_STEPS_BACK = (0.0, 1.0, 4.0, 16.0)  # seconds: a container may lead to a key frame later than was asked for
_PROGRESSIVE = (0, 1)  # field orders: unknown, progressive
_ONE_TO_ONE = ("h264", "hevc", "vp9", "libdav1d", "av1")  # what each packet of should give one frame
_SLICES = (1, 5)  # nal_unit_type of what holds pictures: the others describe
_NAL_UNIT = re.compile(rb"\x00\x00\x01(.)", re.DOTALL)


class Wanted(Protocol):
    """Which frames are wanted, asked in the order of time.

    Attributes:
        missed: the time of a frame that would have to come earlier than the one that was asked for.
    """

    missed: float | None

    def next(self) -> float | None:
        """The time from which on the next is wanted; None when there are no more."""

    def takes(self, seconds: float) -> bool:
        """Whether the frame of this time is wanted; each is asked for once."""


class Unsound(Exception):
    """From its key frame on, the video does not decode to what it decodes to from its beginning."""


class Run:
    """One run of the decoder through a video, from its beginning or from a key frame on.

    Attributes:
        key: the time stamp of the key frame from which it began; None from the beginning.
        first: the time stamp of the first frame that is wanted, by what the container says.
        broken: whether the file could not be read to its end.
    """

    def __init__(self, video: Opened, wanted: Wanted, since: float | None) -> None:
        self.video = video
        self.key: int | None = None
        self.first: int | None = None
        self.broken = False
        self._wanted = copy(wanted)
        self._needed: set[int] = set()
        # AVI stamps packets by the order of decoding, which is not that of the frames where those are reordered
        self._restamped = video.format == "AVI" and video.stream.codec_context.has_b_frames
        self._stamps: deque[int] = deque()
        context = video.stream.codec_context
        plain = context.field_order in _PROGRESSIVE and not self._restamped  # a field may be a packet of its own
        self._may_skip = plain and context.name == "h264"
        self._packets: Iterator[Packet[VideoStream]] = iter(())
        if since is not None and video.format == "AVI":
            raise Unsound  # its stamps count the packets before
        if self._restamped:
            context.thread_count = (
                1  # by such stamps it cannot be told what is made from damage, and threads differ
            )
        if since is None:
            self._packets = video.container.demux(video.stream)
        else:
            self._seek(since)
        self._trust = _Trust(self.key, plain and context.name in _ONE_TO_ONE)

    def __iter__(self) -> Iterator[tuple[int, VideoFrame]]:
        """Time stamps and frames, in the order of time."""
        for packet in self._planned():
            if packet.pts in self._needed or not self._may_skip or not is_disposable(packet):
                yield from self._decoded(packet)
        yield from self._decoded(None)
        yield from self._trust.finish()

    @property
    def damaged(self) -> int:
        """Frames that could not be decoded, or that are made from such, so far."""
        return self._trust.damaged

    def _seek(self, since: float) -> None:
        stamp = self.video.origin + round(Fraction(since) / self.video.unit)
        for back in _STEPS_BACK:
            goal = stamp - int(back / self.video.unit)
            try:
                self.video.container.seek(goal, stream=self.video.stream)
                packets = self.video.container.demux(self.video.stream)
                first = next(packets)
            except av.FFmpegError:
                continue
            if first.is_keyframe and first.pts is not None and first.pts <= stamp:
                self.key = first.pts
                self._packets = chain([first], packets)
                return
        raise Unsound

    def _planned(self) -> Iterator[Packet[VideoStream]]:
        """The packets in the order of decoding, each after it is known whether its frame is wanted."""
        waiting: deque[Packet[VideoStream]] = deque()
        stamps: list[int] = []
        for packet in self._demuxed():
            waiting.append(packet)
            if packet.pts is None or self._restamped:
                if self.key is not None:
                    raise Unsound
                self._may_skip = False
                self._stamps.append(packet.dts or 0)
            else:
                heapq.heappush(stamps, packet.pts)
            if len(waiting) > _REORDERED:
                yield self._judged(waiting.popleft(), stamps)
        while waiting:
            yield self._judged(waiting.popleft(), stamps)

    def _demuxed(self) -> Iterator[Packet[VideoStream]]:
        try:
            for packet in self._packets:
                if packet.size:  # those without bytes tell the decoder that all is over
                    yield packet
        except av.FFmpegError:
            self.broken = True

    def _judged(self, packet: Packet[VideoStream], stamps: list[int]) -> Packet[VideoStream]:
        while packet.pts is not None and stamps and stamps[0] <= packet.pts:
            stamp = heapq.heappop(stamps)
            if self._wanted.takes(self.video.seconds(stamp)):
                self._needed.add(stamp)
                self.first = stamp if self.first is None else self.first
        return packet

    def _decoded(self, packet: Packet[VideoStream] | None) -> Iterator[tuple[int, VideoFrame]]:
        if packet is not None and not self._restamped:
            self._trust.expect(packet)
        try:
            pictures = self.video.stream.decode(packet)
        except av.FFmpegError:
            self._trust.fail()
            return
        for picture in pictures:
            stamp = picture.pts
            if stamp is None or self._restamped:  # the packets' stamps are in order, and so are the frames
                stamp = self._stamps.popleft() if self._stamps else None
            if stamp is not None:
                self._needed.discard(stamp)
                yield from self._trust.judge(stamp, picture)


class _Trust:
    """Holds each frame back until all that it may be made from has come, and drops what is made from damage.

    What a decoder puts in the place of damage depends on what it decoded before, and is no picture of an animal.
    Damage is what the decoder notices: these formats have no checksums, and other bits inside of a packet may
    decode to another picture.

    Attributes:
        damaged: frames that did not come, came damaged, or were dropped.
    """

    def __init__(self, key: int | None, strict: bool) -> None:
        self.damaged = 0
        self._key = key
        self._strict = strict
        self._count = 0
        self._coming: dict[int, int] = {}  # time stamps of packets whose frames have not come, and their places
        self._held: deque[tuple[int, int, VideoFrame]] = deque()
        self._keys: deque[tuple[int, int]] = deque(maxlen=_REORDERED)
        self._bad: deque[tuple[int, int]] = deque(maxlen=_REORDERED)

    def expect(self, packet: Packet[VideoStream]) -> None:
        """Told of each packet that is decoded, in the order of decoding."""
        if packet.pts is None or packet.is_discard:
            return
        if packet.is_keyframe:
            self._keys.append((self._count, packet.pts))
        self._coming[packet.pts] = self._count
        self._count += 1

    def fail(self) -> None:
        """Told when the decoder refuses a packet; which one it is shows when its frame does not come."""
        self.damaged += not self._strict

    def judge(self, stamp: int, picture: VideoFrame) -> Iterator[tuple[int, VideoFrame]]:
        """Told of each frame that comes, in the order of time; gives those that have become certain."""
        place = self._coming.pop(stamp, -1)
        self._lose(before=stamp)
        if self._key is not None and stamp < self._key:
            return  # it is made from frames before the key frame, which were not read
        if picture.is_corrupt:
            self._spoil(place, stamp)
        else:
            self._held.append((stamp, place, picture))
        while self._held and not any(other < self._held[0][1] for other in self._coming.values()):
            yield from self._release()

    def finish(self) -> Iterator[tuple[int, VideoFrame]]:
        """Told that no more frames come; gives the rest."""
        self._lose(before=None)
        while self._held:
            yield from self._release()

    def _lose(self, before: int | None) -> None:
        for stamp in [stamp for stamp in self._coming if before is None or stamp < before]:
            place = self._coming.pop(stamp)
            if self._strict and (self._key is None or stamp >= self._key):
                self._spoil(place, stamp)

    def _spoil(self, place: int, stamp: int) -> None:
        self.damaged += 1
        self._bad.append((place, stamp))

    def _release(self) -> Iterator[tuple[int, VideoFrame]]:
        stamp, place, picture = self._held.popleft()
        # a key frame shown no later than this one cuts it off from all that was decoded, or is shown, before
        clean = next((key for key in reversed(self._keys) if key[0] <= place and key[1] <= stamp), (0, -inf))
        if any(clean[0] <= bad <= place and shown >= clean[1] for bad, shown in self._bad):
            self.damaged += 1
        else:
            yield stamp, picture


def is_disposable(packet: Packet[VideoStream]) -> bool:
    """Whether no other frame is made from an H.264 packet's: its nal_ref_idc is 0 (ITU-T H.264, 7.4.1).

    HEVC says as much only within a temporal layer, and the other codecs do not say it.
    """
    data = bytes(packet)
    extradata = packet.stream.codec_context.extradata or b""
    if extradata[:1] == b"\x01":  # NAL units with their lengths before them (ISO/IEC 14496-15, 5.3.3)
        size, place = (extradata[4] & 3) + 1, 0
        while place + size < len(data):
            if data[place + size] & 31 in _SLICES:
                return not data[place + size] & 96
            place += size + int.from_bytes(data[place : place + size])
        return False
    slices = (unit[1] for unit in _NAL_UNIT.finditer(data) if unit[1][0] & 31 in _SLICES)
    first = next(slices, None)
    return first is not None and not first[0] & 96
