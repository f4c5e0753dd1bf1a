"""Weights of other programs give the same vectors here, and nothing that comes with them is run."""

import json
import os
import pickle
from pathlib import Path

import pytest
import timm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki.errors import ModelError
from hanzaki.learning.foreign import MIEWID, Preprocessing, read_foreign, read_licence
from hanzaki.learning.network import EmbeddingNetwork, from_recipe
from hanzaki.learning.weights import adapted, load_strictly, read_state
from tests.learning.layouts import (
    SWIN,
    MiewIdNet,
    linear_head,
    renamed,
    subcentre_head,
    write_miewid,
    write_timm,
)

TINY = "test_efficientnet"


@pytest.fixture(autouse=True)
def _one_thread_and_seed():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def _same(here, there, side: int) -> None:
    images = torch.rand(3, 3, side, side)
    with torch.inference_mode():
        assert torch.allclose(here(images), there.eval()(images), atol=1e-5)


# ---- MiewID


@pytest.mark.parametrize("architecture", [TINY, "efficientnetv2_rw_t"])
@pytest.mark.parametrize("pickled", [False, True], ids=["safetensors", "bin"])
def test_a_miewid_folder_gives_miewids_vectors(architecture, pickled, tmp_path: Path):
    theirs = MiewIdNet(architecture)
    folder = write_miewid(tmp_path / "miewid-msv2", architecture, theirs.state(), pickled=pickled)
    ours, config = read_foreign(folder)
    _same(ours, theirs, 64)
    assert (config.name, config.architecture, config.licence) == ("miewid-msv2", architecture, "cc-by-nc-4.0")
    assert config.embedding_size == theirs.backbone.num_features
    assert ours.recipe == {"backbone": architecture, "pooling": "gem", "arguments": {}}


def test_miewids_documented_preprocessing_stands_in_for_what_its_config_leaves_out(tmp_path: Path):
    folder = write_miewid(tmp_path / "m", TINY, MiewIdNet(TINY).state())
    _, config = read_foreign(folder)
    assert (config.input_size, config.mean, config.std) == (MIEWID.input_size, MIEWID.mean, MIEWID.std)
    assert config.input_size == (440, 440)
    assert config.resize == "squash"
    assert config.crop_fraction == 1


LAYOUTS = {
    "sub-centre head": lambda state: state | subcentre_head(64),
    "elastic head": lambda state: state | {"final.kernel": torch.randn(64, 10)},
    "v3 on the hub": lambda state: (
        renamed(state, lambda key: "backbone.global_pool.p" if key == "pooling.p" else key) | linear_head(64)
    ),
    "timm's classifier left in": lambda state: state | {"backbone.classifier.weight": torch.randn(1000, 64)},
    "temperature": lambda state: state | {"temperature": torch.ones(1)},
    "wrapped in a model": lambda state: renamed(state | linear_head(64), lambda key: f"model.{key}"),
    "of several GPUs": lambda state: renamed(state | subcentre_head(64), lambda key: f"module.{key}"),
    "averaged": lambda state: renamed(state, lambda key: f"module.{key}") | {"n_averaged": torch.tensor(4)},
    "half precision": lambda state: {
        key: value.half() if value.is_floating_point() else value for key, value in state.items()
    },
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_known_naming_of_miewids_weights_loads(layout, tmp_path: Path):
    theirs = MiewIdNet(TINY)
    if layout == "half precision":
        theirs = theirs.half().float()
    folder = write_miewid(tmp_path / "m", TINY, LAYOUTS[layout](theirs.state()))
    _same(read_foreign(folder)[0], theirs, 64)


def test_a_checkpoint_to_resume_from_is_unwrapped(tmp_path: Path):
    theirs = MiewIdNet(TINY)
    folder = write_miewid(tmp_path / "m", TINY, theirs.state())
    (folder / "model.safetensors").unlink()
    torch.save({"epoch": 3, "model_state_dict": theirs.state(), "best_score": 0.4}, folder / "pytorch_model.bin")
    _same(read_foreign(folder)[0], theirs, 64)


def test_a_miewid_of_swinv2_takes_the_size_that_its_network_demands(tmp_path: Path):
    theirs = MiewIdNet("swinv2_tiny_window8_256")
    folder = write_miewid(tmp_path / "m", "swinv2_tiny_window8_256", theirs.state())
    ours, config = read_foreign(folder)
    assert config.input_size == (256, 256)
    _same(ours, theirs, 256)


def test_a_miewid_of_a_vit_takes_the_class_token_at_the_size_of_its_config(tmp_path: Path):
    theirs = MiewIdNet("test_vit", img_size=96)
    folder = write_miewid(tmp_path / "m", "test_vit", theirs.state(), img_size=96)
    ours, config = read_foreign(folder)
    assert config.input_size == (96, 96)
    assert ours.recipe["pooling"] == "token"
    _same(ours, theirs, 96)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("bn.running_mean"), "missing: bn.running_mean"),
        (lambda state: state.pop("backbone.conv_stem.weight"), "missing: backbone.conv_stem.weight"),
        (lambda state: state.update({"backbone.extra": torch.ones(1)}), "unexpected: backbone.extra"),
        (
            lambda state: state.update({"backbone.global_pool.p": torch.ones(1)}),
            "unexpected: backbone.global_pool.p",
        ),
        (
            lambda state: state.update({"bn.bias": torch.ones(7)}),
            r"another shape: bn.bias \(7,\) instead of \(256,\)",
        ),
    ],
)
def test_weights_that_do_not_fit_are_named(change, message, tmp_path: Path):
    state = MiewIdNet(TINY).state()
    change(state)
    with pytest.raises(ModelError, match=message):
        read_foreign(write_miewid(tmp_path / "m", TINY, state))


