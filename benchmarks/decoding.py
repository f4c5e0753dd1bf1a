"""Reading a phone's video at 10 frames a second beside ``ffmpeg`` decoding it and throwing it away, the limit."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import av
import numpy as np

from benchmarks.apart import run_apart

TITLE = "Reading 20 seconds of 1080p video (30 frames a second, H.264, 15 Mbit/s) at 10 frames a second"
SECONDS, RATE, SIZE = 20, 30, (1920, 1080)
MEGAPIXELS = 256.0
THREADS = 2
THUMBNAIL = 512
TIMES = 3  # each is timed so often, and the fastest counts


def run() -> tuple[list[str], list[list[str]]]:
    """Decode alone, read full frames, read thumbnails, find ten frames again, and inspect."""
    if shutil.which("ffmpeg") is None:
        raise SystemExit("this benchmark compares with ffmpeg: install it")
    with tempfile.TemporaryDirectory() as place:
        phone, reordered = Path(place) / "phone.mp4", Path(place) / "reordered.mp4"
        _write(phone, {"bf": "0"})
        _write(reordered, {"bf": "3"})
        rows = [*_rows(phone, "as phones store"), *_rows(reordered, "frames reordered")]
    return ["", "clip", "seconds of video / s", "time / decode alone", "peak MB"], rows


def _rows(clip: Path, name: str) -> Iterator[list[str]]:
    limit = min(decode_alone(clip) for _ in range(TIMES))
    yield ["ffmpeg decodes alone (the limit)", name, f"{SECONDS / limit:.1f}", "1.00", ""]
    for what, work in (
        ("read_frames, full pixels", _read_full),
        (f"read_frames, {THUMBNAIL} pixels long", _read_small),
        ("frames_at, 10 frames", _find),
        ("inspect_video", _inspect),
    ):
        taken = min((run_apart(work, clip) for _ in range(TIMES)), key=lambda taken: taken.value)
        yield [what, name, f"{SECONDS / taken.value:.1f}", f"{taken.value / limit:.2f}", f"{taken.peak_mb:.0f}"]


def _write(path: Path, options: dict[str, str]) -> None:
    rng = np.random.default_rng(0)
    width, height = SIZE
    coarse = av.VideoFrame.from_ndarray(rng.integers(40, 215, (270, 480, 3), dtype=np.uint8), format="rgb24")
    ground = coarse.to_ndarray(width=width + 640, height=height + 320, format="rgb24").astype(np.int16)
    grain = rng.normal(0, 4, (height + 64, width + 64, 1)).astype(np.int16)
    with av.open(str(path), "w") as container:
        given = {"preset": "superfast", "b": "15M", "maxrate": "17M", "bufsize": "15M", "g": "30", **options}
        stream = container.add_stream("libx264", rate=RATE, options=given)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(SECONDS * RATE):
            left, top = number, number // 2
            row, column = rng.integers(0, 64, 2)
            seen = (
                ground[top : top + height, left : left + width]
                + grain[row : row + height, column : column + width]
            )
            frame = av.VideoFrame.from_ndarray(np.clip(seen, 0, 255).astype(np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def decode_alone(clip: Path) -> float:
    """Seconds that ``ffmpeg`` takes to decode a clip and throw it away."""
    words = ["ffmpeg", "-v", "error", "-threads", str(THREADS), "-i", str(clip), "-map", "0:v", "-f", "null", "-"]
    begun = perf_counter()
    subprocess.run(words, check=True)
    return perf_counter() - begun


def _read_full(clip: Path) -> float:
    return _read(clip, None)


def _read_small(clip: Path) -> float:
    return _read(clip, THUMBNAIL)


def _read(clip: Path, longest_side: int | None) -> float:
    from hanzaki.media import read_frames

    begun = perf_counter()
    frames = read_frames(clip, rate=10.0, max_megapixels=MEGAPIXELS, threads=THREADS)
    count = sum(frame.pixels(longest_side).any() for frame in frames)
    if count != SECONDS * 10:
        raise SystemExit(f"{count} frames instead of {SECONDS * 10}")
    return perf_counter() - begun


def _find(clip: Path) -> float:
    from hanzaki.media import frames_at

    begun = perf_counter()
    times = [1.9 + 2 * number for number in range(SECONDS // 2)]
    if len(list(frames_at(clip, times, MEGAPIXELS, THREADS))) != len(times):
        raise SystemExit("frames are missing")
    return perf_counter() - begun


def _inspect(clip: Path) -> float:
    from hanzaki.media import inspect_video

    begun = perf_counter()
    inspect_video(clip, MEGAPIXELS)
    return perf_counter() - begun
