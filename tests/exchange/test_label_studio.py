from __future__ import annotations

import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki import Box, TableError
from hanzaki.annotations import AnnotationRow
from hanzaki.exchange.label_studio import read_label_studio, write_label_studio
from tests.exchange.drawings import assert_drawn_alike, drawn_rows, moved, size, table_of
from tests.exchange.writers import maybe, origins, sexes, write_json

_known = {
    "identity": maybe,
    "species": maybe,
    "encounter": maybe,
    "site": maybe,
    "date": st.none() | st.datetimes(),
    "quality": st.none() | st.floats(0, 1),
    "sex": sexes,
    "origin": origins,
}


def _value(x=10, y=20, width=25, height=50, **more):
    return {"x": x, "y": y, "width": width, "height": height, "rotation": 0, "rectanglelabels": ["head"], **more}


def _result(value=None, **more):
    of_image = {"original_width": 400, "original_height": 200, "image_rotation": 0}
    names = {"from_name": "label", "to_name": "image", "type": "rectanglelabels"}
    return {"id": "x", **of_image, **names, "value": value or _value(), **more}


def _task(*results, image="a.jpg", **more):
    return {"id": 1, "data": {"image": image}, "annotations": [{"result": list(results)}], **more}


def _read(folder, *tasks, **options):
    return read_label_studio(write_json(list(tasks), folder / "t.json"), **options)


@given(drawn_rows(**_known))
@settings(max_examples=40, deadline=None)
def test_what_people_drew_is_read_back(rows: list[AnnotationRow]):
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "studio" / "tasks.json"
        target.parent.mkdir()
        assert write_label_studio(table_of(Path(folder), *rows), target, size) == {}
        reading = read_label_studio(target)
    assert reading.notes == {}
    assert_drawn_alike(list(reading.annotations), moved(rows, ".."))


@given(drawn_rows(**_known, confidence=st.floats(0, 1)))
@settings(max_examples=20, deadline=None)
def test_what_a_detector_drew_becomes_predictions_and_is_read_back_as_such(rows: list[AnnotationRow]):
    with tempfile.TemporaryDirectory() as folder:
        write_label_studio(table_of(Path(folder), *rows), Path(folder) / "t.json", size)
        assert len(read_label_studio(Path(folder) / "t.json").annotations) == 0
        reading = read_label_studio(Path(folder) / "t.json", predictions=True)
    assert_drawn_alike(list(reading.annotations), rows)


def test_percents_become_pixels(tmp_path):
    (row,) = _read(tmp_path, _task(_result())).annotations
    assert row == AnnotationRow("a.jpg", bbox=Box(40, 40, 100, 100), label="head")


def test_a_box_is_turned_about_its_top_left_corner_clockwise(tmp_path):
    """Turned by a quarter, what reached right reaches down, and what reached down reaches left."""
    (row,) = _read(tmp_path, _task(_result(_value(x=50, y=10, width=10, height=40, rotation=90)))).annotations
    assert row.bbox.theta == pytest.approx(math.pi / 2)
    assert row.bbox.upright == pytest.approx(Box(200 - 80, 20, 80, 40))


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("/data/upload/1/0a1b2c3d-IMG%201.jpg", "IMG 1.jpg"),
        ("/data/local-files/?d=day%20one/IMG.jpg", "day one/IMG.jpg"),
        ("s3://bucket/day/IMG.jpg", "IMG.jpg"),
        ("https://example.org/day/IMG.jpg?token=1", "IMG.jpg"),
        ("day\\IMG.jpg", "day/IMG.jpg"),
    ],
)
def test_an_image_is_named_as_it_was_before_it_was_uploaded(tmp_path, address, path):
    (row,) = _read(tmp_path, _task(_result(), image=address)).annotations
    assert row.path == path


def test_an_image_is_looked_for_under_both_its_names(tmp_path):
    table_of(tmp_path, AnnotationRow("images/0a1b2c3d-IMG.jpg"))
    (row,) = _read(tmp_path, _task(_result(), image="/data/upload/1/0a1b2c3d-IMG.jpg")).annotations
    assert row.path == "images/0a1b2c3d-IMG.jpg"


