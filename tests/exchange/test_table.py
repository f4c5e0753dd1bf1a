"""Whatever the format, the same table comes out; and what is no table is an error that names the file."""

from __future__ import annotations

import copy
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki import Box, TableError
from hanzaki.annotations import AnnotationRow
from hanzaki.exchange.cvat import write_cvat
from hanzaki.exchange.label_studio import write_label_studio
from hanzaki.exchange.megadetector import write_megadetector
from hanzaki.exchange.miewid_csv import write_miewid_csv as written_miewid_csv
from hanzaki.exchange.pascal_voc import write_pascal_voc
from hanzaki.exchange.table import read_any, read_table
from hanzaki.exchange.yolo_text import write_yolo_text
from tests.exchange.drawings import drawn_rows, moved, table_of
from tests.exchange.writers import (
    A_TABLE,
    boxes,
    camera_traps,
    coco,
    maybe,
    miewid_coco,
    names,
    rows_of,
    write_folders,
    write_json,
    write_miewid_csv,
)

_sides = st.none() | names.map(str.lower)
_boxes = st.none() | boxes
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def _without_ids(path: Path) -> list[AnnotationRow]:
    return [replace(row, image_id=None) for row in read_table(path)]


@given(rows_of(identity=maybe, species=maybe, orientation=_sides, bbox=_boxes))
@settings(max_examples=50, deadline=None)
def test_a_miewid_csv_is_read_back(rows: list[AnnotationRow]):
    with tempfile.TemporaryDirectory() as folder:
        write_miewid_csv(rows, Path(folder) / "t.csv")
        assert _without_ids(Path(folder) / "t.csv") == rows


@given(drawn_rows(identity=maybe, species=maybe, orientation=_sides, site=maybe, confidence=st.floats(0, 1)))
@settings(max_examples=50, deadline=None)
def test_a_miewid_csv_that_hanzaki_wrote_is_read_back(rows: list[AnnotationRow]):
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "deeper" / "t.csv"
        target.parent.mkdir()
        assert written_miewid_csv(table_of(Path(folder), *rows), target) == {}
        assert list(read_table(target)) == moved(rows, "..")


@given(rows_of(identity=maybe, species=maybe, orientation=_sides, bbox=_boxes))
@settings(max_examples=50, deadline=None)
def test_a_miewid_coco_is_read_back(rows: list[AnnotationRow]):
    with tempfile.TemporaryDirectory() as folder:
        read = _without_ids(write_json(miewid_coco(rows), Path(folder) / "t.json"))
        assert read == [replace(row, label=row.species) for row in rows]


@given(rows_of(species=maybe, bbox=_boxes, encounter=maybe, site=maybe, date=st.none() | st.datetimes()))
@settings(max_examples=50, deadline=None)
def test_coco_camera_traps_is_read_back(rows: list[AnnotationRow]):
    with tempfile.TemporaryDirectory() as folder:
        read = _without_ids(write_json(camera_traps(rows), Path(folder) / "t.json"))
        assert read == [replace(row, label=row.species) for row in rows]


@given(rows_of(species=maybe, bbox=_boxes))
@settings(max_examples=50, deadline=None)
def test_plain_coco_is_read_back_its_categories_as_labels(rows: list[AnnotationRow]):
    with tempfile.TemporaryDirectory() as folder:
        read = _without_ids(write_json(coco(rows), Path(folder) / "t.json"))
        assert read == [replace(row, species=None, label=row.species) for row in rows]


@given(st.lists(st.tuples(names, names, st.sampled_from(["left", "right"])), min_size=1, max_size=6, unique=True))
@settings(max_examples=25, deadline=None)
def test_folders_are_read_back(animals: list[tuple[str, str, str]]):
    rows = {
        AnnotationRow(f"photos/{species}/{identity}/{side}/1.jpg", None, identity, species, side)
        for species, identity, side in animals
    }
    with tempfile.TemporaryDirectory() as folder:
        write_folders([row.path for row in rows], Path(folder))
        assert set(read_table(Path(folder) / "photos")) == rows


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("identity.csv", "identity table"),
        ("miewid.csv", "MiewID CSV"),
        ("miewid.json", "MiewID COCO"),
        ("traps.json", "COCO Camera Traps"),
        ("coco.json", "COCO"),
        ("photos", "folders: identity/photograph"),
        ("traps.md", "MegaDetector JSON"),
        ("studio.json", "Label Studio JSON"),
        ("cvat.xml", "CVAT XML"),
        ("cvat", "CVAT XML"),
        ("voc", "Pascal VOC"),
        ("voc/a.xml", "Pascal VOC"),
        ("yolo", "YOLO text"),
        ("yolo/data.yaml", "YOLO text"),
    ],
)
def test_a_format_is_known_by_what_stands_in_it(tmp_path, name, format):
    (tmp_path / "identity.csv").write_text("identity,path\nSakura,a.jpg\n")
    write_miewid_csv(A_TABLE, tmp_path / "miewid.csv")
    write_json(miewid_coco(A_TABLE), tmp_path / "miewid.json")
    write_json(camera_traps(A_TABLE), tmp_path / "traps.json")
    write_json(coco(A_TABLE), tmp_path / "coco.json")
    write_folders(["Sakura/a.jpg"], tmp_path / "photos")
    drawn = table_of(tmp_path, AnnotationRow("a.jpg", bbox=Box(1, 2, 3, 4), label="head"))
    write_megadetector(drawn, tmp_path / "traps.md", frame_rate=None)
    write_label_studio(drawn, tmp_path / "studio.json")
    (tmp_path / "cvat").mkdir()
    write_cvat(drawn, tmp_path / "cvat.xml")
    write_cvat(drawn, tmp_path / "cvat" / "annotations.xml")
    write_pascal_voc(drawn, tmp_path / "voc")
    write_yolo_text(drawn, tmp_path / "yolo")
    reading = read_any(tmp_path / name)
    assert reading.format == format
    assert len(reading.annotations) >= 1 or name == "traps.md"  # which is asked for animals, not for heads
    if not (tmp_path / name).is_dir() and not name.endswith(".yaml"):  # nor is a name's ending asked
        assert read_any((tmp_path / name).rename(tmp_path / "table")).format == format


