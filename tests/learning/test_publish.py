"""Whatever a network came from, its model folder is written by one writer, whole and checked."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from hanzaki.errors import ModelError
from hanzaki.learning import publish
from hanzaki.learning.agreement import check_detector, check_onnx
from hanzaki.learning.card import Card
from hanzaki.learning.network import EmbeddingNetwork, embedding_size, from_recipe
from hanzaki.learning.publish import (
    export_detector,
    export_onnx,
    export_timm,
    rounded,
    write_model_folder,
)
from hanzaki.learning.weights import RECIPE, read_network
from hanzaki.vision.detector import Detector
from hanzaki.vision.embedder import Embedder
from hanzaki.vision.model import DetectorConfig, ModelConfig, load_detector_model, load_model

TINY = "test_convnext"


@pytest.fixture(autouse=True)
def _one_thread_and_seed():
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> tuple[Path, torch.nn.Module]:
    """A folder of a timm network, and the network."""
    folder = tmp_path_factory.mktemp("exported")
    torch.manual_seed(3)
    network = timm.create_model(TINY, pretrained=False, num_classes=9)
    save_file(network.state_dict(), folder / "weights.safetensors")
    export_timm(
        folder / "model",
        TINY,
        folder / "weights.safetensors",
        input_size=(64, 48),
        licence="mit",
        training_data="dots",
    )
    network.reset_classifier(0)
    return folder / "model", network.eval()


def _config(network: torch.nn.Module, **other: object) -> ModelConfig:
    values = {"task": "embed", "name": "n", "architecture": TINY, "input_size": (64, 64), "mean": (0.5,) * 3,
              "std": (0.2,) * 3, "embedding_size": embedding_size(network)}  # fmt: skip
    return ModelConfig(**values | other)


def test_an_exported_network_gives_timms_features_in_the_field(exported):
    folder, network = exported
    model = load_model(folder)
    assert (model.config.input_size, model.config.licence, model.config.training_data) == ((64, 48), "mit", "dots")
    embedder = Embedder(model, "onnxruntime")
    prepared = [np.random.default_rng(seed).random((3, 48, 64), np.float32) for seed in range(3)]
    with torch.inference_mode():
        expected = network(torch.from_numpy(np.stack(prepared))).numpy()
    assert np.allclose(embedder.describe(prepared), expected, atol=1e-4)


def test_an_exported_network_can_be_read_back_to_train_on(exported):
    folder, network = exported
    again, config = read_network(folder)
    images = torch.rand(2, 3, 48, 64)
    with torch.inference_mode():
        assert torch.equal(again(images), network(images))
    assert config == load_model(folder).config


def test_the_card_says_what_it_is(exported):
    card = (exported[0] / "README.md").read_text()
    assert "license: mit\n" in card
    assert "was not trained to tell individuals apart" in card
    assert "64 x 48 pixels" in card


def test_the_network_says_nothing_of_the_machine_that_wrote_it(exported):
    for file in ("model.onnx", "model.safetensors"):
        content = (exported[0] / file).read_bytes()
        assert b".py" not in content
        assert str(Path.cwd()).encode() not in content


def test_weights_of_another_network_are_refused(tmp_path: Path):
    save_file(timm.create_model("test_vit", pretrained=False).state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match="missing: .*unexpected: "):
        export_timm(tmp_path / "m", TINY, tmp_path / "w.safetensors")
    assert not (tmp_path / "m").exists()


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    for folder in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(ModelError, match="is not empty; name a new folder"):
            export_timm(folder, TINY, tmp_path / "none.safetensors")
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_onnx_that_is_not_the_network_is_found_out(exported):
    folder, network = exported
    config = load_model(folder).config
    assert check_onnx(network, folder / "model.onnx", config) >= 0.9999
    other = timm.create_model(TINY, pretrained=False, num_classes=0).eval()
    torch.nn.init.normal_(other.stem[0].weight)
    with pytest.raises(ModelError, match="do not agree"):
        check_onnx(other, folder / "model.onnx", config)


def test_a_config_of_another_length_is_found_out(exported):
    folder, network = exported
    config = load_model(folder).config.model_copy(update={"embedding_size": 9})
    with pytest.raises(ModelError, match="its config says 9"):
        check_onnx(network, folder / "model.onnx", config)


def test_embeddings_that_are_not_numbers_are_found_out(exported):
    folder, network = exported
    broken = timm.create_model(TINY, pretrained=False, num_classes=0).eval()
    broken.load_state_dict(network.state_dict())
    broken.head.norm.weight.data.fill_(torch.nan)
    with pytest.raises(ModelError, match="cosine nan"):
        check_onnx(broken, folder / "model.onnx", load_model(folder).config)


def test_a_folder_that_fails_its_check_never_appears(exported, tmp_path: Path, monkeypatch):
    folder, _ = exported
    monkeypatch.setattr(
        publish, "export_onnx", lambda network, size, path, half, first: shutil.copy(folder / "model.onnx", path)
    )
    other = timm.create_model(TINY, pretrained=False, num_classes=0)
    torch.nn.init.normal_(other.stem[0].weight)
    with pytest.raises(ModelError, match="do not agree"):
        write_model_folder(tmp_path / "m", other, _config(other, input_size=(64, 48)), Card(""))
    assert list(tmp_path.iterdir()) == []


def test_a_kill_in_the_middle_is_no_obstacle_to_the_next_attempt(exported, tmp_path: Path, monkeypatch):
    folder, network = exported
    (tmp_path / "m.incoming").mkdir()
    (tmp_path / "m.incoming" / "model.onnx").write_text("half")
    monkeypatch.setattr(
        publish, "export_onnx", lambda network, size, path, half, first: shutil.copy(folder / "model.onnx", path)
    )
    write_model_folder(tmp_path / "m", network, load_model(folder).config, Card("A test."))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m"]
    assert load_model(tmp_path / "m").config == load_model(folder).config


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch):
    def export(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'onnxscript'")

    monkeypatch.setattr(torch.onnx, "export", export)
    network = EmbeddingNetwork(TINY)
    with pytest.raises(ModelError, match="onnxscript.*pip install"):
        write_model_folder(tmp_path / "m", network, _config(network), Card(""))
    assert list(tmp_path.iterdir()) == []


def test_weights_without_a_recipe_cannot_be_trained_on(exported, tmp_path: Path):
    shutil.copytree(exported[0], tmp_path / "m")
    save_file(load_file(tmp_path / "m" / "model.safetensors"), tmp_path / "m" / "model.safetensors")
    with pytest.raises(ModelError, match="does not say what network it is of"):
        read_network(tmp_path / "m")
    (tmp_path / "m" / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"has no model\.safetensors"):
        read_network(tmp_path / "m")


def test_a_recipe_of_a_newer_hanzaki_is_said_to_be(exported, tmp_path: Path):
    with pytest.raises(ModelError, match="newer hanzaki"):
        from_recipe({"backbone": TINY, "whitening": True})
    network = EmbeddingNetwork(TINY)
    shutil.copytree(exported[0], tmp_path / "m")
    recipe = json.dumps(network.recipe | {"pooling": "avg"})
    save_file(network.state_dict(), tmp_path / "m" / "model.safetensors", {RECIPE: recipe})
    with pytest.raises(ModelError, match=r"unexpected: pooling\.p"):
        read_network(tmp_path / "m")


# ---- kept in 16 bits


@pytest.fixture(scope="module")
def halved(tmp_path_factory) -> tuple[Path, torch.nn.Module, torch.Tensor]:
    """A folder of a network kept in 16 bits, the network, and what it made of some images before."""
    torch.manual_seed(5)
    network = EmbeddingNetwork("test_efficientnet").eval()
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 2)
    with torch.inference_mode():
        before = network(_images())
    folder = tmp_path_factory.mktemp("halved") / "m"
    write_model_folder(folder, network, _config(network), Card("A test."), half=True)
    return folder, network, before


def _images() -> torch.Tensor:
    return torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_kept_in_16_bits_every_runtime_computes_in_32_what_torch_computes(runtime, halved):
    again, _ = read_network(halved[0])
    assert {value.dtype for value in again.parameters()} == {torch.float32}
    with torch.inference_mode():
        expected = again(_images()).numpy()
    found = Embedder(load_model(halved[0]), runtime).describe(list(_images().numpy()))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_rounding_changes_little_and_the_callers_network_not_at_all(halved):
    folder, network, before = halved
    with torch.inference_mode():
        assert torch.equal(network(_images()), before)
        after = read_network(folder)[0](_images())
    assert not torch.equal(after, before)
    assert torch.cosine_similarity(after, before).min() > 0.9999


def test_what_is_kept_in_16_bits_and_what_is_not(halved):
    state = load_file(halved[0] / "model.safetensors")
    assert state["backbone.conv_stem.weight"].dtype == torch.float16
    assert state["backbone.bn1.running_var"].dtype == state["pooling.p"].dtype == torch.float32
    assert state["bn.num_batches_tracked"].dtype == torch.int64
    assert "kept in 16 bits" in (halved[0] / "README.md").read_text()


def test_a_mobilenet_kept_in_16_bits_is_half_as_large(tmp_path: Path):
    network = rounded(timm.create_model("mobilenetv2_100", pretrained=False, num_classes=0))
    path = tmp_path / "half.onnx"
    export_onnx(network, (3, 64, 64), path, half=True)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    assert check_onnx(network, path, _config(network)) > 0.999999
    assert path.stat().st_size < 0.57 * 4 * sum(value.numel() for value in network.parameters())


def test_a_weight_too_large_for_16_bits_is_said(tmp_path: Path):
    network = EmbeddingNetwork(TINY)
    network.backbone.stem[0].weight.data[0, 0, 0, 0] = 70_000
    with pytest.raises(ModelError, match=r"backbone\.stem\.0\.weight has weights too large for 16 bits"):
        write_model_folder(tmp_path / "m", network, _config(network), Card(""), half=True)
    assert list(tmp_path.iterdir()) == []


# ---- detectors


class _Finder(torch.nn.Module):
    """One box in the middle, the brighter the picture the surer, and as many that nobody looks at."""

    def __init__(self, shift: float = 0.0) -> None:
        super().__init__()
        self.shift = torch.nn.Parameter(torch.tensor(shift))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        light = images.mean(dim=(1, 2, 3)).reshape(-1, 1, 1)
        boxes = torch.tensor([[[8.0, 4, 24, 20], [30, 10, 62, 30]]]) + light + self.shift
        return boxes, torch.sigmoid(light + torch.tensor([[[1.0, -1], [0, 0.5]]]))


def _detector_config(**other: object) -> DetectorConfig:
    values = {"task": "detect", "name": "n", "architecture": "none", "labels": ["hide", "head"],
              "input_size": (64, 32), "layout": "boxes", "overlap": 0.5, "licence": "mit"}  # fmt: skip
    return DetectorConfig(**values | other)


@pytest.mark.parametrize("half", [False, True])
def test_a_detector_becomes_a_folder_that_finds_what_torch_finds(tmp_path: Path, half):
    write_model_folder(tmp_path / "m", _Finder(), _detector_config(), Card("Finds hides."), half=half)
    detector = Detector(load_detector_model(tmp_path / "m"), "onnxruntime", threshold=0.6)
    photos = [detector.prepare(np.full((32, 64, 3), grey, np.uint8)) for grey in (0, 128)]
    found = detector.detect(photos)
    assert [len(of) for of in found] == [2, 2]
    assert found[0][0].box[:4] == pytest.approx((8, 4, 16, 16), abs=1e-4)
    assert found[1][0].score == pytest.approx(1 / (1 + np.exp(-1 - 128 / 255)), abs=1e-5)
    card = (tmp_path / "m" / "README.md").read_text()
    assert "pipeline_tag: object-detection" in card
    assert "hanzaki identify" not in card
    assert "re-identification" not in card


def test_a_detector_whose_onnx_is_another_is_found_out(tmp_path: Path):
    export_detector(_Finder().eval(), _detector_config(), tmp_path / "m.onnx")
    assert check_detector(_Finder().eval(), tmp_path / "m.onnx", _detector_config()) < 1e-6
    with pytest.raises(ModelError, match="do not agree on n: 0.0"):
        check_detector(_Finder(1.0).eval(), tmp_path / "m.onnx", _detector_config())
    with pytest.raises(ModelError, match="n: its output .* with 3 labels"):
        check_detector(_Finder().eval(), tmp_path / "m.onnx", _detector_config(labels=["a", "b", "c"]))


def test_weights_that_nothing_trains_on_are_not_kept(tmp_path: Path):
    write_model_folder(tmp_path / "m", _Finder(), _detector_config(), Card(""), keep_weights=False)
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["README.md", "config.json", "model.onnx"]
