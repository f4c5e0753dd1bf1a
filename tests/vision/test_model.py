from __future__ import annotations

import json

import pytest

from hanzaki import ModelError
from hanzaki.vision.describing import load_describer
from hanzaki.vision.model import load_model
from tests.fixtures.models import write_model


def test_a_folder_is_read(model_folder):
    model = load_model(model_folder)
    assert model.config.embedding_size == 12
    assert model.fingerprint.startswith("tiny-")


def test_the_fingerprint_follows_weights_and_preprocessing_and_nothing_else(tmp_path, model_folder):
    original = load_model(model_folder).fingerprint
    assert load_model(write_model(tmp_path / "same")).fingerprint == original
    assert load_model(write_model(tmp_path / "card", licence="mit")).fingerprint == original
    assert load_model(write_model(tmp_path / "weights", seed=1)).fingerprint != original
    assert load_model(write_model(tmp_path / "pixels", mean=[0.5, 0.5, 0.5])).fingerprint != original
    assert load_model(write_model(tmp_path / "cut", crop_fraction=0.6)).fingerprint != original


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(ModelError, match="no config.json"):
        load_model(tmp_path)
    folder = write_model(tmp_path / "tiny")
    (folder / "model.onnx").unlink()
    with pytest.raises(ModelError, match="no model.onnx"):
        load_model(folder)


def test_a_wrong_or_unknown_setting_is_named(tmp_path):
    folder = write_model(tmp_path / "wrong", embedding_size=-1)
    with pytest.raises(ModelError, match="embedding_size: Input should be greater than 0"):
        load_model(folder)
    (folder / "config.json").write_text(json.dumps({"task": "embed", "colour": "brown"}))
    with pytest.raises(ModelError, match="colour: Extra inputs"):
        load_model(folder)


def test_a_network_that_is_none_is_an_error_that_names_it(tmp_path):
    folder = write_model(tmp_path / "broken")
    (folder / "model.onnx").write_bytes(b"not a network")
    with pytest.raises(ModelError, match="broken/model.onnx cannot be run"):
        load_describer(folder)


def test_a_word_that_is_neither_sift_nor_a_folder():
    with pytest.raises(ModelError, match="'shift' is no model folder.*there is also 'sift'"):
        load_describer("shift")
