"""From phones' videos to names, beside ``ffmpeg`` that decodes them and throws them away."""

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

TITLE = "Three videos of 30 seconds (1080p, 30 frames a second, H.264) of virtual salamanders to their names"
CLIPS, SECONDS, RATE, SIZE = 3, 30, 30, (1920, 1080)
MEGAPIXELS = 256.0
KNOWN = 11  # animals in the catalogue, met once each


def run() -> tuple[list[str], list[list[str]]]:
    """Decode alone; then what hanzaki does, step by step and whole."""
    if shutil.which("ffmpeg") is None:
        raise SystemExit("this benchmark compares with ffmpeg: install it")
    with tempfile.TemporaryDirectory() as place:
        clips, river = _filmed(Path(place))
        limit = sum(map(decode_alone, clips))
        length = CLIPS * SECONDS
        rows = [["ffmpeg decodes alone (the limit)", f"{length / limit:.1f}", "1.00", ""]]
        steps: tuple[tuple[str, Callable[..., Any], tuple[Any, ...]], ...] = (
            ("frames read, 10 a second", _read, (clips,)),
            ("... animals found and followed, best frames chosen", _watch, (clips,)),
            ("... described and identified: `hanzaki identify CLIPS`", _identify, (clips, river)),
        )
        for name, step, arguments in steps:
            taken = run_apart(step, *arguments)
            speed, ratio = length / taken.value, taken.value / limit
            rows.append([name, f"{speed:.1f}", f"{ratio:.2f}", f"{taken.peak_mb:.0f}"])
    return ["", "seconds of video / s", "time / decode alone", "peak MB"], rows


def _filmed(place: Path) -> tuple[list[Path], Path]:
    """Long clips of known animals, and a catalogue of all animals' photographs."""
    write_stream(
        place / "known", KNOWN, 1, lights=["afternoon"], clips=0, photographs=2, newcomers=0, threads=2, seed=3
    )
    write_stream(
        place / "clips",
        CLIPS,
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
    return sorted((place / "clips" / "videos").iterdir()), place / "river"


def _read(clips: list[Path]) -> float:
    started = perf_counter()
    for clip in clips:
        for frame in read_frames(clip, max_megapixels=MEGAPIXELS):
            frame.pixels(320)
    return perf_counter() - started


def _watch(clips: list[Path]) -> float:
    started = perf_counter()
    detector = load_watcher("heads")
    for clip in clips:
        watch(clip, detector)
    return perf_counter() - started


def _identify(clips: list[Path], river: Path) -> float:
    with hanzaki.open(river) as catalogue:
        started = perf_counter()
        report = catalogue.identify(clips)
        taken = perf_counter() - started
    if len(report.identifications) < CLIPS:
        raise RuntimeError(f"of the animals of {CLIPS} videos {len(report.identifications)} were found")
    return taken
