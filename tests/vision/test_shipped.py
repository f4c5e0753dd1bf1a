"""The models that come with hanzaki."""

from __future__ import annotations

import numpy as np
import pytest

from hanzaki import Box, defaults
from hanzaki.matching.local import LocalIndex
from hanzaki.matching.points import ANY_WAY
from hanzaki.virtual import Salamander, Scene, photograph
from hanzaki.vision.classifier import Classifier
from hanzaki.vision.crop import crop
from hanzaki.vision.describing import load_describer
from hanzaki.vision.detector import Detector
from hanzaki.vision.model import (
    CARD,
    WEIGHTS,
    load_any_model,
    load_classifier_model,
    load_detector_model,
    shipped_models,
)
from tests.fixtures.photographs import pixels
from tests.vision.test_rootsift import spotted

LIMIT = 12_000_000  # bytes, so that the package stays light
DETECTOR_LIMIT = 8_000_000


@pytest.mark.parametrize("name", ["hides", "marks"])
def test_a_shipped_model_is_whole_light_and_says_what_it_is(name):
    folder = shipped_models()[name]
    assert sum(file.stat().st_size for file in folder.iterdir()) <= LIMIT
    config = load_any_model(folder).config
    assert (config.name, config.licence) == (name, "apache-2.0")
    assert (folder / WEIGHTS).is_file()  # else nobody could train on from it
    card = (folder / CARD).read_text(encoding="utf-8")
    assert "## What it is not" in card
    assert f"hanzaki evaluate --table nyala/annotations.csv --with {name}" in card


def test_the_shipped_detector_is_light_and_says_what_it_is():
    folder = shipped_models()[defaults.DETECTOR]
    assert sum(file.stat().st_size for file in folder.iterdir()) <= DETECTOR_LIMIT
    config = load_detector_model(folder).config
    assert (config.name, config.licence, config.labels) == ("heads", "apache-2.0", ["head"])
    assert config.orientation == "top"
    card = (folder / CARD).read_text(encoding="utf-8")
    assert "It saw no real salamander" in card
    assert "python -m benchmarks.heads" in card


def test_the_shipped_classifier_is_light_and_says_that_it_is_for_virtual_animals():
    folder = shipped_models()["virtual-origin"]
    assert sum(file.stat().st_size for file in folder.iterdir()) <= DETECTOR_LIMIT
    config = load_classifier_model(folder).config
    assert (config.label, config.labels, config.licence) == ("origin", ["native", "hybrid"], "apache-2.0")
    card = (folder / CARD).read_text(encoding="utf-8")
    assert "It learnt from animals that never were and saw no real one" in card


def test_the_shipped_classifier_tells_origins_of_animals_that_it_never_saw():
    classifier = Classifier(load_classifier_model(shipped_models()["virtual-origin"]))
    right = 0
    for seed in range(24):
        origin = ("native", "hybrid")[seed % 2]
        animal = Salamander(910_000 + seed, origin=origin)
        picture = photograph(animal, Scene.draw(np.random.default_rng(seed)), (480, 360))
        seen = classifier.prepare(crop(picture.image, Box(*map(float, picture.box))))
        (shares,) = classifier.classify([seen])
        right += classifier.labels[int(shares.argmax())] == origin
    assert right >= 18


def test_the_shipped_detector_finds_the_heads_of_animals_that_it_never_saw():
    detector = Detector(load_detector_model(shipped_models()[defaults.DETECTOR]))
    found = 0
    for seed in range(10):
        picture = photograph(Salamander(900_000 + seed), Scene.draw(np.random.default_rng(seed)), (640, 480))
        (boxes,) = detector.detect([detector.prepare(picture.image)])
        found += bool(boxes) and boxes[0].box.overlap(Box(*map(float, picture.box))) > 0.5
    assert found >= 8


def test_it_is_named_in_place_of_a_folder_and_knows_a_picture_from_another():
    describer = load_describer("hides")
    one, other = pixels(1, (200, 150)), pixels(2, (200, 150))
    darker = (one * 0.8).astype(np.uint8)
    vectors = np.stack(describer.describe([describer.prepare(picture) for picture in (one, darker, other)]))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.1


def test_local_matching_knows_a_picture_from_another_without_being_told_how():
    describer = load_describer(defaults.MODEL)
    one, other = spotted(1), spotted(2)
    turned = np.ascontiguousarray((np.rot90(one, 2) * 0.7).astype(np.uint8))  # the other way up, in the shade
    query, *gallery = describer.describe([describer.prepare(picture) for picture in (turned, one, other)])
    (scores,) = LocalIndex(gallery, ["one", "other"], ANY_WAY).search([query])
    assert scores[0, 0] > 5 * scores[0, 1]
