"""The database beneath a catalogue: SQLite as a careful program opens it, and its migrations."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DatabaseError

from hanzaki.errors import CatalogueError, printable

#: The newest migration, which every open catalogue has; a test holds that it is the last in ``migrations/``.
HEAD = "0004"

#: Values to ask for in one statement: SQLite's older limit of variables is 999.
IN_CHUNK = 900

_WRITING = "hanzaki_writing"
_PATIENCE = 60_000  # milliseconds to wait for another process's write


def sqlite_engine(path: Path) -> Engine:
    """An engine on a SQLite file: WAL, foreign keys on, full synchrony, a transaction for every read and write.

    A transaction that will write must say so before its first statement (see :func:`for_writing`): it then takes
    the write lock at once, since SQLite cannot make a reader a writer while another one writes.
    """
    engine = create_engine(URL.create("sqlite", database=str(path)))

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # sqlite3's own BEGINs come too late; ours is below
        for pragma in (
            f"busy_timeout = {_PATIENCE}",
            "journal_mode = WAL",
            "foreign_keys = ON",
            "synchronous = FULL",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get(_WRITING, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def for_writing() -> dict[str, bool]:
    """The execution options of a transaction that will write."""
    return {_WRITING: True}


def migrate(engine: Engine) -> None:
    """Bring the database to :data:`HEAD`, all or nothing."""
    from alembic import command  # only a new or old catalogue needs it, and it is slow to import
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.connect().execution_options(**for_writing()) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def revision(engine: Engine) -> str | None:
    """The migration that the database is at; None for an empty one.

    Raises:
        CatalogueError: if the file is not a database that can be read.
    """
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except DatabaseError as error:
        if "readonly" in str(error.orig) or not os.access(str(engine.url.database), os.W_OK):
            raise CatalogueError(
                f"{printable(str(engine.url.database))} cannot be opened where it may not be written: copy the "
                "catalogue to a disk that can be"
            ) from error
        raise CatalogueError(
            f"{printable(str(engine.url.database))} cannot be opened as a catalogue ({error.orig}). "
            "If another program wrote it or the disk failed, restore the folder from a backup."
        ) from error
