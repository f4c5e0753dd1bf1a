"""Any timm backbone becomes an embedding network, in MiewID's layout, and leaves as ONNX unchanged."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import timm
import torch

from hanzaki.errors import ModelError
from hanzaki.learning.network import EmbeddingNetwork, GeM
from hanzaki.learning.publish import export_onnx

_SMALL_SWIN = {"depths": (1, 1, 1, 1), "embed_dim": 16, "num_heads": (1, 2, 2, 4)}
_SMALL_VIT = {"depth": 2, "embed_dim": 32, "num_heads": 2, "img_size": 56}
# architecture, arguments, side of the input
FAMILIES = {
    "EfficientNetV2": ("efficientnetv2_rw_t", {}, 64),
    "EfficientNet": ("test_efficientnet", {}, 64),
    "SwinV2": ("swinv2_tiny_window8_256", {**_SMALL_SWIN, "img_size": 64, "window_size": 4}, 64),
    "Swin": ("swin_tiny_patch4_window7_224", {**_SMALL_SWIN, "img_size": 56}, 56),
    "ViT": ("test_vit", {}, 160),
    "ViT, mean-pooled": ("test_vit2", {}, 160),
    "DINOv2 with registers": ("vit_small_patch14_reg4_dinov2", _SMALL_VIT, 56),
    "DINOv3": ("vit_small_patch16_dinov3", {**_SMALL_VIT, "embed_dim": 64, "img_size": 64}, 64),
    "ConvNeXt": ("test_convnext", {}, 64),
    "MobileNetV2": ("mobilenetv2_035", {}, 64),
    "MobileNetV3": ("mobilenetv3_small_050", {}, 64),
    "MobileNetV4": ("mobilenetv4_conv_small_035", {}, 64),
}


@pytest.fixture(autouse=True)
def _one_thread_and_seed():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def _made(family: str, pooling: str = "gem") -> tuple[EmbeddingNetwork, torch.Tensor]:
    architecture, arguments, side = FAMILIES[family]
    network = EmbeddingNetwork(architecture, pooling, arguments=arguments)
    return network.eval(), torch.rand(2, 3, side, side)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_embeds_and_leaves_no_parameter_idle(family):
    network, images = _made(family)
    embeddings = network(images)
    assert embeddings.shape == (2, network.embedding_size)
    assert embeddings.isfinite().all()
    (embeddings * torch.rand_like(embeddings)).sum().backward()
    assert [name for name, value in network.named_parameters() if value.grad is None] == []


@pytest.mark.parametrize("family", ["EfficientNet", "Swin", "ViT", "ConvNeXt", "MobileNetV3"])
def test_the_state_dict_has_miewids_names(family):
    network, _ = _made(family)
    names = {name for name in network.state_dict() if not name.startswith("backbone.")}
    assert names == {
        "pooling.p",
        "bn.weight",
        "bn.bias",
        "bn.running_mean",
        "bn.running_var",
        "bn.num_batches_tracked",
    }
    assert network.state_dict()["pooling.p"].tolist() == [3.0]


def test_gem_is_the_papers_formula():
    features = torch.randn(2, 5, 12, dtype=torch.float64).float()
    values = features.double().clamp(min=1e-6)
    assert torch.allclose(GeM(2.5)(features).double(), (values**2.5).mean(-1) ** (1 / 2.5), rtol=1e-5)


def test_gem_stands_activations_that_half_precision_cannot_cube():
    features = torch.full((1, 4, 9), 300.0, dtype=torch.float16, requires_grad=True)
    pooled = GeM()(features)
    pooled.sum().backward()
    assert torch.allclose(pooled, torch.tensor(300.0), rtol=1e-3)
    assert features.grad.isfinite().all()


@pytest.mark.parametrize("family", ["Swin", "SwinV2"])
def test_swins_channels_come_last_and_are_not_pooled_away(family):
    network, images = _made(family, "avg")
    features = network.backbone.forward_features(images)
    expected = network.bn(features.mean((1, 2)))
    assert torch.allclose(network(images), expected, atol=1e-5)


def test_a_vits_registers_and_class_token_stay_out_of_the_mean():
    network, images = _made("DINOv2 with registers", "avg")
    tokens = network.backbone.forward_features(images)
    assert torch.allclose(network(images), network.bn(tokens[:, 5:].mean(1)), atol=1e-5)


@pytest.mark.parametrize("family", ["ViT", "DINOv2 with registers", "DINOv3"])
def test_the_class_token_can_be_taken(family):
    network, images = _made(family, "token")
    tokens = network.backbone.forward_features(images)
    assert torch.equal(network(images), network.bn(tokens[:, 0]))
    assert "pooling.p" not in network.state_dict()


@pytest.mark.parametrize("family", ["ViT, mean-pooled", "ConvNeXt", "Swin"])
def test_a_network_without_class_token_says_so(family):
    with pytest.raises(ModelError, match="no class token; take pooling 'gem' or 'avg'"):
        _made(family, "token")


def test_an_unknown_architecture_is_named():
    with pytest.raises(ModelError, match="'efficientnetv3_rw_z'"):
        EmbeddingNetwork("efficientnetv3_rw_z")


def test_the_recipe_makes_the_same_shape_again():
    network, images = _made("Swin")
    again = EmbeddingNetwork(**network.recipe)
    again.load_state_dict(network.state_dict())
    assert torch.equal(again.eval()(images), network(images))


def test_features_are_timms_own():
    network, images = _made("MobileNetV3", "avg")
    bare = timm.create_model("mobilenetv3_small_050", pretrained=False).eval()
    bare.load_state_dict(network.backbone.state_dict(), strict=False)
    assert torch.equal(network.backbone.forward_features(images), bare.forward_features(images))


def test_autocast_gives_finite_embeddings_near_those_of_full_precision():
    network, images = _made("EfficientNet")
    with torch.autocast("cpu", torch.bfloat16):
        half = network(images)
    assert half.dtype == torch.float32
    assert torch.cosine_similarity(half, network(images)).min() > 0.99


@pytest.mark.parametrize(
    ("family", "pooling"),
    [("EfficientNet", "gem"), ("SwinV2", "gem"), ("ViT", "token")],
)
def test_onnx_gives_the_same_vectors_at_any_batch_size(family, pooling, tmp_path: Path):
    network, images = _made(family, pooling)
    network.bn.running_mean.copy_(torch.rand_like(network.bn.running_mean))  # as after training
    export_onnx(network, tuple(images.shape[1:]), tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for size in (1, 2, 5):
        batch = torch.rand(size, *images.shape[1:])
        there, *_ = session.run(None, {"image": batch.numpy()})
        with torch.inference_mode():
            here = network(batch).numpy()
        cosines = (here * there).sum(1) / np.linalg.norm(here, axis=1) / np.linalg.norm(there, axis=1)
        assert there.shape == (size, network.embedding_size)
        assert cosines.min() >= 0.9999
