from __future__ import annotations

import contextlib
import io
import tempfile
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki import Box
from hanzaki.annotations import AnnotationRow
from hanzaki.exchange.coco import read_coco
from hanzaki.exchange.coco_export import write_coco
from tests.exchange.drawings import assert_drawn_alike, drawn_rows, moved, size, table_of
from tests.exchange.writers import maybe, origins, sexes

_sides = st.sampled_from([None, "left", "right"])


_known = {"identity": maybe, "species": maybe, "orientation": _sides, "sex": sexes, "origin": origins}


@given(drawn_rows(**_known, confidence=st.none() | st.floats(0, 1)))
@settings(max_examples=40, deadline=None)
def test_what_is_written_is_read_back(rows: list[AnnotationRow]):
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "coco" / "t.json"
        target.parent.mkdir()
        assert write_coco(table_of(Path(folder), *rows), target, size) == {}
        reading = read_coco(target)
    assert reading.notes == {}
    numbers = {path: str(number) for number, path in enumerate(dict.fromkeys(row.path for row in rows), 1)}
    expected = [AnnotationRow(**{**vars(row), "image_id": numbers[row.path]}) for row in rows]
    assert_drawn_alike(list(reading.annotations), moved(expected, ".."))


def test_what_is_known_of_a_photograph_is_read_back(tmp_path):
    when = datetime(2024, 8, 21, 18, 5)
    row = AnnotationRow("a.jpg", "1", "Sakura", None, None, "s1", when, Box(1, 2, 3, 4), "Hino", label="head")
    write_coco(table_of(tmp_path, row), tmp_path / "t.json")
    assert list(read_coco(tmp_path / "t.json").annotations) == [row]


def test_pycocotools_finds_every_box_in_it(tmp_path):
    cocos = pytest.importorskip("pycocotools.coco")
    rows = [
        AnnotationRow("a.jpg", bbox=Box(1, 2, 3, 4), label="head"),
        AnnotationRow("a.jpg", bbox=Box(5, 6, 7, 8)),
        AnnotationRow("d/b.jpg", bbox=Box(1, 2, 10, 20), label="head"),
        AnnotationRow("c.mp4", bbox=Box(1, 2, 3, 4), frame=0.5),
        AnnotationRow("d/b.jpg"),
    ]
    notes = write_coco(table_of(tmp_path, *rows), tmp_path / "t.json")
    assert notes == {"rows of videos left out": 1, "rows without a box left out": 1}
    with contextlib.redirect_stdout(io.StringIO()):
        coco = cocos.COCO(str(tmp_path / "t.json"))
    assert [category["name"] for category in coco.loadCats(coco.getCatIds())] == ["animal", "head"]
    heads = coco.loadAnns(coco.getAnnIds(catIds=coco.getCatIds(catNms=["head"])))
    assert [(head["bbox"], head["area"]) for head in heads] == [([1, 2, 3, 4], 12), ([1, 2, 10, 20], 200)]
    (image,) = coco.loadImgs([heads[1]["image_id"]])
    assert (image["file_name"], image["width"], image["height"]) == ("d/b.jpg", 40, 30)
