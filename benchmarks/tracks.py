"""What following animals, choosing frames and cropping give: ``python -m benchmarks.tracks FOLDER``.

Eleven virtual salamanders are filmed on two days by three lights, from near by and from afar (small pictures);
heads are found and followed by the shipped detector, and the second day's are sought among the first day's best
frames by the shipped ``marks`` and ``hides``. The stream says whose head a track is. A quarter of an hour.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from rich.progress import Progress

from hanzaki import defaults
from hanzaki.boxes import Box
from hanzaki.evaluation.metrics import bootstrap_interval
from hanzaki.fieldwork.demo import Truth
from hanzaki.fieldwork.watch import BEST, load_watcher, watch
from hanzaki.matching.candidates import rank_individuals
from hanzaki.matching.index import build_index
from hanzaki.media import Pixels, frames_at
from hanzaki.virtual import write_stream
from hanzaki.vision.crop import crop
from hanzaki.vision.describing import Description, describe_all, load_describer

SEED, SECONDS, RATE = 11, 3.0, 10
MEGAPIXELS = 100.0
MODELS = (defaults.MODEL, "hides")
SIZES = {"near, 960 x 540": (960, 540), "from afar, 320 x 180": (320, 180)}


@dataclass(frozen=True)
class Frame:
    """A frame of a track: whose head it shows, in which encounter, and whether it is one of the best."""

    identity: str
    encounter: int
    day: str
    path: Path
    seconds: float
    box: Box
    best: bool


def followed(folder: Path, size: tuple[int, int], progress: Callable[[int, int], None]) -> list[Frame]:
    """The best frames of all tracks, and of each one more, by chance."""
    table = write_stream(
        folder,
        photographs=0,
        newcomers=0,
        seconds=SECONDS,
        rate=RATE,
        size=size,
        seed=SEED,
        threads=2,
        progress=progress,
    )
    days = table.drop_duplicates("path").set_index("path")["date"].str[:10]
    truth, detector, dice = Truth(folder), load_watcher(defaults.DETECTOR), np.random.default_rng(0)
    frames: list[Frame] = []
    encounter = 0
    for done, (path, day) in enumerate(days.items(), 1):
        for sighting in watch(folder / path, detector, best=BEST).sightings:
            encounter += 1
            best = [(glimpse.seconds, glimpse.box, True) for glimpse in sighting.best]
            seconds, box, _ = sighting.boxes[int(dice.integers(len(sighting.boxes)))]
            identity = truth.of(Path(path).name, [(at, where) for at, where, _ in best])
            if identity is not None:
                frames += [
                    Frame(identity, encounter, day, folder / path, *one) for one in (*best, (seconds, box, False))
                ]
        progress(done, len(days))
    return frames


def described(frames: Sequence[Frame], model: str, cut: Callable[[Pixels, Box], Pixels]) -> list[Description]:
    """Each frame's description by a model, of what ``cut`` takes of it."""
    describer = load_describer(model, threads=2)
    pixels: list[Pixels] = []
    for frame in frames:
        ((_, image),) = frames_at(frame.path, [frame.seconds], MEGAPIXELS)
        pixels.append(cut(image, frame.box).copy())
    found = describe_all(describer, range(len(frames)), pixels.__getitem__, threads=2)
    return [description for _, description in found]  # type: ignore[misc]


def measured(frames: Sequence[Frame], descriptions: Sequence[Description]) -> list[str]:
    """Top-1 by encounter, by each of its best frames alone, and by a frame by chance; with intervals by animal."""
    first = min(frame.day for frame in frames)
    known = [n for n, frame in enumerate(frames) if frame.day == first and frame.best]
    names = [frames[n].identity for n in known]
    index = build_index([descriptions[n] for n in known], names, ["top"] * len(known))
    asked = [n for n, frame in enumerate(frames) if frame.day != first]
    scores = np.concatenate(list(index.search([descriptions[n] for n in asked])))
    of_encounter: dict[int, list[int]] = {}
    for row, n in enumerate(asked):
        if frames[n].best:
            of_encounter.setdefault(frames[n].encounter, []).append(row)

    def right(rows: Sequence[int]) -> bool:
        (best,) = rank_individuals(scores[list(rows)], names, 1)
        return best.individual == frames[asked[rows[0]]].identity

    ways = (
        [list(rows) for rows in of_encounter.values()],
        [[row] for rows in of_encounter.values() for row in rows],
        [[row] for row, n in enumerate(asked) if not frames[n].best],
    )
    return [_share([(frames[asked[rows[0]]].identity, right(rows)) for rows in way]) for way in ways]


def _share(answers: Sequence[tuple[str, bool]]) -> str:
    values = np.array([answer for _, answer in answers], np.float64)
    ((_, low, high),) = bootstrap_interval(values[:, None], [identity for identity, _ in answers])
    return f"{100 * values.mean():.1f} ({100 * low:.1f} to {100 * high:.1f}) of {len(values)}"


def main() -> None:
    """Print the table."""
    cuts: dict[str, Callable[[Pixels, Box], Pixels]] = {
        "head's box": crop,
        "60 % of its area": lambda image, box: crop(image, box, 0.6),
        "whole frame, not cropped": lambda image, _: image,
    }
    headers = ("filmed", "model", "compared", "top-1 % by encounter", "by one of its best frames", "by any frame")
    print("| " + " | ".join(headers) + " |\n|" + "---|" * len(headers))
    for film, size in SIZES.items():
        with Progress(transient=True) as bar:
            task = bar.add_task("filming and watching", total=None)

            def tell(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)  # noqa: B023

            frames = followed(Path(sys.argv[1]) / f"{size[0]}", size, tell)
        for model, (name, cut) in product(MODELS, cuts.items()):
            cells = measured(frames, described(frames, model, cut))
            print(f"| {film} | {model} | {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