def test_a_windows_byte_order_mark_hides_no_format(tmp_path):
    (tmp_path / "t").write_bytes(b"\xef\xbb\xbf" + json.dumps(coco(A_TABLE)).encode())
    assert read_any(tmp_path / "t").format == "COCO"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "columns found: none"),
        (b"photo,who\na.jpg,Sakura\n", "columns found: photo, who"),
        (b"path;identity\na.jpg;Sakura\n", "separated by commas"),
        (b"\x89PNG\r\n\x1a\n", "is not UTF-8"),
        (b"{", "is not JSON, or is cut off"),
        (b"[" * 100_000, "is not JSON"),
        (b"[1, 2]", "'images' and 'annotations' .found: list"),
        (b'{"images": [], "licenses": {}}', "found: 'images', 'licenses'"),
        (b'{"images": {}, "detection_categories": {}}', "is no MegaDetector JSON: .* a list 'images'"),
        (b"<annotations>", "is not XML, or is cut off"),
        (b"<html></html>", "is XML of neither CVAT .* nor Pascal VOC"),
        (b'{"images": {}, "annotations": [1]}', "'images' is no list"),
        (b'{"images": {}, "annotations": [1]}', r"annotations\[0\]: is no object"),
        (b"name,file_name\na.jpg\n", "row 2: has 1 cells, the header 2"),
    ],
)
def test_what_is_no_table_is_an_error_that_names_the_file(tmp_path, data, message):
    (tmp_path / "t.table").write_bytes(data)
    with pytest.raises(TableError, match=message) as caught:
        read_any(tmp_path / "t.table")
    assert str(tmp_path / "t.table") in str(caught.value)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(TableError, match="no such file or folder"):
        read_table(tmp_path / "t.csv")


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_a_table_or_an_error_that_names_the_file(data: bytes):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.table"
        path.write_bytes(data)
        _read_or_refuse(path)


@given(st.data(), st.sampled_from([coco, camera_traps, miewid_coco]))
@settings(max_examples=100, deadline=None)
def test_a_coco_that_is_broken_anywhere_is_read_or_refused_by_name(data: st.DataObject, layout: Any):
    document = copy.deepcopy(layout(A_TABLE))
    document["annotations"][0]["theta"] = 0.5
    parent, key = data.draw(st.sampled_from(list(_cells(document))))
    parent[key] = data.draw(_json)
    with tempfile.TemporaryDirectory() as folder:
        _read_or_refuse(write_json(document, Path(folder) / "t.json"))


@given(st.data(), st.sampled_from([write_label_studio, write_megadetector]))
@settings(max_examples=100, deadline=None)
def test_boxes_in_json_that_is_broken_anywhere_are_read_or_refused_by_name(data: st.DataObject, write: Any):
    rows = [replace(row, bbox=Box(1, 2, 3, 4), identity="Sakura") for row in A_TABLE]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.json"
        write(table_of(Path(folder), *rows), path)
        document = json.loads(path.read_text())
        parent, key = data.draw(st.sampled_from(list(_cells(document))))
        parent[key] = data.draw(_json)
        _read_or_refuse(write_json(document, path))


@given(st.data(), st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=6) | st.just("1e999"))
@settings(max_examples=100, deadline=None)
def test_boxes_in_xml_that_is_broken_anywhere_are_read_or_refused_by_name(data: st.DataObject, text: str):
    rows = [AnnotationRow("a.jpg", bbox=Box(1, 2, 3, 4, 0.5), identity="Sakura")]
    with tempfile.TemporaryDirectory() as folder:
        write_cvat(table_of(Path(folder), *rows), Path(folder) / "cvat.xml")
        write_pascal_voc(table_of(Path(folder), *rows), Path(folder) / "voc")
        path = data.draw(st.sampled_from([Path(folder) / "cvat.xml", Path(folder) / "voc" / "a.xml"]))
        tree = ElementTree.parse(path)
        element = data.draw(st.sampled_from(list(tree.iter())))
        if element.attrib:
            element.set(data.draw(st.sampled_from(list(element.attrib))), text)
        else:
            element.text = text
        tree.write(path)
        _read_or_refuse(path)


def test_xml_that_a_camera_writes_makes_no_labels_of_a_folder(tmp_path):
    write_folders(["Sakura/a.jpg"], tmp_path)
    (tmp_path / "Sakura" / "a.xml").write_text("<NonRealTimeMeta/>")
    assert read_any(tmp_path).format == "folders: identity/photograph"


def test_sizes_of_videos_are_asked_of_the_caller(tmp_path):
    rows = [AnnotationRow("a.mp4", bbox=Box(1, 2, 3, 4), frame=0.5)]
    write_megadetector(table_of(tmp_path, *rows), tmp_path / "t.json", lambda path: (64, 48), lambda video: 10)
    (row,) = read_any(tmp_path / "t.json", lambda path: (640, 480)).annotations
    assert row.bbox == pytest.approx(Box(10, 20, 30, 40))


def _cells(value: Any) -> Any:
    """Every place in a JSON document, as what holds it and its key."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _cells(value[key])


def _read_or_refuse(path: Path) -> None:
    try:
        list(read_table(path))
    except TableError as error:
        assert str(path) in str(error)