def test_json_min_is_read_too(tmp_path):
    box = _value(original_width=400, original_height=200)
    records = [
        {"image": "a.jpg", "id": 1, "label": [box], "annotation_id": 1, "updated_at": "2024-01-01"},
        {"image": "a.jpg", "id": 1, "label": [box, box], "annotation_id": 2, "updated_at": "2024-01-02"},
        {"image": "b.jpg", "id": 2, "annotation_id": 3},
    ]
    reading = _read(tmp_path, *records)
    assert [(row.path, row.bbox) for row in reading.annotations] == [("a.jpg", Box(40, 40, 100, 100))] * 2
    assert reading.notes == {"annotations by further people left out": 1, "tasks without boxes left out": 1}


def test_one_annotation_of_a_task_counts_and_the_rest_is_counted(tmp_path):
    def drawn(label, **more):
        return {"result": [_result(_value(rectanglelabels=[label]))], **more}

    skipped = {"was_cancelled": True, "result": []}
    reading = _read(
        tmp_path,
        _task(annotations=[drawn("old", updated_at="2024-01-01"), drawn("new", updated_at="2024-01-02"), skipped]),
        _task(annotations=[drawn("true", ground_truth=True), drawn("other", updated_at="2024-01-02")]),
        _task(annotations=[skipped], predictions=[drawn("guess")]),
    )
    assert [row.label for row in reading.annotations] == ["new", "true"]
    assert reading.notes == {
        "annotations by further people left out": 2,
        "tasks that were skipped left out": 1,
        "tasks without boxes left out": 1,
        "tasks' predictions left out": 1,
    }


def test_labels_and_tags_of_one_region_are_one_row(tmp_path):
    place = {"x": 10, "y": 20, "width": 25, "height": 50}
    results = [
        _result(place, from_name="box", type="rectangle"),
        _result({**place, "labels": ["head", "face"]}, from_name="what", type="labels"),
        _result({**place, "text": ["Sakura"]}, from_name="identity", type="textarea"),
        _result({**place, "choices": ["Left"]}, from_name="orientation", type="choices"),
        _result({"points": [[1, 2]]}, id="y", type="keypointlabels"),
    ]
    reading = _read(tmp_path, _task(*results))
    (row,) = reading.annotations
    assert row == AnnotationRow("a.jpg", None, "Sakura", None, "left", bbox=Box(40, 40, 100, 100), label="head")
    assert reading.notes == {"regions that are no boxes left out": 1, "second labels of a box left out": 1}


def test_a_size_that_is_not_said_is_that_of_the_photograph(tmp_path):
    task = _task(_result(original_width=None))
    with pytest.raises(
        TableError, match="task 1, box 1: 'original_width' .* are missing, and .*a.jpg: no such file"
    ):
        _read(tmp_path, task)
    table_of(tmp_path, AnnotationRow("a.jpg"))  # 40 by 30
    (row,) = _read(tmp_path, task).annotations
    assert row.bbox == Box(4, 6, 10, 15)


def test_boxes_on_an_image_turned_in_label_studio_are_left_out(tmp_path):
    reading = _read(tmp_path, _task(_result(image_rotation=90)))
    assert dict(reading.notes) == {"boxes on an image that was turned in Label Studio left out": 1}


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (_task(_result(_value(width=0))), "task 1, box 1, 'bbox': box .* is empty|task 1, box 1: box .* is empty"),
        (_task(_result(_value(x="10"))), "task 1, box 1: x, y, width, height and 'rotation' must be numbers"),
        (_task(_result(), data={"text": "hello"}), "task 1: has boxes, but no image"),
        ({"name": "a.jpg"}, "is no export of Label Studio"),
    ],
)
def test_what_cannot_be_understood_is_told_with_its_place(tmp_path, task, message):
    with pytest.raises(TableError, match=message):
        _read(tmp_path, task)
