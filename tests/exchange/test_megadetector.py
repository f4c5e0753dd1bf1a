from __future__ import annotations

import copy
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki import BadMedium, Box, TableError
from hanzaki.annotations import AnnotationRow
from hanzaki.exchange.megadetector import read_megadetector, write_megadetector
from tests.exchange.drawings import assert_drawn_alike, drawn_rows, moved, size, table_of, upright
from tests.exchange.writers import write_json

#: After the example of lila.science/megadetector-output-format.
_RESULTS = {
    "info": {"format_version": "1.6", "detector_metadata": {"typical_detection_threshold": 0.3}},
    "detection_categories": {"1": "animal", "2": "person", "3": "vehicle"},
    "images": [
        {
            "file": "day\\a.jpg",
            "detections": [
                {"category": "1", "conf": 0.926, "bbox": [0.0, 0.25, 0.5, 0.5], "classifications": [["3", 0.9]]},
                {"category": "1", "conf": 0.061, "bbox": [0.0451, 0.1849, 0.3642, 0.4636]},
                {"category": "2", "conf": 0.8, "bbox": [0.1, 0.1, 0.1, 0.1]},
                {"category": "9", "conf": 0.8, "bbox": [0.1, 0.1, 0.1, 0.1]},
            ],
        },
        {
            "file": "b.mp4",
            "frame_rate": 20,
            "frames_processed": [0, 20, 40],
            "detections": [{"category": "1", "conf": 0.7, "bbox": [0.1, 0.2, 0.25, 0.5], "frame_number": 30}],
        },
        {"file": "empty.jpg", "detections": []},
        {"file": "broken.jpg", "failure": "Failure image access", "detections": None},
    ],
}


def _sizes(path: Path) -> tuple[int, int]:
    return (200, 100)


def _read(folder, document, sizes=_sizes, **options):
    return read_megadetector(write_json(document, folder / "t.json"), sizes, **options)


@given(drawn_rows(bbox=upright, confidence=st.floats(0, 1)), st.floats(1, 60))
@settings(max_examples=40, deadline=None)
def test_what_is_written_is_read_back(rows: list[AnnotationRow], rate: float):
    rows = [replace(row, frame=None if row.path == "a.jpg" else number / rate) for number, row in enumerate(rows)]
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "results" / "t.json"
        target.parent.mkdir()
        assert write_megadetector(table_of(Path(folder), *rows), target, size, lambda video: rate) == {}
        reading = read_megadetector(target, size, threshold=0, category=None)
    assert reading.notes == {}
    assert_drawn_alike(list(reading.annotations), moved(rows, ".."))


def test_animals_are_read_and_all_else_is_counted(tmp_path):
    reading = _read(tmp_path, _RESULTS)
    photograph, video = reading.annotations
    assert photograph == AnnotationRow("day/a.jpg", bbox=Box(0, 25, 100, 50), label="animal", confidence=0.926)
    assert video == AnnotationRow("b.mp4", bbox=Box(20, 20, 50, 50), frame=1.5, label="animal", confidence=0.7)
    assert reading.notes == {
        "detections below 0.3 left out": 1,
        "detections left out (person)": 1,
        "detections left out (of no category)": 1,
        "files without such detections left out": 1,
        "files that MegaDetector could not read left out": 1,
    }


def test_threshold_and_category_can_be_said(tmp_path):
    rows = list(_read(tmp_path, _RESULTS, threshold=0.01, category=None).annotations)
    assert [row.label for row in rows] == ["animal", "animal", "person", "animal"]
    assert _read(tmp_path, {**_RESULTS, "info": {}}).notes["detections below 0.2 left out"] == 1


def test_a_size_in_the_results_is_taken_and_files_not_at_hand_are_counted(tmp_path):
    def nowhere(path: Path) -> tuple[int, int]:
        raise BadMedium(path, "no such file")

    document = copy.deepcopy(_RESULTS)
    with pytest.raises(TableError, match="none of the files that it names is at hand"):
        _read(tmp_path, document, nowhere)
    document["images"][0] |= {"width": 400, "height": 200}
    reading = _read(tmp_path, document, nowhere)
    assert [row.bbox for row in reading.annotations] == [Box(0, 50, 200, 100)]
    assert reading.notes["detections in files that are not at hand left out (no such file)"] == 1


@pytest.mark.parametrize(
    ("file", "changed", "message"),
    [
        (0, {"file": ""}, r"images\[0\]: is no object with a 'file'"),
        (0, {"detections": [1]}, r"images\[0\]: 'detections' is no list of objects"),
        (1, {"frame_rate": None}, r"images\[1\], detection 0: 'frame_rate' of the video is missing"),
        (
            0,
            {"detections": [{"category": "1", "conf": 0.9, "bbox": [10, 10, 99, 99]}]},
            "not in shares of the picture",
        ),
        (0, {"detections": [{"category": "1", "conf": 0.9, "bbox": [0.1]}]}, "is not a box"),
        (0, {"detections": [{"category": "1", "conf": 0.9, "bbox": [0.1, 0.1, 0, 0.1]}]}, "is empty"),
        (
            0,
            {"detections": [{"category": "1", "conf": 9, "bbox": [0, 0, 1, 1]}]},
            "detection 0, 'conf': 9 is not a",
        ),
    ],
)
def test_what_cannot_be_understood_is_told_with_its_place(tmp_path, file, changed, message):
    document = copy.deepcopy(_RESULTS)
    document["images"][file] |= changed
    with pytest.raises(TableError, match=message):
        _read(tmp_path, document)


def test_what_is_written_follows_the_format(tmp_path):
    rows = [
        AnnotationRow("a.jpg", bbox=Box(-10, 10, 30, 10), label="head", confidence=0.5),
        AnnotationRow("a.jpg", bbox=Box(90, 10, 3, 3)),
        AnnotationRow("a.jpg", bbox=Box(10, 10, 10, 10, 0.5)),
        AnnotationRow("b.mp4", bbox=Box(0, 0, 20, 15), frame=1.49),
        AnnotationRow("b.mp4", bbox=Box(0, 0, 20, 15)),
    ]
    table = table_of(tmp_path, *rows)
    notes = write_megadetector(table, tmp_path / "t.json", frame_rate=lambda video: 20)
    assert notes == {
        "boxes beside the picture left out": 1,
        "rotated boxes made upright": 1,
        "rows of videos without their moment left out": 1,
    }
    document = json.loads((tmp_path / "t.json").read_text())
    assert document["info"]["format_version"] == "1.6"
    assert document["detection_categories"] == {"1": "animal", "2": "head"}
    photograph, video = document["images"]
    head = {"category": "2", "conf": 0.5, "bbox": [0, 1 / 3, 0.5, 1 / 3]}
    assert photograph["detections"][0] == head
    assert photograph["detections"][1]["conf"] == 1
    assert (video["frame_rate"], video["frames_processed"]) == (20, [30])
    assert video["detections"] == [{"category": "1", "conf": 1, "bbox": [0, 0, 0.5, 0.5], "frame_number": 30}]
    assert write_megadetector(table, tmp_path / "t.json")["rows of videos left out"] == 1
