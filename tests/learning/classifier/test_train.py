"""Training a classifier: what comes of it is tested on other animals, whatever happens on the way."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from hanzaki.errors import ModelError, SettingError
from hanzaki.exchange.table import read_table
from hanzaki.learning.checkpoint import load
from hanzaki.learning.classifier import results, train
from hanzaki.learning.classifier.config import classifier_config
from hanzaki.learning.classifier.start import starting_classifier
from hanzaki.learning.classifier.train import ClassifierLesson, TrainedClassifier, train_classifier
from hanzaki.learning.reading_config import shipped_classifiers
from hanzaki.learning.train import BEST
from hanzaki.media import load_picture
from hanzaki.vision.classifier import Classifier
from hanzaki.vision.crop import crop
from hanzaki.vision.model import load_classifier_model
from tests.fixtures.kinds import LEARNING, tiny_classifier, write_kinds
from tests.fixtures.same import assert_same

EPOCH = 3  # steps: 14 of 16 pictures in fours, and what is left
SPEEDS = {"pictures_per_second", "waiting"}


class _Killed(BaseException):
    """Nobody catches it."""


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    return write_kinds(tmp_path_factory.mktemp("kinds"), 8, 3)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def unpublished(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model folder is written or judged, which takes longer than all the rest."""
    monkeypatch.setattr(train, "write_model_folder", lambda folder, *_, **__: folder.mkdir())
    monkeypatch.setattr(results, "finished", lambda *_, **__: ({"notes": []}, None))


def _outcome(folder: Path, trained: TrainedClassifier) -> dict[str, object]:
    records = [{key: value for key, value in one.items() if key not in SPEEDS} for one in trained.history]
    return {"epoch": trained.epoch, "log": records, "best": load_file(folder / BEST), "state": load(folder)}


def test_a_killed_run_that_is_run_again_comes_to_the_very_same_end(table, tmp_path, unpublished):
    config = tiny_classifier(table)
    undisturbed = _outcome(tmp_path / "one", train_classifier(config, tmp_path / "one"))
    assert undisturbed["log"][-1]["step"] == 2 * EPOCH
    for deadly in (1, EPOCH, EPOCH + 2):

        def progress(what: str, done: int, _total: int, deadly: int = deadly) -> None:
            if what == "training" and done == deadly:
                raise _Killed

        with pytest.raises(_Killed):
            train_classifier(config, tmp_path / "two", progress=progress)
    assert_same(_outcome(tmp_path / "two", train_classifier(config, tmp_path / "two")), undisturbed)
    assert {"validation_accuracy", "validation_macro_f1", "validation_likelihood"} <= set(undisturbed["log"][-1])


def test_it_learns_two_kinds_and_is_tested_on_animals_that_it_never_saw(tmp_path):
    table = write_kinds(tmp_path / "kinds", 16, 3)
    run = tmp_path / "run"
    trained = train_classifier(tiny_classifier(table, **LEARNING), run)
    test = trained.results["test"]
    assert test["accuracy"][0] == 1
    assert test["queries"] == 15
    assert trained.page.is_file()
    assert json.loads((run / "results.json").read_text())["protocol"] == "individual"

    # in the field the model folder says what it said on the test
    model = load_classifier_model(trained.model)
    assert model.config.temperature == trained.results["temperature"]
    classifier, tested = Classifier(model), read_table(run / "split" / "test.csv")
    crops = [crop(load_picture(tested.folder / row.path, None, 100), row.bbox) for row in tested]
    told = classifier.classify([classifier.prepare(one) for one in crops])
    assert [classifier.labels[row.argmax()] for row in told] == list(tested.frame["origin"])

    card = (trained.model / "README.md").read_text()
    assert "pipeline_tag: image-classification" in card
    assert "| accuracy | photographs kept apart, by individual | 100.0% (100.0% to 100.0%) |" in card
    assert "`hanzaki evaluate --table run/split/test.csv --with run/model`" in card
    assert str(tmp_path) not in card

    # run again, nothing is done again
    again = train_classifier(tiny_classifier(table, **LEARNING), run, progress=lambda *_: pytest.fail("worked"))
    assert again.results == trained.results

    # the finished model is a start: for the same labels as it is, for others with a new last layer
    same, look = starting_classifier(
        tiny_classifier(table, network={"start": trained.model}), ["hybrid", "native"]
    )
    state = load_file(trained.model / "model.safetensors")
    assert torch.equal(same.state_dict()["head.weight"], state["head.weight"])
    assert look.input_size == (32, 32)
    other, _ = starting_classifier(tiny_classifier(table, network={"start": trained.model}), ["native", "x", "y"])
    assert other.head.out_features == 3
    assert torch.equal(other.embedding.bn.weight, same.embedding.bn.weight)


