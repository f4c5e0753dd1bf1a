"""A detector of transformers, pulled from a hub, finds in the field what transformers finds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from hanzaki.errors import ModelError
from hanzaki.learning.foreign import Preprocessing
from hanzaki.learning.foreign_detector import exportable, read_foreign_detector
from hanzaki.learning.pull import pull
from hanzaki.vision.crop import letterbox
from hanzaki.vision.detector import Detector, prepared
from hanzaki.vision.model import load_detector_model
from tests.learning.hub import serving

transformers = pytest.importorskip("transformers")

NAME = "somebody/rtdetr_v2_tiny"
SEED = 4  # of a network whose best boxes in either picture differ in score by more than rounding
LABELS = {0: "newt", 1: "toad", 2: "frog"}
PICTURES = [np.random.default_rng(seed).integers(0, 255, (90, 120 + 30 * seed, 3), np.uint8) for seed in range(2)]
PROCESSOR = {"do_resize": True, "size": {"height": 64, "width": 96}, "do_rescale": True, "do_normalize": False,
             "do_pad": False, "resample": 2, "image_processor_type": "RTDetrImageProcessor"}  # fmt: skip
SIZES = {"encoder_hidden_dim": 16, "encoder_in_channels": [16, 16, 16], "encoder_ffn_dim": 16, "d_model": 16,
         "num_queries": 12, "decoder_in_channels": [16, 16, 16], "decoder_ffn_dim": 16, "decoder_layers": 2,
         "decoder_attention_heads": 2, "encoder_attention_heads": 2, "id2label": LABELS}  # fmt: skip


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def _rtdetr(version: str = "V2", seed: int = SEED) -> torch.nn.Module:
    torch.manual_seed(seed)
    backbone = transformers.RTDetrResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16, 16, 16], depths=[1, 1, 1, 1], layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = getattr(transformers, f"RTDetr{version}Config")(backbone_config=backbone, **SIZES)
    return _random(getattr(transformers, f"RTDetr{version}ForObjectDetection")(config))


def _first_rtdetr() -> torch.nn.Module:
    return _rtdetr("")


def _dfine() -> torch.nn.Module:
    torch.manual_seed(SEED)
    backbone = transformers.HGNetV2Config(
        stem_channels=[3, 8, 8], stage_in_channels=[8, 8, 16, 16], stage_mid_channels=[8, 8, 8, 8],
        stage_out_channels=[8, 16, 16, 16], stage_num_blocks=[1, 1, 1, 1], stage_numb_of_layers=[1, 1, 1, 1],
        hidden_sizes=[8, 16, 16, 16], embedding_size=8, depths=[1, 1, 1, 1],
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    return _random(
        transformers.DFineForObjectDetection(transformers.DFineConfig(backbone_config=backbone, **SIZES))
    )


def _random(network: torch.nn.Module) -> torch.nn.Module:
    """Weights so large that candidates differ: as they are made, it is rounding that puts candidates in order."""
    for name, parameter in network.named_parameters():
        if parameter.ndim > 1:
            spread = 3.0 if "class_embed" in name else 1.5
            torch.nn.init.normal_(parameter, std=spread / parameter[0].numel() ** 0.5)
    return network.eval()


def _write(folder: Path, network: torch.nn.Module, processor: dict | None = PROCESSOR) -> Path:
    network.save_pretrained(folder)
    if processor is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A detector\n")
    return folder


@pytest.fixture(scope="module")
def rtdetr() -> torch.nn.Module:
    return _rtdetr()


@pytest.fixture(scope="module")
def repository(tmp_path_factory, rtdetr) -> Path:
    return _write(tmp_path_factory.mktemp("hub") / "rtdetr", rtdetr)


@pytest.fixture(scope="module")
def pulled(repository, tmp_path_factory) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("pulled") / "rtdetr"
    asked: list[str] = []
    with serving() as hub:
        hub.repositories[NAME] = repository
        pull(
            NAME, folder, accept_licence=lambda text: not asked.append(text), endpoint=hub.endpoint,
            pictures=PICTURES,
        )  # fmt: skip
    return folder, asked


def _theirs(network: torch.nn.Module, pixels: np.ndarray, size: tuple[int, int], threshold: float) -> list:
    """What transformers finds, of each box only its best label, as hanzaki has it: label, score, x1 y1 x2 y2."""
    with torch.inference_mode():
        outputs = network(torch.from_numpy(pixels[None]))
    processor = transformers.RTDetrImageProcessor()
    (found,) = processor.post_process_object_detection(outputs, threshold, target_sizes=[size[::-1]])
    assert len(found["scores"]) < SIZES["num_queries"]  # more pairs of box and label it would leave out
    best: dict[tuple, tuple] = {}
    for score, label, box in zip(found["scores"], found["labels"], found["boxes"], strict=True):
        best.setdefault(tuple(box.tolist()), (LABELS[int(label)], float(score)))
    clip = np.array([*size, *size])
    return [(*of, np.clip(box, 0, clip)) for box, of in best.items()]


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_a_pulled_detector_finds_what_transformers_finds(pulled, rtdetr, runtime):
    detector = Detector(load_detector_model(pulled[0]), runtime, threshold=0.7)
    for picture in PICTURES:
        photo = detector.prepare(picture)
        (ours,) = detector.detect([photo])
        theirs = _theirs(rtdetr, photo.pixels, (picture.shape[1], picture.shape[0]), 0.7)
        assert [one.label for one in ours] == [label for label, *_ in theirs]
        assert len(ours) >= 3
        for one, (_, score, (x1, y1, x2, y2)) in zip(ours, theirs, strict=True):
            assert one.score == pytest.approx(score, abs=1e-3)
            np.testing.assert_allclose(one.box[:4], [x1, y1, x2 - x1, y2 - y1], atol=1e-3 * max(picture.shape))


def test_the_folder_says_what_it_is_and_where_it_came_from(pulled):
    folder, asked = pulled
    config = load_detector_model(folder).config
    assert (config.architecture, config.labels) == ("RTDetrV2ForObjectDetection", ["newt", "toad", "frog"])
    assert (config.input_size, config.resize, config.threshold, config.overlap) == ((96, 64), "squash", 0.5, None)
    card = (folder / "README.md").read_text()
    assert "pipeline_tag: object-detection" in card
    assert "license: apache-2.0" in card
    assert f"Converted from {NAME}@" in card
    assert "apache-2.0" in asked[0]
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "config.json", "model.onnx"]


def test_a_detector_of_our_own_is_taken_as_it_is(pulled, tmp_path):
    with serving() as hub:
        hub.repositories["we/ours"] = pulled[0]
        pull("we/ours", tmp_path / "m", accept_licence=lambda _: True, endpoint=hub.endpoint)
    for name in ("config.json", "model.onnx"):
        assert (tmp_path / "m" / name).read_bytes() == (pulled[0] / name).read_bytes()


def test_pixels_are_nearly_those_of_their_own_processor():
    picture = np.repeat(np.repeat(np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8), 9, 0), 9, 1)
    theirs = transformers.RTDetrImageProcessor(size={"height": 64, "width": 96})(picture, return_tensors="np")
    ours, _ = letterbox(picture, (96, 64), "squash", interpolation="area")
    difference = np.abs(theirs["pixel_values"][0].transpose(1, 2, 0) * 255 - ours)
    plain, _ = letterbox(picture, (96, 64), "squash", interpolation="linear")
    assert difference.mean() < 0.5 * np.abs(theirs["pixel_values"][0].transpose(1, 2, 0) * 255 - plain).mean()


@pytest.mark.parametrize("make", [_first_rtdetr, _rtdetr, _dfine])
def test_the_networks_give_what_transformers_gives(make, tmp_path):
    theirs = make()
    ours, config = read_foreign_detector(_write(tmp_path / "r", theirs))
    pixels = torch.from_numpy(prepared(PICTURES[0], config).pixels[None])
    with torch.inference_mode():
        boxes, logits = ours(pixels)
        expected = theirs(pixels)
    torch.testing.assert_close(boxes, expected.pred_boxes)
    torch.testing.assert_close(logits, expected.logits)


def test_preprocessing_is_what_the_folder_says_unless_it_is_stated(tmp_path, rtdetr):
    said = PROCESSOR | {"do_normalize": True, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.2, 0.2]}
    folder = _write(tmp_path / "r", rtdetr, said)
    _, config = read_foreign_detector(folder)
    assert (config.mean, config.std) == ((0.5, 0.4, 0.3), (0.2, 0.2, 0.2))
    _, config = read_foreign_detector(folder, instead=Preprocessing((32, 32), (0, 0, 0), (1, 1, 1)))
    assert (config.input_size, config.mean, config.std) == ((32, 32), (0, 0, 0), (1, 1, 1))


@pytest.mark.parametrize(
    ("processor", "message"),
    [
        (None, "does not say height and width"),
        (PROCESSOR | {"size": {"shortest_edge": 800}}, "does not say height and width"),
        (PROCESSOR | {"do_pad": True}, "pads photographs in a way not known here"),
    ],
)
def test_preprocessing_that_is_not_understood_is_said(processor, message, tmp_path, rtdetr):
    with pytest.raises(ModelError, match=message):
        read_foreign_detector(_write(tmp_path / "r", rtdetr, processor))


def test_weights_that_lack_something_are_refused(tmp_path, rtdetr):
    folder = _write(tmp_path / "r", rtdetr)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"decoder_layers": 3}))
    with pytest.raises(ModelError, match="lacks .* weights, as "):
        read_foreign_detector(folder)


def test_weights_that_can_hold_code_are_not_fetched(tmp_path, repository):
    only = tmp_path / "only"
    only.mkdir()
    (only / "config.json").write_bytes((repository / "config.json").read_bytes())
    (only / "pytorch_model.bin").write_bytes(b"anything")
    with serving() as hub:
        hub.repositories["a/b"] = only
        with pytest.raises(ModelError, match="a/b has no model.safetensors"):
            pull("a/b", tmp_path / "m", accept_licence=lambda _: True, endpoint=hub.endpoint)
        assert "pytorch_model.bin" not in hub.fetched()


@pytest.mark.parametrize("before", [None, "0"])
def test_transformers_checks_are_only_off_while_onnx_is_written(monkeypatch, before):
    name = "TRANSFORMERS_DISABLE_TORCH_CHECK"
    monkeypatch.delenv(name, raising=False) if before is None else monkeypatch.setenv(name, before)
    import os

    with pytest.raises(ZeroDivisionError), exportable():
        assert os.environ[name] == "1"
        raise ZeroDivisionError
    assert os.environ.get(name) == before
