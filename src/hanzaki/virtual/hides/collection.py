"""Writes a collection of hides: many individuals of many species, photographed again and again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from hanzaki.ahead import ahead
from hanzaki.errors import SettingError
from hanzaki.virtual.hides.bodies import draw_view
from hanzaki.virtual.hides.scenery import stock
from hanzaki.virtual.hides.species import Hide, Species, draw_hide
from hanzaki.virtual.hides.views import photograph_hide
from hanzaki.virtual.population import COLUMNS

PER_SPECIES = 30
"""Individuals of one species."""

_SPECIES, _INDIVIDUAL, _VIEW, _SCENE = range(4)  # what a seed is for
_SMALLEST = 64


@dataclass(frozen=True)
class _Job:
    """One individual to be photographed."""

    folder: Path
    individual: int
    photographs: int
    seed: int
    size: int

    def rng(self, purpose: int, *numbers: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, purpose, *numbers])))


def write_hides(
    folder: Path,
    individuals: int,
    photographs: int,
    *,
    seed: int = 0,
    size: int = 256,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Photographs individuals of virtual species, `PER_SPECIES` of each, and writes pictures and truth.

    Writes `folder/photographs/hide-00001-01.jpg` and so on, and `folder/annotations.csv`. Can be stopped and run
    again: photographs that are there stay. More individuals and photographs may be asked for later.

    Args:
        folder: Where to write; made if missing.
        individuals: How many.
        photographs: How many of each; each is an encounter of its own.
        seed: From which everything follows, whatever the threads; not negative.
        size: Longer side of a picture in pixels, at least 64.
        threads: How many individuals are worked on at once.
        progress: Called with how many pictures are done and how many there will be.

    Returns:
        One row per picture, as in `annotations.csv`, with the columns of `write_photographs`. `bbox` is "x y w h"
        of the animal, each side up to 12 % off; date and site are not known.

    Raises:
        ValueError: If a number makes no sense.
        SettingError: If the folder holds a collection of another seed or size.
    """
    if min(individuals, photographs, threads) < 1 or size < _SMALLEST or seed < 0:
        raise ValueError(f"Ask for at least one individual, photograph and thread, of {_SMALLEST} pixels or more.")
    (folder / "photographs").mkdir(parents=True, exist_ok=True)
    _agree(folder, {"seed": seed, "size": size})
    stock()  # drawn once, before threads could draw it twice
    jobs = (_Job(folder, individual, photographs, seed, size) for individual in range(individuals))
    rows: list[dict[str, Any]] = []
    for done in ahead(_photograph_all, jobs, threads):
        rows += done
        if progress:
            progress(len(rows), individuals * photographs)
    table = pd.DataFrame(rows, columns=COLUMNS)
    _write_whole(folder / "annotations.csv", table.to_csv(index=False).encode())
    return table


def _agree(folder: Path, settings: dict[str, int]) -> None:
    """Notes seed and size beside the pictures, so that none of others come among them."""
    note = folder / "hides.json"
    if not note.exists():
        _write_whole(note, json.dumps(settings).encode())
    elif (found := json.loads(note.read_text())) != settings:
        raise SettingError(f"{folder} holds hides with {found}, not {settings}: choose another folder")


def _photograph_all(job: _Job) -> list[dict[str, Any]]:
    """Writes what is missing of an individual's photographs; returns all rows."""
    number = job.individual // PER_SPECIES
    species = Species.draw(job.rng(_SPECIES, number), number)
    hide: Hide | None = None
    rows = []
    for photograph in range(job.photographs):
        name = f"hide-{job.individual + 1:05d}-{photograph + 1:02d}"
        path = Path("photographs") / f"{name}.jpg"
        view = draw_view(species.body, job.rng(_VIEW, job.individual, photograph), job.size)
        if not (job.folder / path).exists():
            if hide is None:
                hide = draw_hide(species, job.rng(_INDIVIDUAL, job.individual), job.size)
            rng = job.rng(_SCENE, job.individual, photograph)
            quality = int(rng.integers(35, 96))
            _write(job.folder / path, photograph_hide(hide, view, rng), quality)
        rows.append(
            {
                "image_id": name,
                "identity": f"hide-{job.individual + 1:05d}",
                "path": path.as_posix(),
                "species": f"hides-{number + 1:03d}",
                "orientation": "left",
                "encounter": name,
                "bbox": " ".join(map(str, view.box)),
            }
        )
    return rows


def _write(path: Path, image: Any, quality: int) -> None:
    """Writes a picture as JPEG."""
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality]
    done, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), flags)
    if not done:
        raise OSError(f"{path}: could not be written as JPEG")
    _write_whole(path, encoded.tobytes())


def _write_whole(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all, whenever the program is stopped."""
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)
