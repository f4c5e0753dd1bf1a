from __future__ import annotations

import warnings

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

import hanzaki
from hanzaki.catalogue import engine as database
from hanzaki.catalogue.tables import Base


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
