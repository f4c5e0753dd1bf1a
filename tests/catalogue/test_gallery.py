from __future__ import annotations

import pytest

from hanzaki.catalogue.gallery import annotation_table
from hanzaki.catalogue.tables import Individual, Site
from tests.fixtures.photographs import write


@pytest.fixture
def river(catalogue, tmp_path):
    """Sakura met twice at Kamo, once photographed with a place; somebody else at no site."""
    write(tmp_path / "a.jpg", 1, place=(35.5, 135.5))
    write(tmp_path / "b.jpg", 2)
    write(tmp_path / "c.jpg", 3)
    (tmp_path / "t.csv").write_text(
        "path,identity,species,encounter,site,sex\n"
        "a.jpg,Sakura,newt,a,Kamo,female\nb.jpg,Sakura,newt,b,Kamo,\nc.jpg,,newt,c,,\n"
    )
    catalogue.add(table=tmp_path / "t.csv")
    with catalogue.writing() as session:
        site = session.get_one(Site, 1)
        site.latitude, site.longitude = 30.0, 130.0
    return catalogue


def column(catalogue, *names: str) -> list[list[object]]:
    with catalogue.reading() as session:
        return annotation_table(session)[list(names)].to_numpy().tolist()


def test_a_place_is_the_photographs_own_or_else_its_sites(river):
    assert column(river, "latitude", "longitude") == [
        pytest.approx([35.5, 135.5]),
        pytest.approx([30.0, 130.0]),
        [None, None],
    ]


def test_the_sex_of_an_encounter_is_not_that_of_its_animal(river):
    assert column(river, "sex", "individual_sex") == [["female", None], [None, None], [None, None]]
    river.tell(individuals=["Sakura"], sex="female")
    assert column(river, "sex", "individual_sex") == [["female", "female"], [None, "female"], [None, None]]


def test_who_is_retired_is_nobody(river):
    assert column(river, "individual", "individual_id") == [["Sakura", 1], ["Sakura", 1], [None, None]]
    with river.writing() as session:
        session.get_one(Individual, 1).retired = True
    assert column(river, "individual", "individual_id") == [[None, None]] * 3
