"""From a phone's video to a name, beside ``ffmpeg`` that decodes it and throws it away."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import hanzaki
from benchmarks.apart import run_apart
from benchmarks.decoding import decode_alone
from hanzaki.fieldwork.watch import load_watcher, watch
from hanzaki.media import read_frames
from hanzaki.virtual import write_stream

TITLE = "A 30 second video (1080p, 30 frames a second, H.264) of a virtual salamander to its name"
SECONDS, RATE, SIZE = 30, 30, (1920, 1080)
MEGAPIXELS = 256.0
KNOWN = 11  # animals in the catalogue, met once each


def run() -> tuple[list[str], list[list[str]]]:
    """Decode alone; then what hanzaki does, step by step and whole."""
    if shutil.which("ffmpeg") is None:
        raise SystemExit("this benchmark compares with ffmpeg: install it")
    with tempfile.TemporaryDirectory() as place:
        clip, river = _filmed(Path(place))
        limit = decode_alone(clip)
        rows = [["ffmpeg decodes alone (the limit)", f"{SECONDS / limit:.1f}", "1.00", ""]]
        steps: tuple[tuple[str, Callable[..., Any], tuple[Any, ...]], ...] = (
            ("frames read, 10 a second", _read, (clip,)),
            ("... animals found and followed, best frames chosen", _watch, (clip,)),
            ("... described and identified: `hanzaki identify clip.mp4`", _identify, (clip, river)),
        )
        for name, step, arguments in steps:
            taken = run_apart(step, *arguments)
            rows.append(
                [name, f"{SECONDS / taken.value:.1f}", f"{taken.value / limit:.2f}", f"{taken.peak_mb:.0f}"]
            )
    return ["", "seconds of video / s", "time / decode alone", "peak MB"], rows


def _filmed(place: Path) -> tuple[Path, Path]:
    """A long clip of a known animal, and a catalogue of the animals' photographs."""
    write_stream(
        place / "known", KNOWN, 1, lights=["afternoon"], clips=0, photographs=2, newcomers=0, threads=2, seed=3
    )
    write_stream(
        place / "clip",
        1,
        1,
        lights=["afternoon"],
        photographs=0,
        newcomers=0,
        seconds=SECONDS,
        rate=RATE,
        size=SIZE,
        threads=2,
        seed=3,
    )
    with hanzaki.init(place / "river") as river:
        river.add(table=place / "known" / "annotations.csv")
        river.describe()
    return next((place / "clip" / "videos").iterdir()), place / "river"


def _read(clip: Path) -> float:
    started = perf_counter()
    for frame in read_frames(clip, max_megapixels=MEGAPIXELS):
        frame.pixels(320)
    return perf_counter() - started


def _watch(clip: Path) -> float:
    detector = load_watcher("heads")
    started = perf_counter()
    watch(clip, detector)
    return perf_counter() - started


def _identify(clip: Path, river: Path) -> float:
    with hanzaki.open(river) as catalogue:
        started = perf_counter()
        report = catalogue.identify(clip)
        taken = perf_counter() - started
    if not report.identifications:
        raise RuntimeError(f"nobody was found in {clip}")
    return taken
