from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from hanzaki import ModelError
from hanzaki.errors import BadMedium
from hanzaki.vision.describing import describe_all, from_bytes, load_describer, to_bytes
from hanzaki.vision.embedder import Embedder, normalised
from hanzaki.vision.model import load_model
from tests.fixtures.models import SIZE, write_model
from tests.fixtures.photographs import pixels

CROPS = [pixels(seed, (30 + seed, 25)) for seed in range(9)]


def embed(folder, runtime="openvino") -> np.ndarray:
    embedder = load_describer(folder, runtime, threads=2)
    return np.stack(embedder.describe([embedder.prepare(crop) for crop in CROPS]))


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_vectors_are_those_of_the_network(model_folder, runtime):
    model = load_model(model_folder)
    session = onnxruntime.InferenceSession(str(model.onnx))
    batch = np.stack([normalised(crop, model.config) for crop in CROPS])
    (expected,) = session.run(None, {"image": batch})
    np.testing.assert_allclose(embed(model_folder, runtime), expected, rtol=1e-4, atol=1e-3)


def test_order_is_kept_however_many_are_in_flight(model_folder):
    together = embed(model_folder)
    embedder = load_describer(model_folder)
    for crop, vector in zip(CROPS, together, strict=True):
        np.testing.assert_allclose(embedder.describe([embedder.prepare(crop)])[0], vector, rtol=1e-5)


def test_pixels_are_prepared_as_the_config_says(tmp_path):
    folder = write_model(tmp_path / "m", mean=[0.5, 0.25, 0.0], std=[0.5, 0.25, 1.0])
    grey = np.full((10, 10, 3), 51, np.uint8)  # 0.2
    prepared = normalised(grey, load_model(folder).config)
    assert prepared.shape == (3, SIZE, SIZE)
    np.testing.assert_allclose(prepared[:, 0, 0], [-0.6, -0.2, 0.2], atol=1e-6)


def test_a_network_that_differs_from_its_config_is_an_error(tmp_path):
    folder = write_model(tmp_path / "m", embedding_size=13)
    with pytest.raises(ModelError, match=r"gives \(9, 12\), its config says \(9, 13\)"):
        embed(folder)


def test_no_pictures_are_no_vectors(model_folder):
    assert Embedder(load_model(model_folder)).describe([]) == []


def test_bytes_and_back_are_the_same_vector(model_folder):
    vector = embed(model_folder)[0]
    np.testing.assert_array_equal(from_bytes("embedding", to_bytes(vector)), vector)


def test_one_bad_picture_comes_out_as_its_reason_and_stops_nothing(model_folder):
    def crop_of(item: int) -> np.ndarray:
        if item == 40:
            raise BadMedium("forty.jpg", "truncated")
        return CROPS[item % len(CROPS)]

    results = list(describe_all(load_describer(model_folder), range(70), crop_of, threads=3))
    assert [item for item, _ in results] == list(range(70))
    assert [item for item, made in results if isinstance(made, BadMedium)] == [40]
    np.testing.assert_allclose(results[41][1], embed(model_folder)[41 % len(CROPS)], rtol=1e-5)