def test_another_architectures_weights_are_refused_with_a_short_message(tmp_path: Path):
    folder = write_miewid(tmp_path / "m", "mobilenetv3_small_050", MiewIdNet(TINY).state())
    with pytest.raises(ModelError, match="missing: .* more; unexpected: ") as caught:
        read_foreign(folder)
    assert len(str(caught.value)) < 2000


# ---- timm


def _swin() -> torch.nn.Module:
    return timm.create_model("swin_tiny_patch4_window7_224", pretrained=False, num_classes=0, **SWIN)


_SWIN_ARGUMENTS = {key: value for key, value in SWIN.items() if key != "img_size"}


@pytest.mark.parametrize("pickled", [False, True], ids=["safetensors", "bin"])
def test_a_megadescriptor_folder_gives_timms_vectors(pickled, tmp_path: Path):
    theirs = _swin()
    folder = write_timm(
        tmp_path / "MegaDescriptor-T", "swin_tiny_patch4_window7_224", theirs.state_dict(), 56,
        pickled=pickled, model_args=_SWIN_ARGUMENTS,
    )  # fmt: skip
    ours, config = read_foreign(folder)
    _same(ours, theirs, 56)
    assert (config.input_size, config.mean, config.std) == ((56, 56), (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
    assert config.embedding_size == 128
    again = from_recipe(json.loads(json.dumps(ours.recipe)))
    again.load_state_dict(ours.state_dict())
    _same(again.eval(), theirs, 56)


def test_the_older_naming_of_swin_and_its_head_load_too(tmp_path: Path):
    theirs = timm.create_model("swin_tiny_patch4_window7_224", pretrained=False, num_classes=5, **SWIN)

    def older(key: str) -> str:
        for stage in (1, 2, 3):  # ascending, so that no name is moved twice
            key = key.replace(f"layers.{stage}.downsample", f"layers.{stage - 1}.downsample")
        return key.replace("head.fc.", "head.")

    state = renamed(theirs.state_dict(), older)
    folder = write_timm(tmp_path / "m", "swin_tiny_patch4_window7_224", state, 56, model_args=_SWIN_ARGUMENTS)
    theirs.reset_classifier(0)
    _same(read_foreign(folder)[0], theirs, 56)


@pytest.mark.parametrize(
    ("architecture", "size", "classifier"),
    [
        ("mobilenetv3_small_050", 64, "classifier"),
        ("test_convnext", 64, "head.fc"),
        ("test_vit", 96, "head"),
        ("vit_small_patch14_reg4_dinov2", 56, "head"),
        ("resnet10t", 64, "fc"),
    ],
)
def test_any_timm_model_of_the_hub_loads_without_its_classifier(architecture, size, classifier, tmp_path: Path):
    small = {"depth": 1, "embed_dim": 32, "num_heads": 2} if "dinov2" in architecture else {}
    sized = {"img_size": size} if "vit" in architecture else {}
    theirs = timm.create_model(architecture, pretrained=False, num_classes=7, **small, **sized)
    pretrained_cfg = {
        "input_size": [3, size, size], "fixed_input_size": bool(sized), "mean": [0.1, 0.2, 0.3],
        "std": [1, 1, 1], "classifier": classifier, "num_classes": 7,
    }  # fmt: skip
    folder = write_timm(
        tmp_path / "m", architecture, theirs.state_dict(), size,
        num_classes=7, model_args=small, pretrained_cfg=pretrained_cfg,
    )  # fmt: skip
    theirs.reset_classifier(0)
    ours, config = read_foreign(folder)
    _same(ours, theirs, size)
    assert config.mean == (0.1, 0.2, 0.3)
    assert ours(torch.rand(1, 3, size, size)).shape == (1, config.embedding_size)


def test_our_reading_of_a_timm_folder_is_timms_own(tmp_path: Path):
    folder = write_timm(
        tmp_path / "m", "swin_tiny_patch4_window7_224", _swin().state_dict(), 56, model_args=_SWIN_ARGUMENTS
    )
    _same(read_foreign(folder)[0], timm.create_model(f"local-dir:{folder}", pretrained=True, num_classes=0), 56)


def test_a_timm_folder_of_before_0_9_has_all_in_one(tmp_path: Path):
    theirs = timm.create_model("mobilenetv3_small_050", pretrained=False, num_classes=0)
    folder = write_timm(tmp_path / "m", "mobilenetv3_small_050", theirs.state_dict(), 64)
    said = {"architecture": "mobilenetv3_small_050", "num_classes": 0, "input_size": [3, 64, 96],
            "mean": [0, 0, 0], "std": [1, 1, 1]}  # fmt: skip
    (folder / "config.json").write_text(json.dumps(said))
    ours, config = read_foreign(folder)
    _same(ours, theirs, 64)
    assert config.input_size == (96, 64)


def test_preprocessing_is_never_guessed_but_can_be_stated(tmp_path: Path):
    theirs = timm.create_model("mobilenetv3_small_050", pretrained=False, num_classes=0)
    folder = write_timm(
        tmp_path / "m",
        "mobilenetv3_small_050",
        theirs.state_dict(),
        64,
        pretrained_cfg={"input_size": [3, 64, 64]},
    )
    with pytest.raises(ModelError, match="does not say mean and std; state it yourself"):
        read_foreign(folder)
    _, config = read_foreign(folder, instead=Preprocessing(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)))
    assert (config.input_size, config.mean) == ((64, 64), (0.5, 0.5, 0.5))


def test_a_missing_name_in_timms_layout_is_named_though_timm_itself_lets_it_pass(tmp_path: Path):
    theirs = timm.create_model("mobilenetv3_small_050", pretrained=False, num_classes=7)
    state = theirs.state_dict()
    del state["conv_stem.weight"]
    with pytest.raises(ModelError, match="missing: conv_stem.weight"):
        read_foreign(write_timm(tmp_path / "m", "mobilenetv3_small_050", state, 64, pretrained_cfg={}))


# ---- files


class _Malice:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def test_a_pickle_that_would_run_code_is_refused_and_not_run(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    state = MiewIdNet(TINY).state() | {"final.weight": _Malice()}
    folder = write_miewid(tmp_path / "m", TINY, state, pickled=True)
    with pytest.raises(ModelError, match="holds more than weights"):
        read_foreign(folder)
    assert not Path("ran").exists()
    with (folder / "pytorch_model.bin").open("wb") as file:
        pickle.dump(_Malice(), file)
    with pytest.raises(ModelError):
        read_foreign(folder)
    assert not Path("ran").exists()


@settings(max_examples=15, deadline=None)
@given(content=st.binary(max_size=200), name=st.sampled_from(["a.safetensors", "a.bin"]))
def test_a_file_that_is_no_weights_is_an_error_of_ours(content, name, tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / name
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"a\.(safetensors|bin)"):
        read_state(path)


def test_a_truncated_file_is_an_error_of_ours(tmp_path: Path):
    folder = write_miewid(tmp_path / "m", TINY, MiewIdNet(TINY).state())
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match="cannot be read as safetensors"):
        read_foreign(folder)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a config"),
        ("{}", "names no architecture"),
        ('{"task": "embed"}', "of hanzaki already"),
        ('{"model_type": "miewid"}', "does not say model_name"),
        ('{"architecture": "no_such_net"}', "'no_such_net'"),
    ],
)
def test_a_config_that_is_not_understood_is_named(config, message, tmp_path: Path):
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(ModelError, match=message):
        read_foreign(tmp_path)