def test_without_validation_and_test_it_says_what_that_means(table, tmp_path):
    config = tiny_classifier(table, split={"protocol": "none", "validation": 0})
    trained = train_classifier(config, tmp_path / "run")
    assert trained.epoch == 2
    assert trained.results["temperature"] == 1
    assert trained.results["test"] is None
    assert trained.page is None
    assert "the temperature stays 1: nothing was kept aside to fit it by" in trained.notes
    with pytest.raises(SettingError, match="controls need a test"):
        train_classifier(config, tmp_path / "run", controls=True)


def test_the_loss_is_torchs_with_weights_that_mean_the_same_in_every_batch():
    network = torch.nn.Linear(3, 2)
    images, labels = torch.randn(5, 3), torch.tensor([0, 1, 1, 1, 0])
    plain = ClassifierLesson(network, 0.1, torch.ones(2))
    expected = torch.nn.functional.cross_entropy(network(images), labels, label_smoothing=0.1)
    assert torch.allclose(plain(images, labels), expected)
    weighted = ClassifierLesson(network, 0.0, torch.tensor([2.0, 0.5]))
    parts = sum(weighted(images[i : i + 1], labels[i : i + 1]) for i in range(5)) / 5
    assert torch.allclose(weighted(images, labels), parts)


@pytest.mark.parametrize("name", shipped_classifiers())
def test_every_shipped_config_can_be_used(name):
    assert classifier_config(name).name == name


def test_the_default_is_the_salamander_studys_recipe():
    config = classifier_config("classifier")
    assert config.network.backbone.startswith("tf_efficientnetv2_b0")
    assert (config.network.input_size, config.network.crop_fraction, config.network.dropout) == (
        (224, 224),
        0.6,
        0.3,
    )
    assert (config.schedule.epochs, config.sampling.batch, config.split.test) == (50, 32, 0.3)
    chances = config.augmentation
    assert {chances.framing, chances.rotate_chance, chances.brightness_chance, chances.saturation_chance,
            chances.colour, chances.noise} == {0.5}  # fmt: skip
    origin = classifier_config("origin")
    assert (origin.data.label, origin.data.labels) == ("origin", ["native", "hybrid"])


def test_quick_begins_with_the_model_that_comes_along(table):
    config = classifier_config("quick", tables=[table], changes={"data.label": "origin"})
    network, look = starting_classifier(config, ["hybrid", "native"])
    assert network.embedding.recipe["backbone"] == "mobilenetv2_100"
    assert (look.mean, look.input_size) == ((0.5, 0.5, 0.5), (128, 128))
    assert np.isfinite(network(torch.zeros(2, 3, 128, 128)).detach().numpy()).all()
    with pytest.raises(ModelError):
        starting_classifier(tiny_classifier(table, network={"start": "heads"}), ["hybrid", "native"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data.labels": ["native"]}, "data.labels: name two labels or more"),
        ({"data.label": "colour"}, "data.label"),
        ({"data.label": "quality", "data.cuts": [0.5, 0.2]}, "numbers that ascend"),
        ({"network.droput": 0.1}, "did you mean network.dropout?"),
        ({"split.protocol": "miewid"}, "split.protocol"),
        ({"sampling.accumulate": 17}, "fewer than two pictures"),
        ({"loss.balance": "some"}, "loss.balance"),
    ],
)
def test_what_cannot_be_is_told_by_its_key(changes, message):
    with pytest.raises(SettingError) as told:
        classifier_config("classifier", changes=changes)
    assert message in str(told.value)


def test_without_tables_it_says_how_to_name_some(tmp_path):
    with pytest.raises(SettingError, match="name tables with --table, or under data.tables"):
        train_classifier(classifier_config("classifier"), tmp_path)


def test_another_config_in_the_same_folder_is_refused(table, tmp_path, unpublished):
    train_classifier(tiny_classifier(table), tmp_path / "run")
    with pytest.raises(SettingError, match=r"sampling.batch was 4, now 8.*name a new folder"):
        train_classifier(tiny_classifier(table, sampling={"batch": 8}), tmp_path / "run")


def test_a_split_that_cannot_be_made_leaves_the_folder_free(table, tmp_path, unpublished):
    run = tmp_path / "run"
    with pytest.raises(SettingError, match="name another split.protocol"):
        train_classifier(tiny_classifier(table, data={"label": "individual"}), run)
    assert not run.exists()
    train_classifier(tiny_classifier(table), run)
