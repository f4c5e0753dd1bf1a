"""Networks that match keypoints: here one that takes the likest, and LighterGlue where it is at hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from hanzaki.errors import ModelError
from hanzaki.keypoints import Keypoints
from hanzaki.matching.learned import matches
from hanzaki.vision.describing import load_describer
from hanzaki.vision.importing_points import import_matcher, import_points
from hanzaki.vision.marks import signed_rows
from hanzaki.vision.model import load_point_matcher_model
from hanzaki.vision.point_matcher import PointMatcher
from tests.fixtures.points import write_matcher_folder
from tests.vision.test_rootsift import spotted

RUNTIMES = pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])


def points(
    vectors: list[list[float]], places: list[list[float]], extent: tuple[int, int] = (100, 50)
) -> Keypoints:
    count = len(vectors)
    rows = np.array(vectors, np.float32).reshape(count, 3)
    return Keypoints(
        points=np.array(places, np.float32).reshape(count, 2),
        sizes=np.ones(count, np.float32),
        angles=np.zeros(count, np.float32),
        weights=np.ones(count, np.float32),
        descriptors=signed_rows(rows),
        extent=extent,
    )


RED, GREEN, BLUE = np.eye(3).tolist()
MIDDLE = [50.0, 25.0]
ONE = points([RED, GREEN, BLUE], [MIDDLE] * 3)
OTHER = points([BLUE, RED], [MIDDLE] * 2)


def matcher(folder: Path, runtime: str = "openvino", threads: int = 1, **config: object) -> PointMatcher:
    return PointMatcher(load_point_matcher_model(write_matcher_folder(folder, **config)), runtime, threads)


@RUNTIMES
def test_pairs_are_those_of_the_network_that_are_sure_enough(tmp_path, runtime):
    empty = points([], [])
    found = matcher(tmp_path / "m", runtime, 2, threshold=0.5)(
        [(ONE, OTHER), (OTHER, ONE), (ONE, empty), (empty, ONE)]
    )
    assert [pairs.tolist() for pairs, _ in found] == [[[0, 1], [2, 0]], [[0, 2], [1, 0]], [], []]
    for pairs, sure in found:
        assert pairs.shape == (len(sure), 2)
        np.testing.assert_allclose(sure, 1, atol=0.02)


@pytest.mark.parametrize(
    ("coordinates", "gained"), [("centred", 0.4 * 0.4 + 0.2 * 0.2), ("unit", 0.7 * 0.7 + 0.7 * 0.7)]
)
def test_places_are_fed_as_the_config_says(tmp_path, coordinates, gained):
    """The tiny network adds the product of two points' places: (70, 35) of 100 x 50, from the middle (20, 10)."""
    apart = points([RED], [[70.0, 35.0]])
    ((_, sure),) = matcher(tmp_path / "m", coordinates=coordinates)([(apart, apart)])
    np.testing.assert_allclose(sure, 1 + gained, atol=0.01)


def test_keypoints_of_another_network_are_refused(tmp_path):
    wide = replace(ONE, descriptors=signed_rows(np.eye(3, 8, dtype=np.float32)))
    with pytest.raises(ModelError, match="points of 3 numbers, not of 8 and 3"):
        matcher(tmp_path / "m")([(wide, ONE)])


def test_inputs_and_outputs_that_are_not_the_networks_are_named(tmp_path):
    with pytest.raises(ModelError, match="takes .*kpts0.*name them in"):
        matcher(tmp_path / "inputs", inputs=["a", "b", "c", "d"])
    with pytest.raises(ModelError, match="no output 'pairs' but matches"):
        matcher(tmp_path / "outputs", outputs=["pairs", "scores"])([(ONE, OTHER)])


def test_another_matcher_has_another_name(tmp_path):
    assert matcher(tmp_path / "a").name != matcher(tmp_path / "b", threshold=0.3).name


@RUNTIMES
def test_lighterglue_tells_an_animal_from_others_by_the_points_of_xfeat(shared, tmp_path, runtime):
    weights = shared.parent / "weights"
    if not (weights / "xfeat.onnx").is_file() or not (weights / "lighterglue_L3.onnx").is_file():
        pytest.skip(f"needs xfeat.onnx and lighterglue_L3.onnx in {weights}")
    import_points(weights / "xfeat.onnx", tmp_path / "xfeat", "xfeat", input_size=(320, 320))
    import_matcher(weights / "lighterglue_L3.onnx", tmp_path / "glue")
    turn = cv2.getRotationMatrix2D((150, 100), 8, 1.1)
    pictures = [cv2.warpAffine(spotted(0), turn, (300, 200)), *map(spotted, range(3))]
    describer = load_describer(tmp_path / "xfeat", runtime, 2)
    query, *gallery = describer.describe([describer.prepare(picture) for picture in pictures])
    glue = PointMatcher(load_point_matcher_model(tmp_path / "glue"), runtime, 2)
    scores = np.array([found.evidence for found in matches([(query, one) for one in gallery], glue)])
    assert scores[0] > 4 * scores[1:].max()
    (same,) = matches([(gallery[0], query)], glue)
    np.testing.assert_allclose(same.transform[:, :2], turn[:, :2], atol=0.05)
