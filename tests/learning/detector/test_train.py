"""Training a detector: what comes of it finds what it learnt to find, whatever happens on the way."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from hanzaki.errors import ModelError, SettingError
from hanzaki.learning.checkpoint import load
from hanzaki.learning.claim import claim_run
from hanzaki.learning.detector import train
from hanzaki.learning.detector.config import DetectorTraining, detector_config
from hanzaki.learning.detector.start import starting_detector
from hanzaki.learning.detector.train import REPORT, train_detector
from hanzaki.learning.network import EmbeddingNetwork
from hanzaki.learning.reading_config import read_config, write_config
from hanzaki.learning.train import BEST, Trained
from hanzaki.learning.weights import RECIPE
from hanzaki.media import decode, read
from hanzaki.vision.detector import Detector
from hanzaki.vision.model import load_detector_model
from tests.fixtures.same import assert_same
from tests.fixtures.scenes import tiny_detector, write_scenes

EPOCH = 3  # steps: 12 of 15 pictures in fours
SPEEDS = {"pictures_per_second", "waiting"}


class _Killed(BaseException):
    """Nobody catches it."""


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("scenes"))


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def unpublished(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model folder is written, which takes longer than all the rest."""
    monkeypatch.setattr(train, "write_model_folder", lambda folder, *_, **__: folder.mkdir())


def _outcome(folder: Path, trained: Trained) -> dict[str, object]:
    records = [{key: value for key, value in one.items() if key not in SPEEDS} for one in trained.history]
    return {"epoch": trained.epoch, "log": records, "best": load_file(folder / BEST), "state": load(folder)}


def test_a_killed_run_that_is_run_again_comes_to_the_very_same_end(table, tmp_path, unpublished):
    config = tiny_detector(table)
    undisturbed = _outcome(tmp_path / "one", train_detector(config, tmp_path / "one"))
    for deadly in (1, EPOCH, EPOCH + 2):

        def progress(_what: str, done: int, total: int, deadly: int = deadly) -> None:
            assert total == 2 * EPOCH
            if done == deadly:
                raise _Killed

        with pytest.raises(_Killed):
            train_detector(config, tmp_path / "two", progress=progress)
    assert_same(_outcome(tmp_path / "two", train_detector(config, tmp_path / "two")), undisturbed)
    assert {"validation_map", "validation_map50", "validation_precision", "validation_recall"} <= set(
        undisturbed["log"][-1]
    )


def test_it_learns_to_find_bright_squares_and_its_model_folder_finds_them_in_the_field(tmp_path):
    table = write_scenes(tmp_path / "learnt", 40, labels=("head", "tail"))
    config = tiny_detector(
        table,
        schedule={"epochs": 25, "warmup_epochs": 1, "peak": 0.01},
        augmentation={"hue": 0, "grey": 0, "colour": 0, "erase": 0, "shift": 0.1},
        sampling={"batch": 8},
    )
    trained = train_detector(config, tmp_path / "run")
    losses = [record["loss"] for record in trained.history]
    assert losses[-1] < 0.5 * losses[0]
    assert trained.history[-1]["validation_map50"] > 0.6

    folder = load_detector_model(trained.model)
    assert folder.config.labels == ["head", "tail"]
    assert folder.config.threshold == pytest.approx(
        trained.history[trained.epoch - 1]["validation_threshold"], abs=0.02
    )
    detector = Detector(folder)
    path = tmp_path / "learnt" / "scene-001.png"
    found = detector.detect([detector.prepare(decode(read(path), path, 100))])[0]
    assert {one.label for one in found} == {"head", "tail"}
    assert "finds" in (tmp_path / "run" / REPORT / "index.html").read_text()
    card = (trained.model / "README.md").read_text()
    assert "It knows no individual" in card
    assert "of head" in card

    # the finished model is a start: for the same labels as it is, for others with a new last layer
    same, look = starting_detector(tiny_detector(table, network={"start": trained.model}), ["head", "tail"])
    state = load_file(trained.model / "model.safetensors")
    name = "head.classification_head.cls_logits.weight"
    assert torch.equal(same.state_dict()[name], state[name].float())
    assert look.input_size == (64, 64)
    other, _ = starting_detector(tiny_detector(table, network={"start": trained.model}), ["foot"])
    assert other.state_dict()[name].shape[0] == 1
    with pytest.raises(ModelError, match="brings 32 channels: leave network.channels out"):
        starting_detector(tiny_detector(table, network={"start": trained.model, "channels": 64}), ["head"])


