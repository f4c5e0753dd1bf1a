from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hanzaki import Box, TableError
from hanzaki.annotations import AnnotationRow
from hanzaki.exchange.yolo_text import read_yolo_text, write_yolo_text
from tests.exchange.drawings import assert_drawn_alike, drawn_rows, moved, size, table_of, upright

_shares = st.none() | st.integers(0, 10**6).map(lambda number: number / 10**6)


def _photograph(path: Path, orientation: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (40, 20))
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(path, exif=exif)


def _labelled(folder: Path, *lines: str, classes: str = "raccoon\nhead\n") -> Path:
    """As LabelImg saves beside the photographs."""
    _photograph(folder / "a.jpg")
    (folder / "a.txt").write_text("".join(f"{line}\n" for line in lines))
    (folder / "classes.txt").write_text(classes)
    return folder


@given(drawn_rows(bbox=upright, confidence=_shares))
@settings(max_examples=40, deadline=None)
def test_what_is_written_is_read_back_within_a_hundredth_of_a_pixel(rows: list[AnnotationRow]):
    with tempfile.TemporaryDirectory() as folder:
        assert write_yolo_text(table_of(Path(folder), *rows), Path(folder) / "yolo", size) == {}
        reading = read_yolo_text(Path(folder) / "yolo", size)
    assert reading.notes == {}
    found = sorted(reading.annotations, key=lambda row: row.path)
    assert_drawn_alike(found, moved(rows, "yolo/images"), pixels=0.01)


def test_labelimgs_boxes_are_pixels_of_the_photograph_beside(tmp_path):
    folder = _labelled(tmp_path / "d", "1 0.5 0.5 0.5 0.5", "", "0 0.25 0.5 0.5 1 0.875")
    first, second = read_yolo_text(folder).annotations
    assert first == AnnotationRow("d/a.jpg", bbox=Box(10, 5, 20, 10), label="head")
    assert second == AnnotationRow("d/a.jpg", bbox=Box(0, 0, 20, 20), label="raccoon", confidence=0.875)


def test_boxes_are_of_the_photograph_as_displayed(tmp_path):
    folder = _labelled(tmp_path / "d", "0 0.5 0.5 0.5 0.5")
    _photograph(folder / "a.jpg", orientation=6)
    (row,) = read_yolo_text(folder).annotations
    assert row.bbox == Box(5, 10, 10, 20)


@pytest.mark.parametrize(
    ("yaml", "paths"),
    [
        (
            "train: images/train\nval: images/val\nnames: [raccoon, head]",
            ["images/train/a.jpg", "images/val/b.jpg"],
        ),
        ("path: ..\ntrain: d/images/train\nnames:\n  0: raccoon\n  1: head", ["images/train/a.jpg"]),
        ("path: /elsewhere\nval: [images/val]\nnames: {1: head}", ["images/val/b.jpg"]),
        ("train: ../images/train\nnames: [raccoon, head]", ["images/train/a.jpg"]),
        ("train: list.txt\nnames: [raccoon, head]", ["images/val/b.jpg"]),
        ("images: ../images\nnames: [raccoon, head]", ["images/train/a.jpg", "images/val/b.jpg"]),
    ],
)
def test_a_yaml_file_names_classes_and_folders(tmp_path, yaml, paths):
    for name in ("train/a", "val/b"):
        _photograph(tmp_path / "d" / "images" / f"{name}.jpg")
        (tmp_path / "d" / "labels" / name).parent.mkdir(parents=True)
        (tmp_path / "d" / "labels" / f"{name}.txt").write_text("1 0.5 0.5 0.5 0.5\n")
    (tmp_path / "d" / "list.txt").write_text("./images/val/b.jpg\n")
    (tmp_path / "d" / "data.yaml").write_text(yaml)
    for path in (tmp_path / "d", tmp_path / "d" / "data.yaml"):
        rows = list(read_yolo_text(path).annotations)
        start = "d/" if path.is_dir() else ""
        assert [row.path for row in rows] == [start + name for name in paths]
        assert {row.label for row in rows} == {"head"}


