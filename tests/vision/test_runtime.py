from __future__ import annotations

import numpy as np
import pytest

from hanzaki import ModelError
from hanzaki.vision.runtime import input_shape, load_network
from tests.fixtures.detectors import HEIGHT, WIDTH, write_network

RUNTIMES = pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
OUTPUTS = {
    "scores": np.arange(6).reshape(3, 2) / 10,
    "boxes": np.arange(12).reshape(3, 4),
    "alone": np.arange(4).reshape(2, 2),
}
BATCH = np.arange(5, dtype=np.float32)[:, None, None, None] * np.ones((1, 3, HEIGHT, WIDTH), np.float32)


@RUNTIMES
@pytest.mark.parametrize("batch", ["batch", 1])
def test_several_outputs_come_by_name_for_every_image(tmp_path, runtime, batch):
    network = load_network(write_network(tmp_path / "n.onnx", OUTPUTS, batch), runtime, 2)
    found = network.outputs(BATCH)
    assert list(found) == list(OUTPUTS)
    for name, said in OUTPUTS.items():
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], said[None] + 0.001 * np.arange(5)[:, None, None], atol=1e-6)


@RUNTIMES
def test_called_it_gives_the_first_output(tmp_path, runtime):
    network = load_network(write_network(tmp_path / "n.onnx", OUTPUTS), runtime, 1)
    np.testing.assert_array_equal(network(BATCH), network.outputs(BATCH)["scores"])


@RUNTIMES
def test_results_are_the_callers_own(tmp_path, runtime):
    network = load_network(write_network(tmp_path / "n.onnx", OUTPUTS), runtime, 1)
    first = network(BATCH)
    kept = first.copy()
    network(BATCH + 9)
    np.testing.assert_array_equal(first, kept)
    first[:] = 0


def test_the_shape_of_the_input_is_known_before_it_is_run(tmp_path):
    assert input_shape(write_network(tmp_path / "a.onnx", OUTPUTS)) == (None, 3, HEIGHT, WIDTH)
    assert input_shape(write_network(tmp_path / "b.onnx", OUTPUTS, 1)) == (1, 3, HEIGHT, WIDTH)
    (tmp_path / "c.onnx").write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError, match="c.onnx cannot be read as ONNX"):
        input_shape(tmp_path / "c.onnx")


@RUNTIMES
def test_a_file_that_cannot_be_run_is_named(tmp_path, runtime):
    (tmp_path / "c.onnx").write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError, match=f"c.onnx cannot be run by {runtime}"):
        load_network(tmp_path / "c.onnx", runtime, 1)
