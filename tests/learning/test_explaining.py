"""Networks that say why: places sum to the embedding, maps are those of the grad-cam package."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import timm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hanzaki.errors import ModelError
from hanzaki.learning.agreement import check_classifier, check_onnx
from hanzaki.learning.card import Card
from hanzaki.learning.classifier.network import ClassificationNetwork
from hanzaki.learning.explaining import explained
from hanzaki.learning.network import Average, EmbeddingNetwork, GeM, from_recipe
from hanzaki.learning.publish import export_onnx, write_model_folder
from hanzaki.learning.weights import read_classifier, read_network
from hanzaki.virtual import Salamander, Scene, photograph
from hanzaki.vision.classifier import Classifier
from hanzaki.vision.embedder import Embedder, normalised
from hanzaki.vision.model import ClassifierConfig, ModelConfig, load_classifier_model, load_model
from tests.learning.test_network import FAMILIES, _made

LABELS = ["native", "hybrid", "unknown"]
# timm's networks by themselves: those whose own pooling is the plain mean of their last feature map, and others
PLAIN = ["test_efficientnet", "mobilenetv2_035", "test_resnet", "resnet10t"]
NOT_PLAIN = ["test_convnext", "mobilenetv3_small_050", "test_vit"]


@pytest.fixture(autouse=True)
def _one_thread_and_seed():
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def heads() -> list[np.ndarray]:
    """Photographs of heads in a stream, uint8 each."""
    scenes = [Scene.draw(np.random.default_rng(seed)) for seed in range(3)]
    return [photograph(Salamander(seed), scene, (160, 120)).image for seed, scene in enumerate(scenes)]


def _config(**other: object) -> ClassifierConfig:
    values = {"task": "classify", "name": "n", "architecture": "test_efficientnet", "input_size": (192, 128),
              "mean": (0.5,) * 3, "std": (0.25,) * 3, "label": "origin", "labels": LABELS}  # fmt: skip
    return ClassifierConfig(**values | other)


def _seen(heads: list[np.ndarray], config: ClassifierConfig | ModelConfig) -> torch.Tensor:
    return torch.from_numpy(np.stack([normalised(head, config) for head in heads]))


def _settled(network: nn.Module, images: torch.Tensor) -> nn.Module:
    """With batch normalisations that have seen pictures, as after training."""
    network.train()
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm1d):
                layer.weight.uniform_(0.5, 2)
                layer.bias.normal_()
        for _ in range(20):
            network(images)
    return network.eval()


# ---- poolings


@st.composite
def feature_maps(draw) -> torch.Tensor:
    """(2, 3, places), some of them zero or below, as behind a ReLU or a SiLU."""
    places = draw(st.integers(1, 12))
    numbers = st.one_of(st.just(0.0), st.floats(-0.25, 40, width=32, allow_subnormal=False))
    values = draw(st.lists(numbers, min_size=6 * places, max_size=6 * places))
    return torch.tensor(values, dtype=torch.float32).reshape(2, 3, places)


@settings(deadline=None, max_examples=60)
@given(feature_maps(), st.one_of(st.none(), st.floats(1, 9, allow_subnormal=False)))
def test_what_places_give_sums_to_the_pooled_value(features, p):
    pooling = Average() if p is None else GeM(p)
    np.testing.assert_allclose(
        pooling.parts(features).sum(-1).detach(), pooling(features).detach(), rtol=1e-4, atol=1e-6
    )


@settings(deadline=None, max_examples=60)
@given(feature_maps(), st.one_of(st.none(), st.floats(1, 6, allow_subnormal=False)))
def test_the_slope_is_the_mean_of_torchs_gradient(features, p):
    pooling = Average() if p is None else GeM(p)
    features.requires_grad_()
    pooling(features).sum().backward()
    found = pooling.slope(features.detach()).expand(2, 3).detach()
    # where every activation is tiny, torch's powers of them leave float32 and ours, of their ratios, do not
    felt = features.detach().amax(-1) > 1e-3
    assert found.isfinite().all()
    np.testing.assert_allclose(found[felt], features.grad.mean(-1)[felt], rtol=1e-3, atol=1e-6)


# ---- embedders


@pytest.mark.parametrize("pooling", ["gem", "avg"])
@pytest.mark.parametrize("family", FAMILIES)
def test_places_of_every_family_sum_to_the_embedding(family, pooling):
    network, images = _made(family, pooling)
    network = _settled(network, images)
    with torch.inference_mode():
        embedding, places = explained(network, tuple(images.shape[1:]))(images)
        assert torch.equal(embedding, network(images))
    assert places.ndim == 4
    assert torch.allclose(places.sum((2, 3)), embedding, atol=1e-4 * float(embedding.abs().max()))


@pytest.mark.parametrize("family", ["ViT", "DINOv2 with registers"])
def test_a_class_token_has_no_places(family, tmp_path: Path):
    network, images = _made(family, "token")
    shape = tuple(images.shape[1:])
    assert explained(network, shape) is None
    export_onnx(network, shape, tmp_path / "m.onnx")
    assert _outputs(tmp_path / "m.onnx") == ["embedding"]


@pytest.mark.parametrize("architecture", PLAIN)
def test_timms_own_mean_has_places(architecture):
    network = timm.create_model(architecture, pretrained=False, num_classes=0)
    images = torch.rand(4, 3, 64, 64)
    network = _settled(network, images)
    with torch.inference_mode():
        embedding, places = explained(network, (3, 64, 64))(images)
        assert torch.allclose(embedding, network(images))
    assert torch.allclose(places.sum((2, 3)), embedding, atol=1e-4 * float(embedding.abs().max()))


@pytest.mark.parametrize("architecture", NOT_PLAIN)
def test_timms_other_heads_have_none(architecture):
    network = timm.create_model(architecture, pretrained=False, num_classes=0).eval()
    assert explained(network, (3, 160, 160)) is None


@pytest.mark.parametrize("half", [False, True])
def test_an_embedders_folder_tells_its_places_in_the_field(half, heads, tmp_path: Path):
    config = ModelConfig(task="embed", name="n", architecture="test_efficientnet", input_size=(96, 64),
                         mean=(0.5,) * 3, std=(0.25,) * 3, embedding_size=256)  # fmt: skip
    network = _settled(EmbeddingNetwork("test_efficientnet"), _seen(heads, config))
    write_model_folder(tmp_path / "m", network, config, Card("A test."), half=half, pictures=heads)
    assert _outputs(tmp_path / "m" / "model.onnx") == ["embedding", "places"]
    embedder = Embedder(load_model(tmp_path / "m"))
    prepared = [embedder.prepare(head) for head in heads]
    for vector, places in zip(embedder.describe(prepared), embedder.places(prepared), strict=True):
        np.testing.assert_allclose(places.sum(axis=(1, 2)), vector, atol=1e-4 * np.abs(vector).max())


def test_places_that_are_not_the_networks_are_found_out(heads, tmp_path: Path, monkeypatch):
    config = ModelConfig(task="embed", name="n", architecture="test_efficientnet", input_size=(96, 64),
                         mean=(0.5,) * 3, std=(0.25,) * 3, embedding_size=256)  # fmt: skip
    network = _settled(EmbeddingNetwork("test_efficientnet"), _seen(heads, config))
    with monkeypatch.context() as patch:
        patch.setattr(GeM, "parts", lambda self, features: features)
        export_onnx(network, config.input_shape, tmp_path / "m.onnx")
    with pytest.raises(ModelError, match="do not agree on places of n"):
        check_onnx(network, tmp_path / "m.onnx", config, heads)


# ---- classifiers


@pytest.fixture(scope="module", params=["avg", "gem"])
def classifier(request, heads, tmp_path_factory) -> tuple[ClassificationNetwork, Path]:
    """A network of some labels, and its folder."""
    torch.manual_seed(1)
    network = ClassificationNetwork("test_efficientnet", len(LABELS), request.param, dropout=0.3)
    network = _settled(network, _seen(heads, _config()))
    folder = tmp_path_factory.mktemp("classifier") / "m"
    write_model_folder(folder, network, _config(temperature=1.7), Card("A test."))
    return network, folder


def test_the_field_draws_what_the_grad_cam_package_draws(classifier, heads):
    """The package's whole way, to the maps that it lays over pictures: 0 to 1, at the size of the input."""
    import pytorch_grad_cam as package
    from pytorch_grad_cam.utils.image import scale_cam_image
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    network, folder = classifier
    field = Classifier(load_classifier_model(folder))
    found = field.explain([field.prepare(head) for head in heads])
    assert sum(bool(places.any()) for picture in found for places in picture.maps) >= 3  # else little is compared
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with package.GradCAM(network, [network.backbone.bn2]) as cam:
            for label in range(len(LABELS)):
                images = _seen(heads, _config())
                expected = cam(images, [ClassifierOutputTarget(label)] * len(heads))
                maps = np.stack([picture.maps[label] for picture in found])
                ours = scale_cam_image(scale_cam_image(maps, (192, 128)))  # once a layer, once for all, as it does
                np.testing.assert_allclose(ours, expected, atol=1e-4)