def test_what_is_not_read_is_counted(tmp_path):
    folder = _labelled(tmp_path / "d", "0 0.5 0.5 0.5 0.5")
    for name in ("empty", "unlabelled"):
        _photograph(folder / f"{name}.jpg")
    (folder / "empty.txt").touch()
    (folder / "lost.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "broken.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    reading = read_yolo_text(folder)
    assert [row.path for row in reading.annotations] == ["d/a.jpg"]
    assert reading.notes == {
        "label files without a photograph left out": 1,
        "photographs that cannot be opened left out (not a photograph whose size can be read)": 1,
        "photographs without boxes left out": 1,
        "photographs without labels left out": 1,
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2", "the four corners of a rotated box"),
        ("0 0.1 0.1 0.2 0.1 0.2 0.2", "an outline of 3 points .a segment."),
        ("0 0.5 0.5 0.5", "has 4 numbers instead of 5"),
        ("0 100 50 20 20", "shares of the picture, not pixels"),
        ("0 nan 0.5 0.5 0.5", "not from 0 to 1"),
        ("head 0.5 0.5 0.5 0.5", "no number"),
        ("7 0.5 0.5 0.5 0.5", "there is no class 7: .*classes.txt names 2"),
        ("0 0.5 0.5 0 0.5", "is empty"),
    ],
)
def test_a_line_that_is_no_box_is_told_with_file_and_line(tmp_path, line, message):
    folder = _labelled(tmp_path, "0 0.5 0.5 0.5 0.5", line)
    with pytest.raises(TableError, match=rf"a\.txt, line 2.*{message}"):
        read_yolo_text(folder)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"classes.txt": "head\n"}, "holds no photograph with a text file of its name"),
        ({"a.txt": "0 0.5 0.5 0.5 0.5"}, "says nowhere what its classes are called"),
        ({"data.yaml": "names: ["}, "is not YAML"),
        ({"data.yaml": "train: images"}, "has no 'names'"),
        ({"data.yaml": "names: head"}, "'names' must be a list"),
        ({"data.yaml": "names: [head]\ntrain: gone"}, "'gone': no such folder"),
    ],
)
def test_a_folder_that_cannot_be_read_says_what_it_needs(tmp_path, files, message):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(TableError, match=message):
        read_yolo_text(tmp_path)


def test_photographs_that_lie_in_images_find_their_labels_again(tmp_path):
    row = AnnotationRow("images/day/images/a.jpg", bbox=Box(10, 5, 20, 10), label="head")
    write_yolo_text(table_of(tmp_path, row), tmp_path / "yolo")
    (found,) = read_yolo_text(tmp_path / "yolo").annotations
    assert found.path == "yolo/images/day/a.jpg"
    assert_drawn_alike([found], [replace(row, path=found.path)], pixels=1e-3)


def test_what_cannot_be_written_is_counted_and_nothing_is_overwritten(tmp_path):
    rows = [
        AnnotationRow("a.jpg", bbox=Box(-10, -5, 30, 15), label="head"),
        AnnotationRow("a.jpg", bbox=Box(50, 0, 5, 5)),
        AnnotationRow("a.jpg", bbox=Box(10, 10, 10, 4, 0.5)),
        AnnotationRow("a.jpg"),
        AnnotationRow("a.mp4", bbox=Box(1, 1, 9, 9), frame=0.5),
    ]
    table = table_of(tmp_path, *rows)
    (tmp_path / "a.mp4").unlink()
    gone = table_of(tmp_path, *rows, AnnotationRow("gone.jpg", bbox=Box(1, 1, 9, 9)), photographs=False)
    assert write_yolo_text(gone, tmp_path / "yolo") == {
        "boxes beside the picture left out": 1,
        "boxes on files that cannot be opened left out": 1,
        "rotated boxes made upright": 1,
        "rows of videos left out": 1,
        "rows without a box left out": 1,
    }
    cut, made_upright = read_yolo_text(tmp_path / "yolo").annotations
    assert_drawn_alike([cut], [replace(cut, bbox=Box(0, 0, 20, 10))], pixels=1e-3)
    assert_drawn_alike([made_upright], [replace(cut, bbox=rows[2].bbox.upright, label="animal")], pixels=1e-3)
    with pytest.raises(TableError, match="is not empty"):
        write_yolo_text(table, tmp_path / "yolo")
