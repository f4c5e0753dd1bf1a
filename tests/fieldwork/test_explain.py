"""Why? Of pictures of a catalogue and of files, by classifiers, embedders and keypoints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hanzaki import BadMedium, CatalogueError, ModelError, SettingError
from hanzaki.explanation.colours import THICKEST, colours_of
from hanzaki.fieldwork.explain import explain, look_at
from tests.fixtures.red import write_clip
from tests.fixtures.telling import write_telling_model
from tests.vision.test_rootsift import spotted


@pytest.fixture
def half_red(tmp_path: Path) -> Path:
    """A photograph that is red at the left and blue at the right."""
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[:, :100, 0] = picture[:, 100:, 2] = 200
    Image.fromarray(picture).save(tmp_path / "half.png")
    return tmp_path / "half.png"


@pytest.mark.parametrize(("label", "hot", "cold"), [("red", 190, 490), ("blue", 490, 190)])
def test_the_places_that_speak_for_a_label_are_hot(half_red, tmp_path, label, hot, cold):
    found = explain(None, [half_red], write_telling_model(tmp_path / "m"), label=label)
    assert (found.label, found.probability) == (label, pytest.approx(0.5, abs=1e-4))
    assert str(found) == f"{label}, 50.0%"
    colour = {190: [200, 0, 0], 490: [0, 0, 200]}  # columns of the drawing in the middle of either half
    row = 300
    np.testing.assert_allclose(found.drawing[row, cold], colour[cold], atol=3)
    expected = THICKEST * colours_of(1.0) + (1 - THICKEST) * np.array(colour[hot])
    np.testing.assert_allclose(found.drawing[row, hot], expected, atol=8)


def test_without_a_label_it_is_the_likeliest_in_the_animals_box(catalogue, half_red, tmp_path):
    (tmp_path / "t.csv").write_text("path,bbox\nhalf.png,110 10 80 80")
    catalogue.add(tmp_path / "half.png", table=tmp_path / "t.csv")
    found = explain(catalogue, [1], write_telling_model(tmp_path / "m"))
    assert found.label == "blue"
    assert found.probability > 0.99
    assert found.pictures == ("1: half.png",)


def test_a_similarity_is_that_of_the_embeddings(half_red, tmp_path):
    Image.fromarray(np.full((50, 50, 3), [200, 0, 0], np.uint8)).save(tmp_path / "red.png")
    found = explain(None, [half_red, tmp_path / "red.png"], write_telling_model(tmp_path / "m", "embed"))
    assert found.similarity == pytest.approx(1 / np.sqrt(2), abs=1e-4)
    assert str(found) == "similarity 0.707"


def test_keypoints_are_paired(tmp_path):
    one = spotted(1)
    Image.fromarray(one).save(tmp_path / "one.png")
    Image.fromarray(np.ascontiguousarray(np.rot90(one, 2))).save(tmp_path / "turned.png")
    Image.fromarray(np.zeros_like(one)).save(tmp_path / "dark.png")
    for model in ("sift", "marks"):
        found = explain(None, [tmp_path / "one.png", tmp_path / "turned.png"], model)
        assert found.pairs > 10
        assert f"{found.pairs} verified pairs" in str(found)
        assert explain(None, [tmp_path / "one.png", tmp_path / "dark.png"], model).pairs == 0


def test_a_moment_of_a_video_is_a_picture(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", [lambda t: (10 + 40 * t, 20)])
    early, late = (look_at(None, f"{clip}@{seconds}").pixels for seconds in (0.1, 1.2))
    assert early.shape == late.shape
    assert np.abs(early.astype(int) - late).max() > 50
    with pytest.raises(BadMedium, match="VIDEO@SECONDS"):
        look_at(None, clip)


def test_what_cannot_be_explained_says_what_to_do(catalogue, half_red, model_folder, tmp_path):
    telling = write_telling_model(tmp_path / "m")
    with pytest.raises(SettingError, match="says what one picture shows"):
        explain(None, [half_red, half_red], telling)
    with pytest.raises(SettingError, match="compares two pictures"):
        explain(None, [half_red], "marks")
    with pytest.raises(SettingError, match="knows no 'green'; its labels are red, blue"):
        explain(None, [half_red], telling, label="green")
    with pytest.raises(SettingError, match="a label is asked of a classifier"):
        explain(None, [half_red, half_red], "sift", label="red")
    with pytest.raises(ModelError, match="cannot be explained"):
        explain(None, [half_red, half_red], model_folder)
    with pytest.raises(CatalogueError, match="there is no picture 7"):
        explain(catalogue, [7, half_red], "sift")
    with pytest.raises(CatalogueError, match="none is at hand"):
        explain(None, ["7", half_red], "sift")
    with pytest.raises(BadMedium, match=r"none\.jpg"):
        explain(None, [tmp_path / "none.jpg", half_red], "sift")
    with pytest.raises(ModelError, match="no shipped model"):
        explain(None, [half_red], "oracle")