def test_before_any_scaling_the_maps_are_the_packages_too(classifier, heads):
    import pytorch_grad_cam as package
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    network, folder = classifier
    field = Classifier(load_classifier_model(folder))
    found = field.explain([field.prepare(head) for head in heads])

    class Raw(package.GradCAM):
        def compute_cam_per_layer(self, images, targets, eigen_smooth):
            (activations,), (grads,) = (
                [value.numpy() for value in values]
                for values in (self.activations_and_grads.activations, self.activations_and_grads.gradients)
            )
            image = self.get_cam_image(images, self.target_layers[0], targets, activations, grads)
            return [np.maximum(image, 0)[:, None]]

        def aggregate_multi_layers(self, layers):
            return layers[0][:, 0]

    with Raw(network, [network.backbone.bn2]) as cam:
        for label in range(len(LABELS)):
            expected = cam(_seen(heads, _config()), [ClassifierOutputTarget(label)] * len(heads))
            maps = np.stack([picture.maps[label] for picture in found])
            np.testing.assert_allclose(maps, expected, atol=1e-4 * expected.max())


def test_a_classifiers_folder_gives_torchs_probabilities_and_can_be_trained_on(classifier, heads):
    network, folder = classifier
    assert _outputs(folder / "model.onnx") == ["logits", "maps"]
    field = Classifier(load_classifier_model(folder), "onnxruntime")
    prepared = [field.prepare(head) for head in heads]
    with torch.inference_mode():
        logits = network(torch.from_numpy(np.stack(prepared)))
    np.testing.assert_allclose(field.logits(prepared), logits, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(field.classify(prepared), torch.softmax(logits / 1.7, 1), atol=1e-5)
    again, config = read_classifier(folder)
    assert config.labels == LABELS
    with torch.inference_mode():
        assert torch.equal(again(torch.from_numpy(np.stack(prepared))), logits)
    with pytest.raises(ModelError, match="'embed' is wanted here"):
        read_network(folder)


def test_a_classifier_that_is_another_is_found_out(classifier, heads):
    network, folder = classifier
    config = load_classifier_model(folder).config
    assert check_classifier(network, folder / "model.onnx", config, heads) < 1e-5
    other = from_recipe(network.recipe)
    other.load_state_dict(network.state_dict())
    torch.nn.init.normal_(other.head.bias)
    with pytest.raises(ModelError, match="do not agree on n: "):
        check_classifier(other.eval(), folder / "model.onnx", config, heads)
    fewer = config.model_copy(update={"labels": LABELS[:2]})
    with pytest.raises(ModelError, match="its config names 2 labels"):
        check_classifier(network, folder / "model.onnx", fewer, heads)


def test_a_classifier_of_a_class_token_says_what_but_not_why(heads, tmp_path: Path):
    network = ClassificationNetwork("test_vit", len(LABELS), "token").eval()
    config = _config(architecture="test_vit", input_size=(160, 160))
    write_model_folder(tmp_path / "m", network, config, Card("A test."))
    assert _outputs(tmp_path / "m" / "model.onnx") == ["logits"]
    field = Classifier(load_classifier_model(tmp_path / "m"))
    prepared = [field.prepare(head) for head in heads]
    assert field.classify(prepared)[0].shape == (len(LABELS),)
    with pytest.raises(ModelError, match="cannot be explained: its model.onnx has no output 'maps'"):
        field.explain(prepared)


def _outputs(onnx: Path) -> list[str]:
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    return [output.name for output in session.get_outputs()]
