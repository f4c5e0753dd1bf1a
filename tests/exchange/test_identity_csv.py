from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki import Annotations, Box, TableError
from hanzaki.annotations import COLUMNS
from hanzaki.exchange.identity_csv import read_identity_csv, write_identity_csv


def test_the_fields_columns_are_read(tmp_path):
    (tmp_path / "t.csv").write_text(
        "image_id,identity,path,species,position,encounter,date,bbox,colour\n"
        '1,007,a/b.jpg,Tragelaphus angasii,left,124,2024-08-21,"[0, 0, 512.5, 392]",brown\n'
        "2,unknown,c.jpg,,,,,,\n"
    )
    table = read_identity_csv(tmp_path / "t.csv")
    first, second = table
    assert table.folder == tmp_path
    assert (first.identity, first.path, first.orientation) == ("007", "a/b.jpg", "left")
    assert (first.encounter, first.bbox) == ("124", Box(0, 0, 512.5, 392))
    assert (second.identity, second.species, second.bbox, second.date) == (None, None, None, None)


def test_a_spreadsheets_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    (tmp_path / "t.csv").write_bytes("\ufeffpath,identity\na.jpg,Šárka\n".encode())
    (row,) = read_identity_csv(tmp_path / "t.csv")
    assert row.identity == "Šárka"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "column 'path' is missing"),
        ("path,identity\na.jpg,Šárka\n".encode("cp1250"), "is not UTF-8"),
        (b'path,identity\na.jpg,"Sakura\n', "unexpected end of data"),
        (b"path,identity\na.jpg,b,c,d,e\n", "row 2: has 5 cells, the header 2"),
        (b"path,path\na.jpg,b.jpg\n", "same name"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "cannot be used"),
    ],
)
def test_what_is_no_table_is_an_error_that_names_the_file(tmp_path, data, message):
    (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(TableError, match=message) as caught:
        list(read_identity_csv(tmp_path / "t.csv"))
    assert "t.csv" in str(caught.value)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(TableError, match="no such file"):
        read_identity_csv(tmp_path / "t.csv")


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
cells = {
    "path": st.text("ab /.,\"'\r\n;éč\\", min_size=1).map(lambda name: f"p{name}.jpg"),
    "identity": text.filter(lambda name: name.strip().lower() != "new"),
    "date": st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),
    "bbox": st.none() | st.builds(Box, *[st.floats(-1e6, 1e6)] * 2, *[st.floats(1e-3, 1e6)] * 2, st.floats(-6, 6)),
    "frame": st.none() | st.floats(0, 1e6),
    "confidence": st.none() | st.floats(0, 1),
    "quality": st.none() | st.floats(0, 1),
}
rows = st.fixed_dictionaries({name: cells.get(name, text) for name in COLUMNS})


@given(st.lists(rows, max_size=6))
@settings(deadline=None, max_examples=150)
def test_a_table_that_was_written_is_read_as_it_was(tmp_path_factory, rows):
    folder = tmp_path_factory.getbasetemp()
    table = Annotations(pd.DataFrame(rows, columns=list(COLUMNS), dtype=object), source=folder / "before.csv")
    write_identity_csv(table, folder / "after.csv")
    assert list(read_identity_csv(folder / "after.csv")) == list(table)


def test_paths_lead_to_the_same_pictures_from_another_folder(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "tables" / "deep").mkdir(parents=True)
    (tmp_path / "photos" / "a.jpg").touch()
    paths = pd.DataFrame({"path": ["a.jpg", "/far/b.jpg"]})
    write_identity_csv(Annotations(paths, source=tmp_path / "photos" / "t.csv"), tmp_path / "tables/deep/t.csv")
    near, far = read_identity_csv(tmp_path / "tables/deep/t.csv")
    assert near.path == "../../photos/a.jpg"
    assert (tmp_path / "tables/deep" / near.path).samefile(tmp_path / "photos" / "a.jpg")
    assert far.path == "/far/b.jpg"


def test_a_table_that_cannot_be_written_leaves_the_earlier_one(tmp_path):
    (tmp_path / "t.csv").write_text("path\nearlier.jpg\n")
    table = Annotations(pd.DataFrame({"path": ["good.jpg", "b\udcff.jpg"]}), source=tmp_path / "t.csv")
    with pytest.raises(TableError, match=r"t.csv cannot be used:\n.*not UTF-8"):
        write_identity_csv(table, tmp_path / "t.csv")
    assert [Path(path).name for path in tmp_path.iterdir()] == ["t.csv"]
    assert next(iter(read_identity_csv(tmp_path / "t.csv"))).path == "earlier.jpg"


def test_a_table_in_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(TableError, match="cannot be written"):
        write_identity_csv(Annotations(pd.DataFrame({"path": ["a.jpg"]})), tmp_path / "gone" / "t.csv")
