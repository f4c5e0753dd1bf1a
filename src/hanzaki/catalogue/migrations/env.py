"""Alembic's way in; called only by ``hanzaki.catalogue.engine.migrate`` with an open connection."""

from alembic import context

from hanzaki.catalogue.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
    transactional_ddl=True,
)
context.run_migrations()
