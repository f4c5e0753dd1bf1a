"""A real general detector (YOLOX-nano, COCO's 80 kinds) on real photographs, where both are at hand."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from hanzaki import Box
from hanzaki.vision.coco import COCO
from hanzaki.vision.detector import Detector
from hanzaki.vision.importing import import_detector
from hanzaki.vision.model import load_detector_model

ANIMALS = frozenset(COCO[14:24])  # bird to giraffe; COCO has no raccoon


@pytest.fixture(scope="module")
def detector(shared: Path, tmp_path_factory) -> Detector:
    onnx = shared.parent / "weights" / "yolox_nano_coco.onnx"
    if not onnx.is_file():
        pytest.skip(f"needs {onnx}")
    folder = tmp_path_factory.mktemp("real") / "nano"
    import_detector(onnx, folder, "yolox", COCO)
    return Detector(load_detector_model(folder), threads=2)


def _photo(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def _truth(xml: Path) -> list[Box]:
    corners = [
        [float(box.findtext(name)) for name in ("xmin", "ymin", "xmax", "ymax")]
        for box in ElementTree.parse(xml).iter("bndbox")
    ]
    return [Box(x1, y1, x2 - x1, y2 - y1) for x1, y1, x2, y2 in corners]


def _overlap(one: Box, other: Box) -> float:
    width = min(one.x + one.w, other.x + other.w) - max(one.x, other.x)
    height = min(one.y + one.h, other.y + other.h) - max(one.y, other.y)
    common = max(0.0, width) * max(0.0, height)
    return common / (one.area + other.area - common)


def test_zebras_are_found_as_zebras(detector, shared):
    photos = [_photo(path) for path in sorted((shared / "zebra" / "images").rglob("*.jpg"))[::24]]
    found = detector.detect([detector.prepare(photo) for photo in photos])
    for photo, each in zip(photos, found, strict=True):
        assert each[0].label == "zebra"
        assert each[0].box.area > 0.5 * photo.shape[0] * photo.shape[1]  # they fill their photographs


def test_raccoons_are_found_where_they_are(detector, shared):
    xmls = sorted((shared / "raccoon" / "annotations").glob("*.xml"))[::5]
    hits = []
    for xml in xmls:
        photo = _photo(shared / "raccoon" / "images" / str(ElementTree.parse(xml).findtext("filename")))
        (found,) = detector.detect([detector.prepare(photo)])
        boxes = [one.box for one in found if one.label in ANIMALS]
        hits += [any(_overlap(box, truth) > 0.5 for box in boxes) for truth in _truth(xml)]
    assert len(hits) >= 40
    assert np.mean(hits) >= 0.8  # 187 of all 217, as cats, dogs and bears


def test_both_runtimes_find_the_same(detector, shared):
    other = Detector(detector.model, "onnxruntime", threads=2)
    photos = [_photo(path) for path in sorted((shared / "raccoon" / "images").iterdir())[:5]]
    prepared = [detector.prepare(photo) for photo in photos]
    for ours, theirs in zip(detector.detect(prepared), other.detect(prepared), strict=True):
        assert [one.label for one in ours] == [one.label for one in theirs]
        for one, two in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one.box, two.box, atol=0.1)
