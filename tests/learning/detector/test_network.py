"""The detection network: what torchvision's whole FCOS says, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchvision.models.detection.fcos import FCOS

from hanzaki.errors import ModelError
from hanzaki.learning.agreement import check_detector
from hanzaki.learning.detector.network import DetectionNetwork
from hanzaki.learning.publish import export_detector, rounded
from hanzaki.vision.model import DetectorConfig


def _tiny(**options: object) -> DetectionNetwork:
    torch.manual_seed(0)
    return DetectionNetwork("test_efficientnet", 2, 32, 1, **options).eval()


def _theirs(network: DetectionNetwork) -> FCOS:
    """torchvision's detector around the same parts; its own transform of pictures is not used."""
    network.neck.out_channels = 32
    return FCOS(network.neck, 2, anchor_generator=network.anchors, head=network.head, score_thresh=0.0).eval()


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("levels", "places"), [(3, 96 + 24 + 6), (4, 96 + 24 + 6 + 2)])
def test_every_place_of_every_level_gives_a_box_and_its_scores(levels, places, images):
    boxes, scores = _tiny(levels=levels)(images)
    assert boxes.shape == (2, places, 4)
    assert scores.shape == (2, places, 2)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert (boxes[..., 2:] >= boxes[..., :2]).all()


def test_boxes_and_scores_are_those_of_torchvision(images):
    network = _tiny()
    answers, places, counts = network._answers(images)
    split = {name: list(value.split(counts, dim=1)) for name, value in answers.items()}
    theirs = _theirs(network)
    theirs.nms_thresh, theirs.detections_per_img = 1.0, 1000
    found = theirs.postprocess_detections(split, [list(places.split(counts))] * 2, [(64, 96)] * 2)
    boxes, scores = network(images)
    for place in range(2):
        order = scores[place].flatten().argsort(descending=True)
        torch.testing.assert_close(found[place]["scores"], scores[place].flatten()[order])
        clipped = boxes[place].clone()
        clipped[:, 0::2] = clipped[:, 0::2].clamp(0, 96)
        clipped[:, 1::2] = clipped[:, 1::2].clamp(0, 64)
        torch.testing.assert_close(found[place]["boxes"].sum(), clipped.repeat_interleave(2, dim=0).sum())


def test_the_loss_is_that_of_torchvision_and_filled_up_rows_do_not_count(images):
    network = _tiny()
    truth = torch.full((2, 3, 5), -1.0)
    truth[0, 0] = torch.tensor([4.0, 6.0, 40.0, 50.0, 1.0])
    truth[0, 1] = torch.tensor([50.0, 6.0, 90.0, 30.0, 0.0])
    answers, places, counts = network._answers(images)
    targets = [
        {"boxes": truth[0, :2, :4], "labels": torch.tensor([1, 0])},
        {"boxes": torch.empty(0, 4), "labels": torch.empty(0, dtype=torch.int64)},  # a picture without any
    ]
    wanted = _theirs(network).compute_loss(targets, answers, [places] * 2, counts)
    torch.testing.assert_close(network.loss(images, truth), sum(wanted.values()))


def test_a_batch_without_any_box_teaches_that_nothing_is_there(images):
    network = _tiny()
    loss = network.loss(images, torch.empty(2, 0, 5))
    loss.backward()
    assert loss.isfinite()
    assert network.head.classification_head.cls_logits.bias.grad.abs().sum() > 0


def test_batch_norms_may_stay_while_the_rest_learns(images):
    network = _tiny()
    before = {name: value.clone() for name, value in network.backbone.named_buffers()}
    network.still_norms = True
    network.train().loss(images, torch.empty(2, 0, 5))
    for name, value in network.backbone.named_buffers():
        assert torch.equal(value, before[name]), name
    network.still_norms = False
    network.train().loss(images, torch.empty(2, 0, 5))
    assert any(not torch.equal(value, before[name]) for name, value in network.backbone.named_buffers())


def test_what_has_no_pyramid_is_refused():
    with pytest.raises(ModelError, match="test_vit has no features of strides 8, 16 and 32"):
        DetectionNetwork("test_vit", 1, 32)
    with pytest.raises(ModelError, match="takes a multiple of 32"):
        DetectionNetwork("test_efficientnet", 1, 40)


@pytest.mark.parametrize("half", [False, True])
def test_written_as_onnx_it_takes_any_size(tmp_path, half):
    network = rounded(_tiny()) if half else _tiny()
    config = DetectorConfig(
        task="detect", name="tiny", architecture="none", labels=["head", "tail"], input_size=(96, 96),
        layout="boxes", multiple=32,
    )  # fmt: skip
    export_detector(network, config, tmp_path / "tiny.onnx", half)
    photographs = [
        np.random.default_rng(0).integers(0, 256, shape, np.uint8) for shape in [(50, 90, 3), (90, 20, 3)]
    ]
    assert check_detector(network, tmp_path / "tiny.onnx", config, photographs) < 1e-4
    export_detector(network, config.model_copy(update={"multiple": None}), tmp_path / "still.onnx", half)
    with pytest.raises(Exception, match=r"(?i)dimension"):
        check_detector(network, tmp_path / "still.onnx", config, photographs)
