from __future__ import annotations

import threading

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

import hanzaki
from hanzaki import CatalogueError, FieldCatalogue
from hanzaki.catalogue.tables import Annotation, Site


def test_a_catalogue_is_a_folder_with_sqlite_in_wal_and_foreign_keys_on(tmp_path):
    with hanzaki.init(tmp_path / "river") as catalogue, catalogue.reading() as session:
        assert (tmp_path / "river" / "catalogue.sqlite").is_file()
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA foreign_keys")) == 1


def test_foreign_keys_hold(catalogue):
    with pytest.raises(IntegrityError), catalogue.writing() as session:
        session.add(Annotation(medium_id=99, encounter_id=99))


def test_init_never_touches_a_folder_in_use(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(CatalogueError, match="holds other files"):
        hanzaki.init(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
    hanzaki.init(tmp_path / "river").close()
    with pytest.raises(CatalogueError, match="is a catalogue already"):
        hanzaki.init(tmp_path / "river")


def test_init_where_a_file_is_in_the_way(tmp_path):
    (tmp_path / "river").write_text("a file")
    with pytest.raises(CatalogueError, match="no catalogue can be made here"):
        hanzaki.init(tmp_path / "river")


def test_open_says_what_to_do_where_there_is_none(tmp_path):
    with pytest.raises(CatalogueError, match="is not a catalogue; make one with `hanzaki init"):
        hanzaki.open(tmp_path)


def test_a_catalogue_is_found_from_inside_of_it(catalogue):
    inside = catalogue.folder / "media" / "ab"
    inside.mkdir(parents=True)
    assert FieldCatalogue.find(inside) == catalogue.folder


def test_a_database_of_something_else_is_an_error_that_names_it(tmp_path):
    (tmp_path / "catalogue.sqlite").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(CatalogueError, match="catalogue.sqlite cannot be opened as a catalogue"):
        hanzaki.open(tmp_path)


def test_a_catalogue_of_a_newer_program_is_left_alone(catalogue):
    with catalogue.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(CatalogueError, match="made by a newer hanzaki"):
        hanzaki.open(catalogue.folder)


def test_what_fails_halfway_is_not_kept(catalogue):
    def fail_halfway() -> None:
        with catalogue.writing() as session:
            session.add(Site(name="Kamo"))
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    with catalogue.reading() as session:
        assert session.query(Site).count() == 0


def test_many_writers_wait_for_each_other(catalogue):
    def write(number: int) -> None:
        with hanzaki.open(catalogue.folder) as mine:
            for step in range(10):
                with mine.writing() as session:
                    session.add(Site(name=f"{number}-{step}"))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with catalogue.reading() as session:
        assert session.query(Site).count() == 40


@pytest.mark.parametrize("name", ["what?x=1", "a%20b", "川 #1", "it's"])
def test_a_catalogue_may_have_any_name(tmp_path, name):
    hanzaki.init(tmp_path / name).close()
    assert (tmp_path / name / "catalogue.sqlite").is_file()
    with hanzaki.open(tmp_path / name) as opened:
        assert opened.encounters().empty
