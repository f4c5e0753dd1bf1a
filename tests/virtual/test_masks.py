"""A mask shows where a photograph has the dark markings of a head, pixel upon pixel."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageOps

from hanzaki.errors import BadMedium
from hanzaki.virtual import (
    Capture,
    Population,
    Salamander,
    Scene,
    SpotMask,
    mask_path,
    photograph,
    read_mask,
    write_census,
    write_photographs,
    write_stream,
    yearly,
)
from hanzaki.virtual.masks import write_mask

SIZE = (240, 180)
TINY = {"size": (160, 96), "seconds": 0.2, "rate": 10, "newcomers": 0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("masks")
    write_photographs(folder, 3, 2, 2, seed=11, size=SIZE, newcomers=0, hybrids=1, masks=True)
    return folder


@pytest.fixture(scope="module")
def table(folder):
    return pd.read_csv(folder / "annotations.csv")


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _displayed(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image))


def test_photographs_are_the_same_with_masks_and_without(folder, tmp_path):
    write_photographs(tmp_path, 3, 2, 2, seed=11, size=SIZE, newcomers=0, hybrids=1)
    with_masks = _contents(folder)
    without = {name: content for name, content in with_masks.items() if not name.startswith("masks/")}
    assert _contents(tmp_path) == without
    assert len(with_masks) - len(without) == 12


def test_one_seed_writes_the_same_masks(folder, tmp_path):
    write_photographs(tmp_path, 3, 2, 2, seed=11, size=SIZE, newcomers=0, hybrids=1, masks=True)
    assert _contents(tmp_path) == _contents(folder)


def test_each_photograph_has_a_mask_of_its_displayed_size_and_box(folder, table):
    shapes = set()
    for row in table.itertuples():
        assert mask_path(folder / row.path) == folder / "masks" / f"{row.image_id}.png"
        mask = read_mask(folder / row.path)
        assert mask.darkness.shape == mask.head.shape == _displayed(folder / row.path).shape[:2]
        rows, columns = np.nonzero(mask.silhouette)
        tightest = columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1
        assert tightest == tuple(map(int, row.bbox.split()))
        shapes.add(mask.head.shape)
    assert shapes == {SIZE, SIZE[::-1]}  # phones held both ways


def test_spots_lie_on_the_head_and_are_dark_in_the_photograph(folder, table):
    for row in table.itertuples():
        mask, grey = read_mask(folder / row.path), _displayed(folder / row.path).mean(axis=2)
        assert (mask.darkness <= mask.head).all()
        assert mask.silhouette[mask.spots].all()
        ground = mask.silhouette & ~mask.spots
        assert grey[mask.spots].mean() < 0.9 * grey[ground].mean()
        # and nowhere else would they be as dark: the mask is no near miss
        for shift in ((0, 12), (12, 0), (0, -12), (-12, 0)):
            moved = np.roll(mask.spots, shift, (0, 1)) & mask.silhouette
            assert grey[mask.spots].mean() < grey[moved].mean()


def test_what_is_written_is_what_the_photograph_knows(tmp_path):
    picture = photograph(Salamander(5), Scene.draw(np.random.default_rng(1)), SIZE)
    path = tmp_path / "photographs" / "a.jpg"
    write_mask(path, picture)
    mask = read_mask(path)
    assert np.array_equal(mask.silhouette, picture.mask)
    whole = mask.head == 255
    assert np.array_equal(mask.spots[whole], picture.spots[whole])
    assert np.array_equal(mask.darkness, SpotMask.of(picture).darkness)
    assert [path.name for path in (tmp_path / "masks").iterdir()] == ["a.png"]


def test_a_mask_follows_the_water_and_the_hand_but_not_the_light(tmp_path):
    scene = Scene.draw(np.random.default_rng(3))
    still = replace(scene, water=replace(scene.water, ripple=0.0))
    bright = replace(scene, camera=replace(scene.camera, exposure=2.0, noise=0.05, shake=0.03))
    turned = replace(scene, pose=replace(scene.pose, angle=scene.pose.angle + 0.3))
    first, calm, light, other = (
        SpotMask.of(photograph(Salamander(5), each, SIZE)) for each in (scene, still, bright, turned)
    )
    assert np.array_equal(first.darkness, light.darkness)
    assert not np.array_equal(first.darkness, calm.darkness)
    assert not np.array_equal(first.head, other.head)


def test_a_missing_or_broken_mask_is_told_by_name(tmp_path):
    photo = tmp_path / "photographs" / "a.jpg"
    with pytest.raises(BadMedium, match=r"masks/a.png: there is no such mask .*--masks"):
        read_mask(photo)
    (tmp_path / "masks").mkdir()
    mask_path(photo).write_bytes(b"\x89PNG\r\n\x1a\n cut off")
    with pytest.raises(BadMedium, match="a.png: cannot be read"):
        read_mask(photo)
    Image.new("RGB", (4, 4)).save(mask_path(photo))
    with pytest.raises(BadMedium, match="channels RGB"):
        read_mask(photo)


def test_a_stream_gets_masks_of_near_photographs_afterwards_and_changes_in_nothing_else(tmp_path):
    wanted = {"lights": ("morning",), "clips": 0, "photographs": 5, "seed": 3, **TINY}
    write_stream(tmp_path, 1, 1, **wanted)
    before = _contents(tmp_path)
    write_stream(tmp_path, 1, 1, **wanted, masks=True)
    after = _contents(tmp_path)
    assert {name: after[name] for name in before} == before
    masks = sorted(set(after) - set(before))
    assert 0 < len(masks) < 5  # of the whole animal there are none
    for name in masks:
        photo = tmp_path / "photographs" / f"{Path(name).stem}.jpg"
        assert read_mask(photo).head.shape == _displayed(photo).shape[:2]
        assert read_mask(photo).spots.any()


def test_a_census_has_masks_too(tmp_path):
    population = Population(yearly(date(2020, 8, 20), 1), residents=3, capture=Capture(0.9), seed=2)
    table = write_census(tmp_path, population, size=(96, 72), masks=True)
    assert len(table) > 0
    assert all(read_mask(tmp_path / path).silhouette.any() for path in table["path"])
