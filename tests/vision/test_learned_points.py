"""Networks that find and describe keypoints: here one that takes cells of a grid, and XFeat if it is at hand."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from hanzaki.errors import ModelError
from hanzaki.keypoints import Keypoints
from hanzaki.matching.local import LocalIndex
from hanzaki.vision.describing import describe_all, load_describer
from hanzaki.vision.importing_points import import_points
from hanzaki.vision.learned_points import LearnedPoints
from hanzaki.vision.marks import vectors_of
from hanzaki.vision.model import load_learned_points_model, load_points_model
from tests.fixtures.points import CELL, CENTRES, SIDE, write_finder, write_finder_folder
from tests.vision.test_rootsift import spotted

RUNTIMES = pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])


def mosaic(seed: int = 0) -> np.ndarray:
    """A picture of the input's size whose cells have each a colour, uint8 (32, 32, 3)."""
    colours = np.random.default_rng(seed).integers(30, 256, (SIDE // CELL, SIDE // CELL, 3), dtype=np.uint8)
    return colours.repeat(CELL, 0).repeat(CELL, 1)


def described(folder: Path, *pictures: np.ndarray, runtime: str = "openvino", threads: int = 1) -> list[Keypoints]:
    describer = load_describer(folder, runtime, threads)
    assert isinstance(describer, LearnedPoints)
    return describer.describe([describer.prepare(picture) for picture in pictures])


@RUNTIMES
def test_each_point_is_where_the_network_finds_it_and_looks_as_the_network_says(tmp_path, runtime):
    (found,) = described(write_finder_folder(tmp_path / "m"), mosaic(), runtime=runtime)
    assert found.extent == (SIDE, SIDE)
    assert found.descriptors.dtype == np.int8
    assert sorted(map(tuple, found.points)) == sorted(map(tuple, CENTRES))
    for point, vector in zip(found.points, vectors_of(found.descriptors), strict=True):
        colour = mosaic()[int(point[1]), int(point[0])].astype(float)
        expected = np.repeat(colour / np.linalg.norm(colour) / 2, 4)  # a number for each of four equal quarters
        np.testing.assert_allclose(np.sort(vector), np.sort(expected), atol=0.01)


@RUNTIMES
def test_pictures_with_other_numbers_of_points_keep_to_themselves(tmp_path, runtime):
    half = mosaic(1)
    half[:, : SIDE // 2] = 0
    pictures = [mosaic(0), half, np.zeros((SIDE, SIDE, 3), np.uint8), mosaic(2)]
    folder = write_finder_folder(tmp_path / "m")
    together = described(folder, *pictures, runtime=runtime, threads=2)
    assert [len(found) for found in together] == [16, 8, 0, 16]
    assert (together[1].points[:, 0] > SIDE / 2).all()
    apart = [described(folder, picture, runtime=runtime)[0] for picture in pictures]
    assert [found.to_bytes() for found in together] == [found.to_bytes() for found in apart]


def test_points_are_in_pixels_of_the_picture_given(tmp_path):
    wide = cv2.resize(mosaic(), (96, 64), interpolation=cv2.INTER_NEAREST)
    (found,) = described(write_finder_folder(tmp_path / "m"), wide)
    assert found.extent == (96, 64)
    assert sorted(map(tuple, found.points)) == sorted(map(tuple, (CENTRES + 0.5) * (3, 2) - 0.5))
    np.testing.assert_allclose(found.sizes, 16 * 2.5)


def test_padding_has_no_points(tmp_path):
    wide = cv2.resize(mosaic(), (64, 32), interpolation=cv2.INTER_NEAREST)
    (found,) = described(write_finder_folder(tmp_path / "m", resize="pad"), wide)
    # the picture fills the upper half of the input; its second row of cells lies by the padding, and is taken for
    # a corner of picture and padding, as it would be one of the network's choice
    assert len(found) == 4
    assert (found.points[:, 1] < 16).all()


def test_places_from_minus_one_to_one_are_those_of_aliked(tmp_path):
    folder = write_finder_folder(tmp_path / "m", coordinates="signed")
    write_finder(folder / "model.onnx", places=CENTRES / (SIDE - 1) * 2 - 1, axis=True)
    (signed,) = described(folder, mosaic())
    (plain,) = described(write_finder_folder(tmp_path / "plain"), mosaic())
    np.testing.assert_allclose(signed.points, plain.points, atol=1e-4)
    np.testing.assert_array_equal(signed.descriptors, plain.descriptors)


def test_grey_networks_see_lightness(tmp_path):
    (found,) = described(write_finder_folder(tmp_path / "m", channels="grey"), mosaic())
    assert found.descriptors.shape == (16, 4 + 4)


def test_the_best_points_are_kept_best_first(tmp_path):
    (every,) = described(write_finder_folder(tmp_path / "m"), mosaic())
    (few,) = described(write_finder_folder(tmp_path / "few", most=5), mosaic())
    np.testing.assert_array_equal(few.points, every.points[:5])
    (bright,) = described(write_finder_folder(tmp_path / "bright", threshold=0.6), mosaic())
    lightness = [mosaic()[int(y), int(x)].mean() / 255 for x, y in bright.points]
    assert 0 < len(bright) < 16
    assert min(lightness) >= 0.6


def test_what_changes_the_keypoints_changes_their_name(tmp_path):
    names = {
        load_describer(write_finder_folder(tmp_path / str(number), **config)).name
        for number, config in enumerate(({}, {"most": 9}, {"resize": "pad"}, {"mean": [0.1] * 3}, {"size": 9.0}))
    }
    assert len(names) == 5
    assert len({load_describer(tmp_path / "0").name, load_describer(tmp_path / "0").name}) == 1


def test_it_is_a_describer_like_any_other(tmp_path):
    describer = load_describer(write_finder_folder(tmp_path / "m"))
    ((_, found),) = describe_all(describer, ["one"], lambda _: mosaic(), threads=1)
    assert isinstance(found, Keypoints)
    assert (describer.kind, describer.area_fraction) == ("keypoints", 1.0)
    np.testing.assert_array_equal(Keypoints.from_bytes(found.to_bytes()).descriptors, found.descriptors)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"outputs": ["keypoints", "vectors", "scores"]}, "no output 'vectors' but keypoints"),
        ({"embedding_size": 4}, r"descriptors \(16, 12\) of 16 scores; its config says \(16, 2\) and \(16, 4\)"),
    ],
)
def test_a_network_that_gives_something_else_is_an_error(tmp_path, config, said):
    with pytest.raises(ModelError, match=said):
        described(write_finder_folder(tmp_path / "m", **config), mosaic())


