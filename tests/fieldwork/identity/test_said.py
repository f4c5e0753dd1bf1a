"""What people's decisions say of two encounters beyond their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanzaki import FieldCatalogue
from hanzaki.catalogue.tables import Encounter
from hanzaki.fieldwork.identity.said import said_different
from tests.fixtures.photographs import write


@pytest.fixture
def river(catalogue: FieldCatalogue, tmp_path: Path) -> FieldCatalogue:
    """By a table, encounters 1 and 2 are of A and 3 is of B; 4 and 5 have no name."""
    for number in range(5):
        write(tmp_path / f"{number}.jpg", number)
    rows = ["0.jpg,A,a", "1.jpg,A,b", "2.jpg,B,c", "3.jpg,,d", "4.jpg,,e"]
    (tmp_path / "t.csv").write_text("\n".join(["path,identity,encounter", *rows]))
    catalogue.add(table=tmp_path / "t.csv")
    return catalogue


def said(catalogue: FieldCatalogue) -> set[tuple[int, int]]:
    with catalogue.reading() as session:
        of = {row.id: row.individual_id for row in session.query(Encounter) if row.individual_id is not None}
        return {(first, second) for first, second, _ in said_different(session, of)}


def test_a_table_says_nothing_beyond_its_names(river):
    assert said(river) == set()


def test_new_says_that_it_is_none_of_those_known_then(river):
    river.confirm(4, "new", name="C")
    assert said(river) == {(4, 1), (4, 3)}
    river.confirm(5, "new", name="D")
    assert said(river) == {(4, 1), (4, 3), (5, 1), (5, 3), (5, 4)}


def test_a_name_alone_says_nothing_of_others(river):
    river.confirm(4, "A")
    assert said(river) == set()


def test_who_is_taken_from_another_is_not_that_one(river):
    river.confirm(2, "B")
    assert said(river) == {(2, 1)}


def test_what_was_taken_back_or_overruled_counts_no_more(river):
    river.confirm(4, "new", name="C")
    river.undo()
    assert said(river) == set()
    river.confirm(4, "new", name="D")
    river.confirm(4, "A")
    assert said(river) == set()
