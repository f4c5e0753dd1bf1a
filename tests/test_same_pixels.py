"""Training, evaluation and field give a network the same pixels, bit for bit.

Two resizes that differ by a hair are enough to reorder the candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

import hanzaki
from hanzaki.exchange.identity_csv import read_identity_csv
from hanzaki.learning.data import Picture, Pictures
from hanzaki.media import decode
from hanzaki.vision import embedder
from hanzaki.vision.crop import crop, resize
from hanzaki.vision.model import load_model
from tests.fixtures.models import DIMENSIONS, write_model
from tests.fixtures.photographs import write

#: File, size, EXIF orientation, and the box as the photograph is displayed (None: the whole of it).
PHOTOGRAPHS = [
    ("plain.jpg", (400, 300), None, None),
    ("small.jpg", (20, 15), None, None),  # is enlarged
    ("box.jpg", (400, 300), None, (50.5, 31.5, 200.0, 120.0)),
    ("even_box.png", (401, 299), None, (101.0, 30.0, 33.0, 150.0)),
    ("over_the_edge.jpg", (400, 300), None, (-30.2, 180.7, 250.0, 160.0)),
    ("turned.jpg", (400, 300), 6, (20.0, 100.0, 180.0, 260.0)),  # displayed as 300 x 400
    ("upside_down.jpg", (400, 300), 3, (120.0, 40.0, 90.0, 90.0)),
    ("mirrored_and_turned.jpg", (400, 300), 5, None),
    ("tiny_box.png", (400, 300), None, (200.4, 100.4, 3.0, 2.0)),
    ("grey.webp", (97, 203), None, (0.0, 0.0, 97.0, 203.0)),
]

LOOKS = {
    "squash": {},
    "pad": {"resize": "pad"},
    "a_part_of_the_box": {"crop_fraction": 0.6},
    "a_part_of_the_box_padded": {"crop_fraction": 0.6, "resize": "pad", "std": [0.3, 0.5, 0.7]},
}


# ---- the ways from a table of photographs to the network: each gives what it saw, a batch, in the table's order


class Recorder:
    """Stands in for the network, and keeps what reaches it."""

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        self.seen.append(batch.copy())
        return np.ones((len(batch), DIMENSIONS), np.float32)


@contextmanager
def recording() -> Iterator[Recorder]:
    """Whatever network is loaded within is a recorder."""
    recorder = Recorder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedder, "load_network", lambda *_: recorder)
        yield recorder


def field(table: Path, model: Path) -> np.ndarray:
    """Photographs are added to a catalogue and described."""
    with (
        TemporaryDirectory() as folder,
        hanzaki.init(Path(folder) / "river") as catalogue,
        recording() as recorder,
    ):
        catalogue.add(table=table)
        assert catalogue.describe(model).described == len(PHOTOGRAPHS)
    return np.concatenate(recorder.seen)


def evaluation(table: Path, model: Path) -> np.ndarray:
    """A table is evaluated."""
    with recording() as recorder:
        assert hanzaki.evaluate(table, model=model).queries == len(PHOTOGRAPHS)
    return np.concatenate(recorder.seen)


def training(table: Path, model: Path) -> np.ndarray:
    """A table is learnt from, without augmentation."""
    rows = read_identity_csv(table)
    pictures = [Picture(table.parent / row.path, row.bbox, 0) for row in rows]
    reader = Pictures(pictures, load_model(model).config)
    return np.stack([reader.read(number) for number in range(len(pictures))])


WAYS: list[Callable[[Path, Path], np.ndarray]] = [field, evaluation, training]


# ---- what they have to be


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> Path:
    """The table of all photographs, of two animals in turn."""
    folder = tmp_path_factory.mktemp("photographs")
    rows = ["path,identity,bbox"]
    for seed, (name, size, orientation, box) in enumerate(PHOTOGRAPHS):
        write(folder / name, seed, size=size, orientation=orientation)
        rows.append(f"{name},{'ab'[seed % 2]},{' '.join(map(str, box or ()))}")
    (folder / "table.csv").write_text("\n".join(rows))
    return folder / "table.csv"


def wanted(table: Path, model: Path) -> np.ndarray:
    """The pixels by the config's own words: ``(rgb / 255 - mean) / std`` of the box, cut and resized."""
    config = load_model(model).config
    result = []
    for row in read_identity_csv(table):
        image = decode((table.parent / row.path).read_bytes(), row.path, 100)
        pixels = resize(crop(image, row.bbox, config.crop_fraction), config.input_size, config.resize)
        result.append((pixels / 255 - config.mean) / config.std)
    return np.stack(result).transpose(0, 3, 1, 2)


@pytest.fixture(scope="module", params=LOOKS)
def model(request, tmp_path_factory) -> Path:
    """A model that wants to see its animals in one of several ways."""
    return write_model(tmp_path_factory.mktemp("model") / request.param, **LOOKS[request.param])


@pytest.fixture(scope="module")
def in_the_field(photographs, model) -> np.ndarray:
    """What the network sees in the field, (photographs, 3, H, W)."""
    return field(photographs, model)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_every_way_gives_the_pixels_of_the_field(way, photographs, model, in_the_field):
    seen = way(photographs, model)
    assert seen.dtype == np.float32
    assert np.array_equal(seen, in_the_field)


def test_the_pixels_of_the_field_are_what_the_config_says(photographs, model, in_the_field):
    np.testing.assert_allclose(in_the_field, wanted(photographs, model), atol=1e-5)
