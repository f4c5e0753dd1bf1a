"""Scenes as the network sees them: the field's pixels, and boxes that stay on what they hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki.errors import BadMedium
from hanzaki.exchange.table import read_table
from hanzaki.learning.detector.augment import SceneAugmentation
from hanzaki.learning.detector.data import Scenes, scenes_of
from hanzaki.learning.detector.scenes import ReadScenes
from hanzaki.media import decode, read
from hanzaki.vision.detector import prepared
from hanzaki.vision.model import DetectorConfig
from tests.fixtures.scenes import write_scenes

LOOK = DetectorConfig(
    task="detect", name="tiny", architecture="none", labels=["head"], input_size=(64, 64), layout="boxes",
    interpolation="area", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5),
)  # fmt: skip


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> Scenes:
    return scenes_of([read_table(write_scenes(tmp_path_factory.mktemp("scenes"), 8))])


@given(st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=80, deadline=None)
def test_a_box_stays_on_what_it_holds(seed, turn):
    dice = np.random.default_rng(seed)
    picture = np.zeros((60, 90, 3), np.uint8)
    x, y, w, h = (int(dice.integers(low, high)) for low, high in ((0, 50), (0, 30), (8, 40), (8, 30)))
    picture[y : y + h, x : x + w] = 255
    corners = np.array([[x, y, x + w, y + h]], float)
    view, moved, there = SceneAugmentation(turn=turn).scene(picture, corners, 0, dice)
    rows, columns = np.nonzero(view[..., 0])
    if not len(rows):
        assert not there[0]
        return
    assert moved[0].tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert there[0] == (len(rows) >= 0.3 * w * h)


def test_what_lies_outside_of_the_photograph_is_padding():
    widest = SceneAugmentation(framing=1, shift=0, scale=0.9, stretch=0, flip=0)
    for seed in range(20):
        view, _, _ = widest.scene(
            np.full((40, 40, 3), 255, np.uint8), np.empty((0, 4)), 7, np.random.default_rng(seed)
        )
        assert set(np.unique(view)) <= {7, 255}


def test_without_augmentation_it_is_what_the_field_sees(scenes):
    reads = ReadScenes(scenes.scenes, LOOK)
    for number, scene in enumerate(scenes.scenes):
        image, truth = reads.read(number, np.random.default_rng(0))
        field = prepared(decode(read(scene.path), scene.path, 100), LOOK)
        np.testing.assert_array_equal(image, field.pixels)
        corners = [[box.x, box.y, box.x + box.w, box.y + box.h] for box in scene.boxes]
        np.testing.assert_allclose(field.placement.to_image(truth[:, :4].astype(float)), corners, atol=1e-4)


def test_a_pictures_look_follows_from_seed_epoch_and_place(scenes):
    def batch(seed: int, epoch: int, start: int = 0) -> tuple[np.ndarray, np.ndarray]:
        reads = ReadScenes(scenes.scenes, LOOK, SceneAugmentation(), seed=seed)
        positions = [np.arange(4), np.arange(4, 8)]
        images, boxes = list(reads.batches(epoch, positions, start))[-1]
        return images.numpy(), boxes.numpy()

    for one, other in zip(batch(0, 1), batch(0, 1, start=1), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(batch(0, 1)[0], batch(0, 2)[0])
    assert not np.array_equal(batch(0, 1)[0], batch(1, 1)[0])


def test_batches_are_filled_up_with_rows_of_no_label(scenes):
    reads = ReadScenes(scenes.scenes, LOOK)
    ((images, boxes),) = reads.batches(0, [np.arange(4)])
    assert images.shape == (4, 3, 64, 64)
    assert boxes.shape == (4, 2, 5)
    assert boxes[:, :, 4].tolist() == [[0, -1], [0, 0]] * 2


def test_a_network_for_any_size_learns_from_several_a_batch_from_one(scenes):
    reads = ReadScenes(scenes.scenes, LOOK.model_copy(update={"multiple": 16, "input_size": (96, 96)}), seed=3)
    batches = list(reads.batches(0, [np.arange(4)] * 30))
    shapes = {tuple(images.shape[2:]) for images, _ in batches}
    assert shapes == {(96, 96), (80, 96), (64, 96), (96, 80), (96, 64)}
    for images, boxes in batches:
        height, width = images.shape[2:]
        there = boxes[boxes[..., 4] >= 0][:, :4]
        assert len(there) == 6
        assert (there >= 0).all()
        assert (there <= there.new_tensor([width, height, width, height])).all()
    (again,) = reads.batches(0, [np.arange(4)] * 30, start=29)
    np.testing.assert_array_equal(again[0], batches[29][0])


def test_a_picture_that_cannot_be_read_is_missing_and_noted(tmp_path):
    table = write_scenes(tmp_path, 3)
    (tmp_path / "scene-001.png").write_bytes(b"")
    reads = ReadScenes(scenes_of([read_table(table)]).scenes, LOOK)
    ((images, _),) = reads.batches(0, [np.arange(3)])
    assert len(images) == 2
    assert [type(bad) for bad in reads.bad.values()] == [BadMedium]
    assert reads.photo(1) is None
    assert not reads.all_bad
