from __future__ import annotations

import warnings
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select, text

import hanzaki
from hanzaki.boxes import Box
from hanzaki.catalogue import engine as database
from hanzaki.catalogue.records import box_of
from hanzaki.catalogue.tables import Annotation, Base, Embedding


def script() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", "hanzaki:catalogue/migrations")
    return ScriptDirectory.from_config(config)


def test_the_last_migration_is_the_one_that_open_asks_for():
    assert script().get_current_head() == database.HEAD


def test_the_migrations_make_exactly_the_tables_of_the_code(catalogue):
    with catalogue._engine.connect() as connection, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*expression-based index")  # held by the next test
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_two_individuals_of_unknown_species_cannot_share_a_name(catalogue):
    with catalogue._engine.connect() as connection:
        indexes = connection.execute(text("SELECT sql FROM sqlite_master WHERE type = 'index'")).scalars()
        assert any("coalesce(species, '')" in (sql or "") for sql in indexes)


def test_a_database_without_tables_is_brought_up_to_date(tmp_path):
    (tmp_path / "catalogue.sqlite").touch()
    with hanzaki.open(tmp_path) as opened:
        assert set(Base.metadata.tables) <= set(inspect(opened._engine).get_table_names())
        assert database.revision(opened._engine) == database.HEAD


def write_old(folder: Path, revision: str, *statements: str) -> None:
    """A catalogue as an older hanzaki left it."""
    engine = database.sqlite_engine(folder / "catalogue.sqlite")
    config = Config()
    config.set_main_option("script_location", "hanzaki:catalogue/migrations")
    with engine.connect().execution_options(**database.for_writing()) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_a_catalogue_of_the_first_tables_keeps_what_it_has(tmp_path):
    write_old(
        tmp_path,
        "0001",
        "INSERT INTO media VALUES (1, 'ab', 'photo', 'JPEG', 9, 64, 48, NULL, NULL, NULL, NULL, NULL, 'a.jpg',"
        " 'ab/ab.jpg', 0, '2024-08-21 18:05:00')",
        "INSERT INTO encounters (id, key) VALUES (1, 'photograph ab')",
        "INSERT INTO annotations (id, medium_id, encounter_id, x, y, w, h) VALUES (1, 1, 1, 2, 3, 4, 5)",
        "INSERT INTO embeddings VALUES ('m', 1, 'embedding', x'00')",
    )
    with hanzaki.open(tmp_path) as opened, opened.reading() as session:
        (row,) = session.scalars(select(Annotation))
        assert box_of(row) == Box(2, 3, 4, 5)
        assert (row.aside, row.frame, row.track_id, row.medium.seconds) == (False, None, None, None)
        assert session.scalars(select(Embedding.annotation_id)).all() == [1]


def test_a_catalogue_of_before_opinions_keeps_what_was_told_and_can_be_told_more(tmp_path):
    write_old(
        tmp_path,
        "0002",
        "INSERT INTO media (id, sha256, kind, format, size, width, height, name, path, linked, added_at)"
        " VALUES (1, 'ab', 'photo', 'JPEG', 9, 64, 48, 'a.jpg', 'ab/ab.jpg', 0, '2024-08-21 18:05:00')",
        "INSERT INTO individuals (id, name, species, sex, retired) VALUES (1, 'Sakura', 'red newt', 'female', 0)",
        "INSERT INTO encounters (id, key, species, individual_id) VALUES (1, 'photograph ab', 'red newt', 1)",
        "INSERT INTO annotations (id, medium_id, encounter_id, orientation) VALUES (1, 1, 1, 'left')",
        "INSERT INTO decisions (id, at, who, origin, action)"
        " VALUES (1, '2024-08-21 18:05:00', 'a', 'person', 'new')",
        "INSERT INTO changes VALUES (1, 1, NULL, 1)",
    )
    with hanzaki.open(tmp_path) as opened:
        (row,) = opened.encounters().itertuples()
        assert (row.individual, row.species, row.sex, row.origin) == ("Sakura", "red newt", "female", None)
        assert opened.pictures(1)["side"].tolist() == ["left"]
        opened.tell(1, origin="hybrid")
        assert opened.individuals()[["sex", "origin"]].to_numpy().tolist() == [["female", "hybrid"]]
        assert opened.undo() == [("encounter 1", "origin", "hybrid", None)]
        assert opened.undo() == [("encounter 1", "individual", "Sakura", None)]
