from __future__ import annotations

import math
import tempfile
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki import Box, TableError
from hanzaki.annotations import AnnotationRow
from hanzaki.exchange.cvat import read_cvat, write_cvat
from tests.exchange.drawings import assert_drawn_alike, drawn_rows, moved, size, table_of
from tests.exchange.writers import maybe, origins, sexes

#: After the examples of docs.cvat.ai/docs/other/xml_format.
_IMAGES = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><name>river</name></task></meta>
  <image id="0" name="day one/a.jpg" width="40" height="30">
    <box label="head" source="manual" xtl="1.50" ytl="2" xbr="11.50" ybr="22" rotation="350" z_order="0">
      <attribute name="identity">Sakura</attribute><attribute name="mood">calm</attribute>
    </box>
    <polygon label="tail" points="1,2;3,4;5,6" occluded="0" z_order="0"></polygon>
  </image>
  <image id="1" name="b.jpg" width="40" height="30"></image>
</annotations>"""
_TRACK = """<annotations><meta><task><name>river</name><source>swim.mp4</source></task></meta>
  <track id="3" label="head" source="manual">
    <box frame="10" keyframe="1" outside="0" occluded="0" xtl="1" ytl="2" xbr="11" ybr="22" z_order="0"></box>
    <box frame="11" keyframe="0" outside="0" occluded="0" xtl="2" ytl="2" xbr="12" ybr="22" z_order="0"></box>
    <box frame="12" keyframe="1" outside="1" occluded="0" xtl="2" ytl="2" xbr="12" ybr="22" z_order="0"></box>
  </track>
</annotations>"""


def _file(folder: Path, text: str) -> Path:
    (folder / "annotations.xml").write_text(text)
    return folder / "annotations.xml"


@given(
    drawn_rows(
        identity=maybe,
        species=maybe,
        encounter=maybe,
        site=maybe,
        orientation=st.sampled_from([None, "left"]),
        date=st.none() | st.datetimes(),
        confidence=st.none() | st.floats(0, 1),
        quality=st.none() | st.floats(0, 1),
        sex=sexes,
        origin=origins,
    )
)
@settings(max_examples=40, deadline=None)
def test_what_is_written_is_read_back(rows: list[AnnotationRow]):
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "cvat" / "annotations.xml"
        target.parent.mkdir()
        assert write_cvat(table_of(Path(folder), *rows), target, size) == {}
        reading = read_cvat(target, size)
    assert reading.notes == {}
    assert_drawn_alike(list(reading.annotations), moved(rows, ".."))


def test_boxes_of_images_are_read_with_their_rotation_and_attributes(tmp_path):
    reading = read_cvat(_file(tmp_path, _IMAGES))
    (row,) = reading.annotations
    assert (row.path, row.label, row.identity) == ("day one/a.jpg", "head", "Sakura")
    assert row.bbox == pytest.approx(Box(1.5, 2, 10, 20, -math.radians(10)))
    assert reading.notes == {"images without boxes left out": 1, "shapes that are no boxes left out (polygon)": 1}


def test_a_track_through_a_video_is_one_encounter_with_its_moments(tmp_path):
    rows = list(read_cvat(_file(tmp_path, _TRACK), frame_rate=20).annotations)
    assert [(row.path, row.frame) for row in rows] == [("swim.mp4", 0.5), ("swim.mp4", 0.55)]
    assert {(row.encounter, row.label) for row in rows} == {("river track 3", "head")}


def test_a_track_is_of_the_exported_frames_where_they_are(tmp_path):
    path = _file(tmp_path, _TRACK)
    with pytest.raises(TableError, match="give the frame rate, or export 'CVAT for images 1.1'"):
        read_cvat(path)
    (tmp_path / "images").mkdir()
    rows = list(read_cvat(path).annotations)
    assert [(row.path, row.frame) for row in rows] == [
        ("images/frame_000010.png", None),
        ("images/frame_000011.png", None),
    ]
    with pytest.raises(TableError, match="must be above zero"):
        read_cvat(path, frame_rate=0)


def test_boxes_drawn_on_an_image_of_another_size_are_left_out(tmp_path):
    table_of(tmp_path, AnnotationRow("day one/a.jpg"))  # 40 by 30
    assert len(read_cvat(_file(tmp_path, _IMAGES)).annotations) == 1
    reading = read_cvat(_file(tmp_path, _IMAGES.replace('width="40" height="30"', 'width="30" height="40"')))
    assert len(reading.annotations) == 0
    assert reading.notes["boxes drawn on an image of another size left out"] == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('xbr="11.50"', 'xbr="1.5"', "image 'day one/a.jpg', box 1: box .* is empty"),
        ('xbr="11.50"', "", "xtl, ytl, xbr, ybr and 'rotation' must be numbers"),
        ('rotation="350"', 'rotation="inf"', "box .* is not a box"),
        ('name="day one/a.jpg"', "", "image 0: 'name' is missing"),
        (">Sakura<", ">new<", "box 1, 'identity': 'new' cannot be an animal's name"),
        ("annotations>", "annotation>", "is no CVAT XML"),
    ],
)
def test_what_cannot_be_understood_is_told_with_its_place(tmp_path, old, new, message):
    with pytest.raises(TableError, match=message):
        read_cvat(_file(tmp_path, _IMAGES.replace(old, new)))


def test_rows_of_videos_are_left_out_and_counted(tmp_path):
    rows = [AnnotationRow("a.jpg", bbox=Box(1, 2, 3, 4), date=datetime(2024, 8, 21)), AnnotationRow("b.jpg")]
    rows.append(AnnotationRow("c.mp4", bbox=Box(1, 2, 3, 4), frame=0.0))
    notes = write_cvat(table_of(tmp_path, *rows), tmp_path / "cvat.xml")
    assert notes == {"rows of videos left out": 1, "rows without a box left out": 1}
    (row,) = read_cvat(tmp_path / "cvat.xml").annotations
    assert (row.path, row.label, row.date) == ("a.jpg", "animal", datetime(2024, 8, 21))
