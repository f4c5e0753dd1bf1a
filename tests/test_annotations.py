from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest

from hanzaki import Annotations, Box, TableError


def test_a_row_is_read_with_its_types():
    frame = pd.DataFrame(
        {
            "path": ["a.jpg"],
            "identity": ["Sakura"],
            "bbox": ["[1, 2, 30, 40]"],
            "date": ["2022-08-20T11:00"],
            "orientation": ["left"],
        }
    )
    (row,) = Annotations(frame)
    assert (row.path, row.identity, row.bbox, row.orientation) == ("a.jpg", "Sakura", Box(1, 2, 30, 40), "left")
    assert row.date == datetime(2022, 8, 20, 11)
    assert row.species is None


@pytest.mark.parametrize("nobody", ["", "unknown", "Unknown", " UNKNOWN ", None, float("nan"), "____"])
def test_an_unknown_identity_is_missing(nobody: object):
    (row,) = Annotations(pd.DataFrame({"path": ["a.jpg"], "identity": [nobody]}))
    assert row.identity is None


def test_a_number_as_a_name_has_no_decimals():
    rows = list(Annotations(pd.DataFrame({"path": ["a.jpg", "b.jpg"], "identity": [7.0, None]})))
    assert [row.identity for row in rows] == ["7", None]


def test_dates_are_kept_by_the_local_clock():
    (row,) = Annotations(pd.DataFrame({"path": ["a.jpg"], "date": ["2022-08-20T11:00:00+09:00"]}))
    assert row.date == datetime(2022, 8, 20, 11)


def test_every_bad_cell_is_told_with_its_row_and_column():
    frame = pd.DataFrame(
        {"path": ["a.jpg", "", "c.jpg"], "bbox": ["1 2 3", "", "x"], "date": ["", "yesterday", "2022-08-20"]}
    )
    with pytest.raises(TableError) as caught:
        Annotations(frame)
    assert [(problem.row, problem.column) for problem in caught.value.problems] == [
        (2, "bbox"),
        (3, "date"),
        (3, "path"),
        (4, "bbox"),
    ]
    assert "row 3, column 'date': 'yesterday' is not a date" in str(caught.value)


def test_a_long_list_of_problems_is_cut_and_counted():
    with pytest.raises(TableError, match="and 15 more problems"):
        Annotations(pd.DataFrame({"path": ["a.jpg"] * 25, "bbox": ["x"] * 25}))


def test_a_table_without_paths_says_which_columns_it_found():
    with pytest.raises(TableError, match="'path' is missing .columns found: file, name"):
        Annotations(pd.DataFrame({"file": ["a"], "name": ["b"]}))


def test_sides_are_one_word_however_they_are_written():
    rows = list(Annotations(pd.DataFrame({"path": ["a", "b"], "orientation": ["Left", " LEFT "]})))
    assert {row.orientation for row in rows} == {"left"}


def test_no_animal_is_called_new():
    with pytest.raises(TableError, match="row 2, column 'identity': 'New' cannot be an animal's name"):
        Annotations(pd.DataFrame({"path": ["a.jpg"], "identity": ["New"]}))
