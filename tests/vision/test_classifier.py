from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import scipy.special

from hanzaki import ModelError
from hanzaki.vision.classifier import Classifier
from hanzaki.vision.describing import load_describer
from hanzaki.vision.embedder import normalised
from hanzaki.vision.model import load_classifier_model
from tests.fixtures.models import DIMENSIONS, write_model
from tests.fixtures.photographs import pixels

CROPS = [pixels(seed, (30 + seed, 25)) for seed in range(9)]
LABELS = [f"species {i}" for i in range(DIMENSIONS)]


def write_classifier(folder: Path, **more: object) -> Path:
    """The tiny network, its outputs taken for logits."""
    write_model(folder, task="classify", label="species", labels=LABELS, temperature=400.0)
    config = json.loads((folder / "config.json").read_text())
    del config["embedding_size"]
    (folder / "config.json").write_text(json.dumps(config | more))
    return folder


def classified(folder: Path, runtime: str = "openvino") -> np.ndarray:
    classifier = Classifier(load_classifier_model(folder), runtime, threads=2)
    return np.stack(classifier.classify([classifier.prepare(crop) for crop in CROPS]))


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_probabilities_are_the_softmax_of_the_network_and_sum_to_one(tmp_path, runtime):
    model = load_classifier_model(write_classifier(tmp_path / "m"))
    session = onnxruntime.InferenceSession(str(model.onnx))
    (logits,) = session.run(None, {"image": np.stack([normalised(crop, model.config) for crop in CROPS])})
    found = classified(model.folder, runtime)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, scipy.special.softmax(logits / 400, axis=1), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    assert found.max(axis=1).min() < 0.9  # at this temperature something is to be compared


def test_a_higher_temperature_is_less_sure_and_of_the_same_opinion(tmp_path):
    cool, warm = (classified(write_classifier(tmp_path / str(t), temperature=t)) for t in (200.0, 2000.0))
    assert (warm.max(axis=1) < cool.max(axis=1)).all()
    np.testing.assert_array_equal(warm.argmax(axis=1), cool.argmax(axis=1))


def test_great_numbers_do_not_overflow(tmp_path):
    found = classified(write_classifier(tmp_path / "m", temperature=1e-4))
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)


def test_it_says_what_it_is_for(tmp_path):
    classifier = Classifier(load_classifier_model(write_classifier(tmp_path / "m", crop_fraction=0.6)))
    assert (classifier.label, classifier.labels, classifier.area_fraction) == ("species", LABELS, 0.6)
    assert classifier.classify([]) == []


def test_the_fingerprint_follows_all_that_the_answers_depend_on(tmp_path):
    changes = [{}, {"temperature": 1.0}, {"labels": LABELS[::-1]}, {"label": "sex"}, {"crop_fraction": 0.5}]
    folders = [write_classifier(tmp_path / str(i), **change) for i, change in enumerate(changes)]
    assert len({load_classifier_model(folder).fingerprint for folder in folders}) == len(changes)
    same = write_classifier(tmp_path / "same", licence="mit")
    assert load_classifier_model(same).fingerprint == load_classifier_model(folders[0]).fingerprint


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": ["one"]}, "labels: List should have at least 2 items"),
        ({"labels": ["a", "b", "a"]}, "each class needs a name of its own; a is not one"),
        ({"labels": ["a", ""]}, "an empty name"),
        ({"label": "colour"}, "label: Input should be 'species'"),
        ({"temperature": 0}, "temperature: Input should be greater than 0"),
    ],
)
def test_a_config_that_makes_no_sense_is_named(tmp_path, change, said):
    with pytest.raises(ModelError, match=said):
        load_classifier_model(write_classifier(tmp_path / "m", **change))


def test_a_network_with_another_number_of_outputs_is_an_error(tmp_path):
    folder = write_classifier(tmp_path / "m", labels=["left", "right"])
    with pytest.raises(ModelError, match=r"gives \(9, 12\), its config says \(9, 2\)"):
        classified(folder)


def test_neither_is_taken_for_the_other(tmp_path, model_folder):
    with pytest.raises(ModelError, match="task 'embed'; 'classify' is wanted"):
        load_classifier_model(model_folder)
    with pytest.raises(ModelError, match="task 'classify'; 'embed' is wanted"):
        load_describer(write_classifier(tmp_path / "m"))
