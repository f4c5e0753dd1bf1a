"""Writes a virtual stream: videos and photographs of a population with their truth."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hanzaki.ahead import ahead
from hanzaki.boxes import Box
from hanzaki.errors import SettingError
from hanzaki.virtual.masks import mask_path, write_mask
from hanzaki.virtual.population import HYBRID, SITE, SPECIES
from hanzaki.virtual.rendering import photograph
from hanzaki.virtual.scene import DAYLIGHTS, DayLight, Scene
from hanzaki.virtual.smartphone import TURNED, write_jpeg
from hanzaki.virtual.stream.clip import Clip, Head
from hanzaki.virtual.stream.container import write_mp4
from hanzaki.virtual.stream.staging import stage
from hanzaki.virtual.stream.survey import Plan, Take

COLUMNS = [
    "image_id",
    "identity",
    "path",
    "species",
    "orientation",
    "encounter",
    "date",
    "bbox",
    "site",
    "frame",
    "label",
    "sex",
    "origin",
]
"""Columns of `annotations.csv`."""

HEAD_COLUMNS = ["path", "frame", "bbox", "identity", "visible", "speed"]
"""Columns of `heads.csv`."""

LABEL = "head"
SAMPLED = 10
"""How often a second the truth of a clip is written."""

_SMALLEST = 64
_TOO_LITTLE = 0.5  # a passer whose head is never seen more than this is in the truth, but no sighting
_NEAR = (4, 3)  # width and height of a close-up photograph

Row = dict[str, Any]


@dataclass(frozen=True)
class _Job:
    folder: Path
    take: Take
    seconds: float
    rate: int
    size: tuple[int, int]
    masks: bool

    def displayed(self, turned: bool) -> tuple[int, int]:
        return self.size[::-1] if turned else self.size


def write_stream(
    folder: Path,
    individuals: int = 11,
    days: int = 2,
    *,
    lights: Sequence[DayLight] = DAYLIGHTS,
    clips: int = 1,
    photographs: int = 1,
    seconds: float = 3.0,
    rate: int = 15,
    size: tuple[int, int] = (960, 540),
    hybrids: int = 0,
    newcomers: int = 2,
    seed: int = 0,
    masks: bool = False,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Films and photographs a population on several days, and writes the files with their truth.

    Writes `folder/videos/MOV_0001.mp4` and so on, `folder/photographs/IMG_0001.jpg` and so on, `annotations.csv`,
    `heads.csv` and `stream.json`. Can be stopped and run again with the same settings: files that are there stay.
    Every clip and photograph follows from the seed, the day, the light and the animal, whoever else is met (but
    for the neighbour that passes through some clips). The animals are those of `write_photographs` with the same
    seed.

    Args:
        folder: Where to write; made if missing.
        individuals: How many animals live there, newcomers included.
        days: How many survey days, weeks apart.
        lights: The times of day at which every animal is met.
        clips: How many clips of each animal at each time of each day.
        photographs: How many photographs of it then; they and the clips are one encounter.
        seconds: Length of a clip.
        rate: Frames a second.
        size: Width and height in pixels, even numbers. About a quarter are taken with the phone held upright:
            stored at this size like the others, and displayed with the two swapped.
        hybrids: How many of the animals, the first ones, are hybrids with the Chinese giant salamander.
        newcomers: How many are not met before the last day; without effect if there is only one.
        seed: From which everything follows; not negative.
        masks: Whether to write where the head and its dark markings are, for each photograph from near by:
            `folder/masks/IMG_0001.png`, see `hanzaki.virtual.masks`. A stream that has none gets them afterwards.
        threads: How many files are made at once.
        progress: Called with how many files are done and how many there will be.

    Returns:
        The table of `annotations.csv`: one row for each photograph, and for each animal in each clip (who passes
        by, only if its head is more than half in the picture at some time). `path` is
        relative to `folder`, `date` is local time, `bbox` is "x y w h" of the head in pixels as displayed, at
        `frame` seconds of the clip, when it is seen best; nobody can tell `sex` by a picture. `heads.csv` has the
        head in every frame sampled (10 a second): there `bbox` may reach over the picture, `visible` is the share
        of the head within it, and `speed` how many head lengths a second the animal walks.

    Raises:
        ValueError: If a number makes no sense.
        SettingError: If the folder holds a stream of other settings.
    """
    plan = Plan(individuals, days, tuple(lights), clips, photographs, hybrids, newcomers, seed)
    plan.check()
    if min(size) < _SMALLEST or any(side % 2 for side in size):
        raise ValueError(f"{size[0]} x {size[1]} cannot be filmed: take even numbers of {_SMALLEST} or more.")
    if not (seconds * rate >= 1 and rate >= 1 and threads >= 1):
        raise ValueError("A clip needs at least one frame, and the work at least one thread.")
    for name in ("videos", "photographs"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    _agree(
        folder, asdict(plan) | {"lights": list(plan.lights), "seconds": seconds, "rate": rate, "size": list(size)}
    )
    jobs = [_Job(folder, take, seconds, rate, size, masks) for take in plan.takes()]
    rows: list[Row] = []
    heads: list[Row] = []
    for done, (animals, seen) in enumerate(ahead(_make, jobs, threads, waiting=2 * threads), start=1):
        rows += animals
        heads += seen
        if progress:
            progress(done, len(jobs))
    table = pd.DataFrame(rows, columns=COLUMNS)
    _write_whole(folder / "heads.csv", pd.DataFrame(heads, columns=HEAD_COLUMNS).to_csv(index=False))
    _write_whole(folder / "annotations.csv", table.to_csv(index=False))
    return table


def _agree(folder: Path, settings: dict[str, Any]) -> None:
    """Notes the settings beside the files, so that none of others come among them."""
    note = folder / "stream.json"
    if not note.exists():
        _write_whole(note, json.dumps(settings, indent=2) + "\n")
    elif (found := json.loads(note.read_text())) != settings:
        other = ", ".join(f"{key} {found.get(key)}" for key in settings if found.get(key) != settings[key])
        raise SettingError(
            f"{folder} holds a stream made with {other}: choose another folder, or the same settings"
        )


def _make(job: _Job) -> tuple[list[Row], list[Row]]:
    """Writes a clip or photograph unless it is there; returns its rows of the two tables."""
    if job.take.film:
        return _film(job)
    return _photograph_whole(job) if job.take.whole else _photograph_near(job)


def _film(job: _Job) -> tuple[list[Row], list[Row]]:
    take = job.take
    shot = take.shot
    size = job.displayed(shot.orientation == TURNED)
    second = None if take.passer is None else take.plan.animal(take.passer)
    animal = take.plan.animal(take.individual)
    clip = stage(take.rng(0), animal, take.light, size, job.seconds, second=second)
    count = round(job.seconds * job.rate)
    path = job.folder / take.path
    if not path.exists():
        write_mp4(path, (clip.frame(k / job.rate) for k in range(count)), size, job.rate, shot)
    who = [take.individual] if take.passer is None else [take.individual, take.passer]
    rows, heads = [], []
    samples = sorted({min(count - 1, round(k * job.rate / SAMPLED)) for k in range(round(job.seconds * SAMPLED))})
    truth = {number: clip.heads(number / job.rate) for number in samples}
    for track, individual in enumerate(who):
        seen = {number / job.rate: found for number, all_heads in truth.items() if (found := all_heads[track])}
        heads += [_head_row(take, individual, head, time) for time, head in seen.items()]
        if seen:
            best = max(seen, key=lambda time: _seen_well(clip, seen[time], time))
            if track and seen[best].visible < _TOO_LITTLE:
                continue
            image_id = take.name if track == 0 else f"{take.name}-{track + 1}"
            rows.append(_row(take, individual, image_id, seen[best].box, round(best, 3)))
    return rows, heads


def _seen_well(clip: Clip, head: Head, time: float) -> float:
    """The more of a head is in the picture the better, then the sharper, then the nearer to its middle."""
    size = clip.size
    middle = (head.box.x + head.box.w / 2 - size[0] / 2, head.box.y + head.box.h / 2 - size[1] / 2)
    return head.visible - 60.0 * clip.hand.defocus(time) - 0.1 * float(np.hypot(*middle)) / max(size)


def _photograph_whole(job: _Job) -> tuple[list[Row], list[Row]]:
    take = job.take
    shot = take.shot
    size = job.displayed(shot.orientation == TURNED)
    clip: Clip = stage(
        take.rng(0), take.plan.animal(take.individual), take.light, size, 1.0, mode="rest", whole=True
    )
    head = clip.heads(0.5)[0]
    if head is None:  # the middle of the animal is in the middle of the picture
        raise AssertionError(f"{take.path}: the whole animal is not in its photograph")
    if not (job.folder / take.path).exists():
        _write_photograph(job, clip.frame(0.5), clip.scene.camera.quality)
    return [_row(take, take.individual, take.name, head.box, None)], [_head_row(take, take.individual, head, None)]


def _photograph_near(job: _Job) -> tuple[list[Row], list[Row]]:
    take = job.take
    height = job.size[1]
    near = (height * _NEAR[0] // _NEAR[1], height)
    size = near[::-1] if take.shot.orientation == TURNED else near
    scene = Scene.draw(take.rng(0), take.light)
    picture = photograph(take.plan.animal(take.individual), scene, size)
    if not (job.folder / take.path).exists():
        _write_photograph(job, picture.image, scene.camera.quality)
    if job.masks and not mask_path(job.folder / take.path).exists():
        write_mask(job.folder / take.path, picture)
    head = Head(Box(*map(float, picture.box)), 1.0)
    return [_row(take, take.individual, take.name, head.box, None)], [_head_row(take, take.individual, head, None)]


def _write_photograph(job: _Job, image: Any, quality: int) -> None:
    path = job.folder / job.take.path
    part = path.with_name(f"{path.stem}.part.jpg")
    write_jpeg(part, image, job.take.shot, quality)
    part.replace(path)


def _identity(individual: int) -> str:
    return f"hanzaki-{individual + 1:02d}"


def _bbox(box: Box) -> str:
    return " ".join(f"{side:g}" for side in box[:4])


def _row(take: Take, individual: int, image_id: str, box: Box, frame: float | None) -> Row:
    origin = take.plan.origin(individual)
    return {
        "image_id": image_id,
        "identity": _identity(individual),
        "path": take.path,
        "species": HYBRID if origin == "hybrid" else SPECIES,
        "orientation": "top",
        "encounter": f"encounter-{take.encounter:04d}" + ("" if individual == take.individual else "-2"),
        "date": take.when.isoformat(),
        "bbox": _bbox(box),
        "site": SITE,
        "frame": frame,
        "label": LABEL,
        "sex": take.plan.sex(individual),
        "origin": origin,
    }


def _head_row(take: Take, individual: int, head: Head, time: float | None) -> Row:
    frame = None if time is None else round(time, 3)
    return {
        "path": take.path,
        "frame": frame,
        "bbox": _bbox(head.box),
        "identity": _identity(individual),
        "visible": head.visible,
        "speed": round(head.speed, 3),
    }


def _write_whole(path: Path, text: str) -> None:
    """Writes a file whole or not at all, whenever the program is stopped."""
    part = path.with_suffix(".part")
    part.write_text(text)
    part.replace(path)
