from __future__ import annotations

import pandas as pd
import pytest

from hanzaki import Annotations, Box, TableError
from hanzaki.exchange.miewid_csv import read_miewid_csv, write_miewid_csv

HEADER = "theta,viewpoint,name,file_name,species,file_path,x,y,w,h\n"


def _table(tmp_path, *rows):
    (tmp_path / "t.csv").write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return tmp_path / "t.csv"


def test_miewids_own_example_is_read(tmp_path):
    """The row is of the README of WildMeOrg/wbia-plugin-miew-id."""
    path = _table(
        tmp_path,
        "0,up,1030,000000006040.jpg,beluga_whale,/datasets/beluga-440/000000006040.jpg,0,0,162,440",
        "0,up,____,000000006043.jpg,beluga_whale,/datasets/beluga-440/000000006043.jpg,,,,",
    )
    first, second = read_miewid_csv(path).annotations
    assert (first.identity, first.orientation, first.species) == ("1030", "up", "beluga_whale")
    assert (first.path, first.bbox) == ("000000006040.jpg", Box(0, 0, 162, 440))
    assert (second.identity, second.bbox) == (None, None)


def test_the_full_path_is_taken_where_it_leads_somewhere(tmp_path):
    (tmp_path / "whole.jpg").touch()
    path = _table(tmp_path, f"0,up,a,name.jpg,whale,{tmp_path}/whole.jpg,,,,", "0,up,a,other.jpg,whale,,,,,")
    assert [row.path for row in read_miewid_csv(path).annotations] == [f"{tmp_path}/whole.jpg", "other.jpg"]


def test_a_box_keeps_its_rotation_however_little(tmp_path):
    path = _table(tmp_path, "1.5,,a,a.jpg,,,10,20,30,10", "0.09,,a,b.jpg,,,10,20,30,10", "0.5,,a,c.jpg,,,,,,")
    rows = read_miewid_csv(path).annotations
    assert [row.bbox for row in rows] == [Box(10, 20, 30, 10, 1.5), Box(10, 20, 30, 10, 0.09), None]


def test_rows_of_videos_are_left_out_of_miewids_and_counted(tmp_path):
    table = Annotations(pd.DataFrame({"path": ["a.jpg", "b.mp4"], "frame": [None, 0.5]}), tmp_path / "t.csv")
    assert write_miewid_csv(table, tmp_path / "m.csv") == {"rows of videos left out": 1}
    assert [row.path for row in read_miewid_csv(tmp_path / "m.csv").annotations] == ["a.jpg"]


def test_what_other_columns_tell_is_read_too(tmp_path):
    header, cells = "name,file_name,date,encounter,site,sex,origin", "a,a.jpg,2024-08-21,7,Ningaloo,Male,hybrid"
    (tmp_path / "t.csv").write_text(f"{header}\n{cells}\n")
    (row,) = read_miewid_csv(tmp_path / "t.csv").annotations
    assert (row.date.day, row.encounter, row.site, row.bbox) == (21, "7", "Ningaloo", None)
    assert (row.sex, row.origin) == ("male", "hybrid")


def test_sex_and_origin_are_written_and_read_back(tmp_path):
    known = {"path": ["a.jpg", "b.jpg"], "sex": ["female", None], "origin": [None, "native"]}
    table = Annotations(pd.DataFrame(known), tmp_path / "t.csv")
    assert write_miewid_csv(table, tmp_path / "m.csv") == {}
    rows = read_miewid_csv(tmp_path / "m.csv").annotations
    assert [(row.sex, row.origin) for row in rows] == [("female", None), (None, "native")]


def test_every_bad_cell_is_told_in_miewids_words(tmp_path):
    path = _table(tmp_path, "90,,a,a.jpg,,,1,2,3,4", "0,,new,b.jpg,,,1,2,3,", "0.5,,a,,,,1,2,0,4")
    with pytest.raises(TableError) as caught:
        read_miewid_csv(path)
    assert [(problem.row, problem.column) for problem in caught.value.problems] == [
        (2, "theta"),
        (3, "name"),
        (3, "x, y, w, h"),
        (4, "x, y, w, h"),
        (4, "file_name"),
    ]
    assert "'90' is not an angle in radians" in str(caught.value)


@pytest.mark.parametrize(
    ("header", "message"),
    [("name,path", "'file_path' are missing"), ("name,file_name,x,y", "missing: w, h")],
)
def test_missing_columns_are_told(tmp_path, header, message):
    (tmp_path / "t.csv").write_text(header + "\n")
    with pytest.raises(TableError, match=message):
        read_miewid_csv(tmp_path / "t.csv")
