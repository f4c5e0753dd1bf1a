"""The models that come with hanzaki."""

from __future__ import annotations

import numpy as np
import pytest

from hanzaki.vision.describing import load_describer
from hanzaki.vision.model import CARD, WEIGHTS, load_model, shipped_models
from tests.fixtures.photographs import pixels

LIMIT = 12_000_000  # bytes, so that the package stays light


@pytest.mark.parametrize("name", ["hides"])
def test_a_shipped_model_is_whole_light_and_says_what_it_is(name):
    folder = shipped_models()[name]
    assert sum(file.stat().st_size for file in folder.iterdir()) <= LIMIT
    config = load_model(folder).config
    assert (config.name, config.licence) == (name, "apache-2.0")
    assert (folder / WEIGHTS).is_file()  # else nobody could train on from it
    card = (folder / CARD).read_text(encoding="utf-8")
    assert "## What it is not" in card
    assert "hanzaki evaluate --table nyala/annotations.csv --with hides" in card


def test_it_is_named_in_place_of_a_folder_and_knows_a_picture_from_another():
    describer = load_describer("hides")
    one, other = pixels(1, (200, 150)), pixels(2, (200, 150))
    darker = (one * 0.8).astype(np.uint8)
    vectors = np.stack(describer.describe([describer.prepare(picture) for picture in (one, darker, other)]))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.1
