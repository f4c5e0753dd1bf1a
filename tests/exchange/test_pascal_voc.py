from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from PIL import Image

from hanzaki import Box, TableError
from hanzaki.annotations import AnnotationRow
from hanzaki.exchange.pascal_voc import read_pascal_voc, write_pascal_voc
from tests.exchange.drawings import assert_drawn_alike, drawn_rows, size, table_of, upright

RACCOONS = Path(__file__).parents[3] / "shared" / "data" / "raccoon"

_OBJECT = (
    "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"
)
_HEAD = _OBJECT.format("head", 1, 2, 11, 22)


def _voc(folder: Path, name: str, *objects: str, more: str = "<filename>a.jpg</filename>") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"<annotation>{more}{''.join(objects)}</annotation>")
    return folder


@given(drawn_rows(bbox=upright))
@settings(max_examples=40, deadline=None)
def test_what_is_written_is_read_back(rows: list[AnnotationRow]):
    with tempfile.TemporaryDirectory() as folder:
        assert write_pascal_voc(table_of(Path(folder), *rows), Path(folder) / "voc", size) == {}
        reading = read_pascal_voc(Path(folder) / "voc", size)
        found = [
            replace(row, path=(reading.annotations.folder / row.path).resolve().relative_to(folder).as_posix())
            for row in reading.annotations
        ]
    assert reading.notes == {}
    assert_drawn_alike(sorted(found, key=lambda row: row.path), rows)


@pytest.mark.skipif(not RACCOONS.is_dir(), reason="the raccoon photographs of shared/data are not here")
def test_the_raccoons_that_somebody_drew_in_labelimg_are_read():
    reading = read_pascal_voc(RACCOONS / "annotations")
    rows = list(reading.annotations)
    assert len({row.path for row in rows}) == 200
    assert {row.label for row in rows} == {"raccoon"}
    assert dict(reading.notes) == {}
    assert next(row for row in rows if row.path.endswith("/raccoon-1.jpg")).bbox == Box(81, 88, 441, 320)
    for row in rows:
        with Image.open(reading.annotations.folder / row.path) as image:
            assert row.bbox.x + row.bbox.w <= image.width
            assert row.bbox.y + row.bbox.h <= image.height


@pytest.mark.skipif(not RACCOONS.is_dir(), reason="the raccoon photographs of shared/data are not here")
def test_the_raccoons_are_written_as_labelimg_wrote_them(tmp_path):
    table = read_pascal_voc(RACCOONS / "annotations").annotations
    assert write_pascal_voc(table, tmp_path / "voc") == {}
    assert [row.bbox for row in read_pascal_voc(tmp_path / "voc").annotations] == [row.bbox for row in table]


@pytest.mark.parametrize("place", ["voc", "images", "JPEGImages"])
def test_a_photograph_is_found_beside_the_file_or_its_folder(tmp_path, place):
    folder = _voc(tmp_path / "voc", "a.xml", _HEAD, more="<filename>a</filename><path>C:\\me\\a.png</path>")
    (tmp_path / place).mkdir(exist_ok=True)
    Image.new("RGB", (40, 30)).save(tmp_path / place / "a.png")
    for path in (folder, folder / "a.xml"):
        table = read_pascal_voc(path).annotations
        (row,) = table
        assert (table.folder / row.path).resolve() == (tmp_path / place / "a.png").resolve()
        assert (row.bbox, row.label) == (Box(1, 2, 10, 20), "head")


def test_one_bad_file_does_not_end_the_reading(tmp_path):
    folder = _voc(tmp_path / "voc", "a.xml", _HEAD)
    _voc(folder, "b.xml", _OBJECT.format("head", 5, 2, 5, 22))
    _voc(folder, "c.xml", "<object><name>head</name><robndbox/></object>")
    _voc(folder, "d.xml")
    (folder / "e.xml").write_text("<annotation><object>")
    (folder / "f.xml").write_text("<annotations/>")
    _voc(folder, "g.xml", _OBJECT.format("head", 5, "x", 5, 22))
    reading = read_pascal_voc(folder)
    assert [row.path for row in reading.annotations] == ["voc/a.jpg"]
    told = "\n".join(reading.notes)
    for words in (
        "b.xml: object 1: box '5.0 2.0 0.0 20.0' is empty",
        "c.xml: object 1: has a rotated box (robndbox)",
        "photographs without boxes left out",
        "e.xml: is not XML, or is cut off",
        "f.xml: is no Pascal VOC",
        "g.xml: object 1: bndbox: xmin, ymin, xmax, ymax must be numbers",
    ):
        assert words in told


def test_of_many_bad_files_only_ten_are_named(tmp_path):
    folder = _voc(tmp_path / "voc", "a.xml", _HEAD)
    for number in range(13):
        (folder / f"b{number}.xml").touch()
    notes = read_pascal_voc(folder).notes
    assert (len(notes), notes["further files left out that cannot be understood"]) == (11, 3)


def test_where_no_file_can_be_understood_each_is_told(tmp_path):
    for name in ("a.xml", "b.xml"):
        (tmp_path / name).touch()
    with pytest.raises(TableError, match=r"(?s)a\.xml: is not XML.*b\.xml: is not XML"):
        read_pascal_voc(tmp_path)
    with pytest.raises(TableError, match="no such file"):
        read_pascal_voc(tmp_path / "c.xml")


def test_boxes_drawn_on_a_photograph_of_another_size_are_left_out(tmp_path):
    sizes = "<filename>a.jpg</filename><size><width>{}</width><height>{}</height></size>"
    folder = _voc(tmp_path / "voc", "a.xml", _HEAD, more=sizes.format(30, 40))
    Image.new("RGB", (40, 30)).save(folder / "a.jpg")
    reading = read_pascal_voc(folder)
    assert len(reading.annotations) == 0
    assert reading.notes == {"boxes drawn on a photograph of another size left out": 1}
    _voc(folder, "a.xml", _HEAD, more=sizes.format(0, 0))  # some programs write no size
    assert len(read_pascal_voc(folder).annotations) == 1


def test_a_name_that_xml_cannot_hold_is_an_error_and_nothing_is_written(tmp_path):
    table = table_of(tmp_path, AnnotationRow("a.jpg", bbox=Box(1, 2, 3, 4), label="he\x07ad"))
    with pytest.raises(TableError, match="has a character that XML cannot hold"):
        write_pascal_voc(table, tmp_path / "voc")
    assert list((tmp_path / "voc").iterdir()) == []
