"""The network that a run begins with, and how pictures are prepared for it."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from hanzaki.errors import ModelError
from hanzaki.learning import publish
from hanzaki.learning.config import EmbedderConfig
from hanzaki.learning.network import EmbeddingNetwork
from hanzaki.learning.publish import export_timm
from hanzaki.learning.reading_config import read_config, write_config
from hanzaki.learning.start import starting_network
from hanzaki.learning.weights import read_network
from tests.fixtures.models import write_model

TINY = "test_efficientnet"


def _config(**network: object) -> EmbedderConfig:
    return EmbedderConfig.model_validate({"name": "mine", "licence": "mit", "network": network})


@pytest.fixture
def exported(tmp_path, monkeypatch) -> Path:
    """What ``hanzaki models export`` makes of a timm network; its ONNX, which nobody looks at here, is empty."""
    monkeypatch.setattr(publish, "export_onnx", lambda network, size, path, *_: path.write_bytes(b""))
    monkeypatch.setattr(publish, "check_onnx", lambda *_: 1.0)
    save_file(timm.create_model(TINY, pretrained=False).state_dict(), tmp_path / "w.safetensors")
    sizes = {"input_size": (96, 64), "mean": (0.1, 0.2, 0.3), "std": (0.5, 0.6, 0.7)}
    export_timm(tmp_path / "exported", TINY, tmp_path / "w.safetensors", licence="apache-2.0", **sizes)
    return tmp_path / "exported"


def _assert_same_backbone(network: EmbeddingNetwork, other: torch.nn.Module) -> None:
    theirs = other.state_dict()
    for name, value in network.backbone.state_dict().items():
        assert torch.equal(value, theirs[name]), name


def test_a_new_network_is_prepared_for_as_the_config_says():
    said = {"input_size": (48, 32), "mean": (0, 0, 0), "std": (1, 1, 1), "resize": "pad", "crop_fraction": 0.6}
    network, look = starting_network(_config(backbone=TINY, pretrained=False, pooling="avg", **said))
    assert network.recipe == {"backbone": TINY, "pooling": "avg", "arguments": {}}
    assert {key: getattr(look, key) for key in said} == said
    assert (look.name, look.licence, look.architecture) == ("mine", "mit", TINY)
    assert look.embedding_size == network.embedding_size


def test_a_file_of_weights_stands_in_for_timms_own(tmp_path):
    theirs = timm.create_model(TINY, pretrained=False)
    save_file(theirs.state_dict(), tmp_path / "w.safetensors")  # with its classifier, which is left out
    network, _ = starting_network(_config(backbone=TINY, weights=tmp_path / "w.safetensors"))
    _assert_same_backbone(network, theirs)


def test_weights_of_another_architecture_are_refused(tmp_path):
    save_file(timm.create_model("test_resnet", pretrained=False).state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match=r"w\.safetensors does not fit the network"):
        starting_network(_config(backbone=TINY, weights=tmp_path / "w.safetensors"))


def test_an_architecture_that_timm_does_not_know_is_named():
    with pytest.raises(ModelError, match="no_such_net"):
        starting_network(_config(backbone="no_such_net", pretrained=False))


def test_a_trained_model_brings_its_shape_its_weights_and_its_preprocessing(trained):
    before, theirs = read_network(trained / "model")
    network, look = starting_network(_config(start=trained / "model", pooling="avg"))
    assert network.recipe == before.recipe  # whatever the config's own shape is
    for name, value in network.state_dict().items():
        assert torch.equal(value, before.state_dict()[name]), name
    for key in ("input_size", "mean", "std", "resize", "crop_fraction", "architecture", "embedding_size"):
        assert getattr(look, key) == getattr(theirs, key)
    assert (look.name, look.licence) == ("mine", "mit")


def test_an_exported_timm_network_brings_its_weights_and_its_preprocessing(exported):
    network, look = starting_network(_config(start=exported))
    _assert_same_backbone(network, read_network(exported)[0])
    assert (look.input_size, look.mean, look.std) == ((96, 64), (0.1, 0.2, 0.3), (0.5, 0.6, 0.7))
    assert network(torch.rand(2, 3, 64, 96)).shape == (2, look.embedding_size)


def test_only_what_the_config_says_by_name_replaces_the_models_preprocessing(exported):
    _, look = starting_network(_config(start=exported, std=(1, 1, 1), resize="pad"))
    assert (look.std, look.resize) == ((1, 1, 1), "pad")
    assert (look.input_size, look.mean) == ((96, 64), (0.1, 0.2, 0.3))


def test_the_config_kept_beside_a_fine_tuning_prepares_pictures_as_the_fine_tuning_did(exported, tmp_path):
    config = _config(start=exported, std=(1, 1, 1))
    write_config(config, tmp_path / "config.yaml")
    again = read_config(tmp_path / "config.yaml", EmbedderConfig)
    assert starting_network(again)[1] == starting_network(config)[1]


def test_what_is_fitted_to_the_old_network_is_left_behind(exported):
    path = exported / "config.json"
    path.write_text(path.read_text().replace('"calibration": null', '"calibration": {"slope": 2}'))
    _, look = starting_network(_config(start=exported))
    assert look.calibration is None


def test_a_model_without_weights_to_train_on_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"has no model\.safetensors"):
        starting_network(_config(start=write_model(tmp_path / "field")))
    with pytest.raises(ModelError, match="is not a model folder"):
        starting_network(_config(start=tmp_path))
