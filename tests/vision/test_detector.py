"""Whatever a detector's network writes, what is found are boxes of the photograph."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanzaki import Box, ModelError
from hanzaki.vision.detector import Detection, Detector, prepared, select
from hanzaki.vision.layouts import grid, read_layout
from hanzaki.vision.model import DetectorConfig, load_any_model, load_detector_model, load_model
from tests.fixtures.detectors import HEIGHT, WIDTH, write_detector
from tests.fixtures.photographs import pixels

BLACK = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
RUNTIMES = pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])

# two boxes in pixels of the input, the scores of hide and head
CORNERS = np.array([[8, 4, 24, 20], [30.0, 10, 62, 30]], np.float32)
SCORES = np.array([[0.9, 0.1], [0.2, 0.6]], np.float32)
CENTRED = np.array([[16, 12, 16, 16], [46.0, 20, 32, 20]], np.float32)
FOUND = [("hide", 0.9, (8, 4, 16, 16)), ("head", 0.6, (30, 10, 32, 20))]


def _yolox() -> dict[str, np.ndarray]:
    """The two boxes in the cells that they are taken from, and nothing in all others."""
    cells, strides = grid((WIDTH, HEIGHT), (8, 16, 32))
    said = np.zeros((len(cells), 7), np.float32)
    for position, centred, scores in zip((13, 40), CENTRED, SCORES, strict=True):
        said[position, :2] = centred[:2] / strides[position] - cells[position]
        said[position, 2:4] = np.log(centred[2:] / strides[position])
        said[position, 4:] = [0.8, *(scores / 0.8)]
    return {"output": said}


def _logits(shares: np.ndarray) -> np.ndarray:
    return np.log(shares / (1 - shares))


SIZES = np.array([WIDTH, HEIGHT, WIDTH, HEIGHT])
OBJECTNESS = np.concatenate([np.full((2, 1), 0.95), SCORES / 0.95], axis=1)
LAYOUTS = {
    "boxes": ({"scores": SCORES, "boxes": CORNERS}, {}),
    "yolox": (_yolox(), {}),
    "yolov5": ({"output0": np.concatenate([CENTRED, OBJECTNESS], axis=1)}, {}),
    "yolov8": ({"output0": np.concatenate([CENTRED, SCORES], axis=1).T}, {}),
    "yolov10": ({"output0": np.concatenate([CORNERS, [[0.9, 0], [0.6, 1]]], axis=1)}, {}),
    "detr": ({"logits": _logits(SCORES), "boxes": CENTRED / SIZES}, {}),
}


def _plain(found: list[Detection]) -> list[tuple[str, float, tuple[float, ...]]]:
    return [(one.label, round(one.score, 4), tuple(np.round(one.box[:4], 2))) for one in found]


@RUNTIMES
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_read_as_the_same_boxes(tmp_path, layout, runtime):
    outputs, config = LAYOUTS[layout]
    model = load_detector_model(write_detector(tmp_path / "m", outputs, layout=layout, **config))
    detector = Detector(model, runtime)
    assert _plain(detector.detect([detector.prepare(BLACK)])[0]) == FOUND


def test_a_softmax_has_nothing_as_its_last_class(tmp_path):
    sure = np.log(np.array([[0.9, 0.02, 0.08], [0.1, 0.3, 0.6]]))
    folder = write_detector(
        tmp_path / "m", {"pred": sure, "where": CENTRED / SIZES}, layout="detr", activation="softmax",
        outputs=["where", "pred"],
    )  # fmt: skip
    detector = Detector(load_detector_model(folder), threshold=0.2)
    assert _plain(detector.detect([detector.prepare(BLACK)])[0]) == [
        ("hide", 0.9, (8, 4, 16, 16)), ("head", 0.3, (30, 10, 32, 20)),
    ]  # fmt: skip


@RUNTIMES
def test_photographs_of_any_size_go_together_and_boxes_come_back_to_each(tmp_path, runtime):
    model = load_detector_model(write_detector(tmp_path / "m", LAYOUTS["boxes"][0], batch=1, centred=True))
    detector = Detector(model, runtime, threads=2)
    photos = [
        np.zeros((height, width, 3), np.uint8) for width, height in [(64, 32), (128, 64), (32, 32), (64, 16)]
    ]
    found = detector.detect([detector.prepare(photo) for photo in photos])
    boxes = [[tuple(np.round(one.box[:4], 3)) for one in of] for of in found]
    shift = 0.001 * 114 / 255 / 2  # of the last two half is padding, and the network adds a thousandth of the mean
    assert boxes[0] == [(8, 4, 16, 16), (30, 10, 32, 20)]
    assert boxes[1] == [(16, 8, 32, 32), (60, 20, 64, 40)]
    np.testing.assert_allclose(boxes[2], [(0, 4, 8, 16), (14, 10, 18, 20)], atol=2 * shift + 1e-3)
    np.testing.assert_allclose(boxes[3], [(8, 0, 16, 12), (30, 2, 32, 14)], atol=2 * shift + 1e-3)


def test_a_batch_is_as_its_photographs_one_by_one(tmp_path):
    detector = Detector(load_detector_model(write_detector(tmp_path / "m", LAYOUTS["boxes"][0])), threads=2)
    photos = [detector.prepare(pixels(seed, (40 + seed, 30))) for seed in range(7)]
    together = detector.detect(photos)
    assert together == [detector.detect([photo])[0] for photo in photos]
    assert len({of[0].score for of in together}) == 7  # each has its own trace


@RUNTIMES
def test_inputs_may_be_no_larger_than_their_photographs_fill(tmp_path, runtime):
    outputs = {"scores": SCORES, "boxes": CORNERS}
    model = load_detector_model(write_detector(tmp_path / "m", outputs, batch=1, multiple=16, padding=0))
    detector = Detector(model, runtime)
    sizes = [(128, 64), (64, 32), (128, 32), (20, 30), (128, 30)]
    photos = [detector.prepare(np.full((height, width, 3), 255, np.uint8)) for width, height in sizes]
    shapes = [(32, 64), (32, 64), (16, 64), (32, 32), (16, 64)]
    assert [photo.pixels.shape[1:] for photo in photos] == shapes
    found = detector.detect(photos)
    assert found == [detector.detect([photo])[0] for photo in photos]
    for (width, height), shape, of in zip(sizes, shapes, found, strict=True):
        inner = min(64 / width, 32 / height)
        filled = int(width * inner) * int(height * inner) / (shape[0] * shape[1])
        assert of[0].score == pytest.approx(0.9 + 0.001 * filled, abs=1e-6)  # the mean of what the network saw


@given(st.integers(1, 4000), st.integers(1, 4000), st.sampled_from([1, 8, 32]))
def test_an_input_holds_its_photograph_and_hardly_more(width, height, multiple):
    config = DetectorConfig(
        task="detect", name="n", architecture="a", labels=["a"], layout="boxes", input_size=(96, 64),
        multiple=multiple,
    )  # fmt: skip
    across, down = config.size_for(width, height)
    scale = min(96 / width, 64 / height)
    for side, inner, whole in ((across, width * scale, 96), (down, height * scale, 64)):
        assert side % multiple == 0
        assert side <= whole
        assert inner - 1 <= side < max(inner, 1) + multiple
    assert config.model_copy(update={"multiple": None}).size_for(width, height) == (96, 64)


def test_inputs_of_any_size_are_for_boxes_in_pixels():
    base = {"task": "detect", "name": "n", "architecture": "a", "labels": ["a"], "input_size": (64, 64)}
    with pytest.raises(ValueError, match="multiple is for the layout 'boxes'"):
        DetectorConfig(**base, layout="yolox", multiple=32)


def test_no_photographs_are_no_boxes(tmp_path):
    assert Detector(load_detector_model(write_detector(tmp_path / "m", LAYOUTS["boxes"][0]))).detect([]) == []


def test_pixels_are_prepared_as_the_config_says(tmp_path):
    image = np.zeros((8, 8, 3), np.uint8)
    image[:] = [51, 102, 255]
    base = {"task": "detect", "name": "n", "architecture": "a", "labels": ["a"], "layout": "boxes"}
    yolox = DetectorConfig(**base, input_size=(16, 8), std=(1 / 255,) * 3, channels="bgr")
    ready = prepared(image, yolox).pixels
    assert ready.shape == (3, 8, 16)
    np.testing.assert_allclose(ready[:, 0, 0], [255, 102, 51], rtol=1e-6)
    np.testing.assert_allclose(ready[:, 0, 15], 114, rtol=1e-6)
    other = DetectorConfig(**base, input_size=(16, 8), mean=(0.5, 0.25, 0), std=(0.5, 0.25, 1), resize="squash")
    np.testing.assert_allclose(prepared(image, other).pixels[:, 4, 12], [-0.6, 0.6, 1], atol=1e-6)


# ---- what counts as found

LABELS = ["hide", "head"]


def _select(boxes: list, scores: list, **options) -> list[Detection]:
    settings = {"labels": LABELS, "threshold": 0.25, "overlap": 0.5, "size": (100, 80)} | options
    return select(np.array(boxes, float).reshape(-1, 4), np.array(scores, np.float32).reshape(-1, 2), **settings)


def test_of_two_boxes_on_one_animal_the_better_stays_and_another_label_stays_too():
    boxes = [[10, 10, 30, 30], [11, 10, 31, 30], [10, 11, 30, 31]]
    scores = [[0.5, 0], [0.8, 0], [0, 0.4]]
    assert [(one.label, one.box.x) for one in _select(boxes, scores)] == [("hide", 11), ("head", 10)]
    assert len(_select(boxes, scores, overlap=None)) == 3


def test_an_animal_has_one_label():
    assert [one.label for one in _select([[10, 10, 30, 30]], [[0.5, 0.7]])] == ["head"]


def test_boxes_are_clipped_to_the_photograph_and_left_out_beyond_it():
    found = _select([[-5, 70, 20, 95], [101, 0, 140, 20], [5, 5, 5, 20]], [[0.9, 0], [0.8, 0], [0.7, 0]])
    assert [one.box for one in found] == [Box(0, 70, 20, 10)]


finite = st.floats(-1e4, 1e4)
rows = st.lists(st.tuples(finite, finite, finite, finite, st.floats(0, 1), st.floats(0, 1)), max_size=12)


@given(rows, st.floats(0, 1), st.sampled_from([None, 0.3]), st.integers(1, 200), st.integers(1, 200))
def test_what_is_found_is_in_the_photograph_over_the_threshold_and_in_order(
    said, threshold, overlap, width, height
):
    table = np.array(said).reshape(-1, 6)
    size = (width, height)
    found = _select(table[:, :4], table[:, 4:], threshold=threshold, overlap=overlap, size=size)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    for one in found:
        assert one.score >= np.float32(threshold)
        assert one.box.w > 0
        assert one.box.h > 0
        assert min(one.box.x, one.box.y) >= 0
        assert one.box.x + one.box.w <= width + 1e-6
        assert one.box.y + one.box.h <= height + 1e-6


# ---- what is wrong is said


@pytest.mark.parametrize(
    ("outputs", "config", "message"),
    [
        ({"boxes": CORNERS}, {}, "there is no output 'scores' \\(there are: boxes\\)"),
        ({"boxes": CORNERS, "scores": SCORES}, {"labels": ["a"]}, "not the layout 'boxes' with 1 labels"),
        ({"boxes": CORNERS, "scores": SCORES[:1]}, {}, "not the layout 'boxes'"),
        ({"o": CORNERS}, {"layout": "yolov8"}, r"\(1, 2, 4\), which is not the layout 'yolov8' with 2 labels"),
        ({"o": np.zeros((9, 7))}, {"layout": "yolox"}, "gives 9 boxes, where grids .* have 42"),
        ({"o": np.full((2, 6), 7.0)}, {"layout": "yolov10"}, "gives the class 7, and there are 2 labels"),
        ({"boxes": CORNERS, "scores": SCORES * np.nan}, {}, "values that are not numbers"),
    ],
)
def test_a_network_that_differs_from_its_config_is_an_error(tmp_path, outputs, config, message):
    detector = Detector(load_detector_model(write_detector(tmp_path / "says", outputs, **config)))
    with pytest.raises(ModelError, match=f"says: .*{message}"):
        detector.detect([detector.prepare(BLACK)])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"layout": "yolov99"}, "layout: Input should be"),
        ({"labels": []}, "labels"),
        ({"threshold": 2}, "threshold"),
        ({"embedding_size": 3}, "embedding_size: Extra inputs"),
        ({"std": [0, 1, 1]}, "std must be above zero"),
        ({"input_size": [0, 1]}, "input_size and strides"),
        ({"layout": "yolox", "outputs": ["a", "b"]}, "'yolox' has one"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path, config, message):
    with pytest.raises(ModelError, match=message):
        load_detector_model(write_detector(tmp_path / "m", LAYOUTS["boxes"][0], **config))


def test_an_embedder_is_no_detector_nor_the_other_way_round(tmp_path, model_folder):
    with pytest.raises(ModelError, match="task 'embed'; 'detect' is wanted"):
        load_detector_model(model_folder)
    with pytest.raises(ModelError, match="task 'detect'; 'embed' is wanted"):
        load_model(write_detector(tmp_path / "m", LAYOUTS["boxes"][0]))


def test_the_name_follows_all_that_decides_what_is_found_but_the_threshold(tmp_path):
    def name(folder: str, **config) -> str:
        outputs = LAYOUTS["boxes"][0]
        return Detector(load_detector_model(write_detector(tmp_path / folder, outputs, **config))).name

    same = name("a")
    assert same == name("b", threshold=0.7, licence="mit", training_data="hides")
    changes = [{"labels": ["a", "b"]}, {"padding": 0}, {"channels": "bgr"}, {"resize": "squash"}, {"overlap": 0.5},
               {"centred": True}, {"interpolation": "area"}, {"mean": [0.5, 0.5, 0.5]}]  # fmt: skip
    others = {name(f"other-{position}", **change) for position, change in enumerate(changes)}
    assert len(others | {same}) == len(changes) + 1


def test_it_says_of_itself_what_a_card_needs(tmp_path):
    config = load_any_model(write_detector(tmp_path / "m", LAYOUTS["boxes"][0])).config
    assert config.input_shape == (3, HEIGHT, WIDTH)
    assert "64 x 32 pixels (padded at right and bottom with 114), RGB" in config.input_text
    assert "boxes around 2 kinds of things" in config.output_text


def test_logits_of_any_size_become_scores_without_a_warning():
    config = DetectorConfig(
        task="detect", name="n", architecture="a", labels=["a", "b"], input_size=(8, 8), layout="detr"
    )
    logits = np.array([[[-1e4, 1e4], [0, 3]]], np.float32)
    _, scores = read_layout({"boxes": np.zeros((1, 2, 4), np.float32), "logits": logits}, config)
    np.testing.assert_allclose(scores[0], [[0, 1], [0.5, 1 / (1 + np.exp(-3))]], atol=1e-6)