def test_an_embedder_brings_its_backbone_and_its_colours(tmp_path, table):
    from safetensors.torch import save_file

    torch.manual_seed(3)
    embedder = EmbeddingNetwork("test_efficientnet")
    folder = tmp_path / "embedder"
    folder.mkdir()
    save_file(embedder.state_dict(), folder / "model.safetensors", {RECIPE: json.dumps(embedder.recipe)})
    (folder / "model.onnx").write_bytes(b"")
    values = {"task": "embed", "name": "e", "architecture": "test_efficientnet", "input_size": [32, 32]}
    values |= {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6], "embedding_size": embedder.embedding_size}
    (folder / "config.json").write_text(json.dumps(values))
    config = tiny_detector(table, network={"start": folder, "input_size": [64, 64], "channels": 32})
    network, look = starting_detector(config, ["head"])
    for name, value in network.backbone.state_dict().items():
        assert torch.equal(value, embedder.backbone.state_dict()[name]), name
    assert look.mean == (0.1, 0.2, 0.3)
    assert look.input_size == (64, 64)


def test_a_config_that_goes_on_from_a_model_reads_back_as_it_was(tmp_path, table):
    config = tiny_detector(table, network={"start": tmp_path, "frozen": 2})
    write_config(config, tmp_path / "config.yaml")
    again = read_config(tmp_path / "config.yaml", DetectorTraining)
    assert again == config
    assert again.network.model_fields_set.isdisjoint({"channels", "padding", "input_size", "backbone"})


def test_the_shipped_config_is_read_and_changed():
    config = detector_config("detector", changes={"network.input_size": [256, 192], "data.negatives": ["empty"]})
    assert config.network.input_size == (256, 192)
    assert config.data.negatives[0].is_absolute()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network.input_size": [300, 320]}, "network.input_size: width and height must be multiples of 32"),
        ({"data.labels": []}, "data.labels: name each label once"),
        ({"augmentation.rotate": 10}, "augmentation.rotate"),
        ({"augmentation.shift": 0.9}, "leave nothing of the photograph in sight"),
        ({"network.chanels": 64}, "did you mean network.channels?"),
        ({"sampling.accumulate": 9}, "fewer than two pictures"),
    ],
)
def test_what_cannot_be_is_told_by_its_key(changes, message):
    with pytest.raises(SettingError) as told:
        detector_config("detector", changes=changes)
    assert message in str(told.value)


def test_without_tables_it_says_how_to_name_some(tmp_path):
    with pytest.raises(SettingError, match="name tables with --table, or under data.tables"):
        train_detector(detector_config("detector"), tmp_path)


def test_another_config_in_the_same_folder_is_refused(table, tmp_path):
    claim_run(tmp_path / "run", tiny_detector(table))
    with pytest.raises(SettingError, match=r"sampling.batch was 4, now 8.*name a new folder"):
        train_detector(tiny_detector(table, sampling={"batch": 8}), tmp_path / "run")


def test_without_validation_the_last_epoch_is_taken_and_no_threshold_is_chosen(table, tmp_path, monkeypatch):
    looks: list[float] = []

    def write(folder: Path, _network: nn.Module, look: object, *_: object, **__: object) -> None:
        looks.append(look.threshold)  # type: ignore[attr-defined]
        folder.mkdir()

    monkeypatch.setattr(train, "write_model_folder", write)
    trained = train_detector(tiny_detector(table, data={"validation": 0}), tmp_path / "run")
    assert trained.epoch == 2
    assert looks == [0.3]
    assert not (tmp_path / "run" / REPORT).exists()
    assert np.isfinite(trained.history[-1]["loss"])
