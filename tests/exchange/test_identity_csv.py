from __future__ import annotations

import pytest

from hanzaki import Box, TableError
from hanzaki.exchange.identity_csv import read_identity_csv


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