def test_a_folder_without_weights_or_config_says_so(tmp_path: Path):
    with pytest.raises(ModelError, match=r"has no config\.json"):
        read_foreign(tmp_path)
    folder = write_miewid(tmp_path / "m", TINY, MiewIdNet(TINY).state())
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"neither model\.safetensors nor pytorch_model\.bin"):
        read_foreign(folder)


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: mit\n---\n", "mit"),
        ("---\nlicense: other\nlicense_name: dinov3-license\n---\n", "dinov3-license"),
        ("---\nlicense: other\n---\n", "other"),
        ("---\ntags: [a]\n---\n", "unknown"),
        ("# no header", "unknown"),
        ("---\n- a\n---\n", "unknown"),
        ("---\na: [\n---\n", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_licence_is_what_the_card_names(card, licence, tmp_path: Path):
    (tmp_path / "README.md").write_text(card)
    assert read_licence(tmp_path / "README.md") == licence


def test_no_card_names_no_licence(tmp_path: Path):
    assert read_licence(tmp_path / "README.md") == "unknown"


def test_a_network_that_timm_has_no_translation_for_keeps_its_names():
    network = timm.create_model("mobilenetv3_small_050", pretrained=False)
    assert adapted(network, network.state_dict()).keys() == network.state_dict().keys()


def test_nothing_is_loaded_when_something_does_not_fit():
    network = EmbeddingNetwork(TINY)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = EmbeddingNetwork(TINY).state_dict()
    del state["bn.bias"]
    with pytest.raises(ModelError):
        load_strictly(network, state, Path("somewhere"))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