def test_a_network_that_fails_on_every_picture_is_an_error(tmp_path):
    folder = write_finder_folder(tmp_path / "m", input_size=[64, 64])
    with pytest.raises(ModelError, match=r"model\.onnx (fails|cannot be run)"):
        described(folder, mosaic(), runtime="onnxruntime")


def test_what_describes_patches_and_what_describes_pictures_are_not_confused(tmp_path):
    folder = write_finder_folder(tmp_path / "m")
    with pytest.raises(ModelError, match="'points' of whole pictures; 'points' is wanted"):
        load_points_model(folder)
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(values | {"kind": "pixels"}))
    with pytest.raises(ModelError, match="kind: Input should be 'pictures'"):
        load_learned_points_model(folder)


@pytest.fixture(scope="module")
def xfeat(shared: Path, tmp_path_factory) -> Path:
    onnx = shared.parent / "weights" / "xfeat.onnx"
    if not onnx.is_file():
        pytest.skip(f"needs {onnx}")
    folder = tmp_path_factory.mktemp("real") / "xfeat"
    import_points(onnx, folder, "xfeat", input_size=(320, 320))
    return folder


@RUNTIMES
def test_xfeat_finds_the_same_places_of_a_picture_that_was_moved(xfeat, runtime):
    turn = cv2.getRotationMatrix2D((150, 100), 5, 1.1)
    moved = cv2.warpAffine(spotted(), turn, (300, 200), borderMode=cv2.BORDER_REFLECT)
    one, other = described(xfeat, spotted(), moved, runtime=runtime, threads=2)
    assert min(len(one), len(other)) > 100
    likeness = vectors_of(one.descriptors) @ vectors_of(other.descriptors).T
    mutual = np.flatnonzero(likeness.argmax(0)[likeness.argmax(1)] == np.arange(len(one)))
    expected = one.points[mutual] @ turn[:, :2].T + turn[:, 2]
    apart = np.linalg.norm(other.points[likeness.argmax(1)[mutual]] - expected, axis=1)
    assert len(mutual) > 40
    assert np.mean(apart < 5) > 0.8


@RUNTIMES
def test_xfeat_finds_nothing_in_a_picture_without_contrast(xfeat, runtime):
    flat, full = described(xfeat, np.zeros((20, 30, 3), np.uint8), spotted(), runtime=runtime)
    assert len(full) > 100
    assert len(flat) == 0


def test_keypoints_of_xfeat_are_voted_on_like_all_others(xfeat):
    animals = described(xfeat, *map(spotted, range(5)), threads=2)
    again = [
        cv2.warpAffine(spotted(seed), np.array([[1, 0.05, 6], [0, 1.05, -4.0]]), (300, 200)) for seed in range(5)
    ]
    index = LocalIndex(animals, list("abcde"))
    scores = np.concatenate(list(index.search(described(xfeat, *again, threads=2))))
    np.testing.assert_array_equal(scores.argmax(axis=1), np.arange(5))
