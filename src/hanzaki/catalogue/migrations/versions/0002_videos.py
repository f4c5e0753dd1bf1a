"""Videos, what detectors found in them, and how well an animal can be seen."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("media", sa.Column("seconds", sa.Double(), nullable=True))
    op.add_column("media", sa.Column("trouble", sa.String(), nullable=True))
    op.create_table(
        "tracks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("medium_id", sa.Integer(), nullable=False),
        sa.Column("detector", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("boxes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["medium_id"], ["media.id"], name=op.f("fk_tracks_medium_id_media")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tracks")),
    )
    op.create_index(op.f("ix_tracks_medium_id"), "tracks", ["medium_id"], unique=False)
    op.create_table(
        "searches",
        sa.Column("detector", sa.String(), nullable=False),
        sa.Column("medium_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["medium_id"], ["media.id"], name=op.f("fk_searches_medium_id_media")),
        sa.PrimaryKeyConstraint("detector", "medium_id", name=op.f("pk_searches")),
    )
    op.add_column("annotations", sa.Column("theta", sa.Double(), nullable=True))
    op.add_column("annotations", sa.Column("frame", sa.Double(), nullable=True))
    op.add_column("annotations", sa.Column("label", sa.String(), nullable=True))
    op.add_column("annotations", sa.Column("confidence", sa.Double(), nullable=True))
    op.add_column("annotations", sa.Column("quality", sa.JSON(), nullable=True))
    op.add_column("annotations", sa.Column("aside", sa.Boolean(), nullable=False, server_default=sa.false()))
    # Alembic has no way to add a reference to a table of SQLite but to make the table anew, which others refer to
    op.execute(
        "ALTER TABLE annotations ADD COLUMN track_id INTEGER "
        "CONSTRAINT fk_annotations_track_id_tracks REFERENCES tracks (id)"
    )
    op.create_index(op.f("ix_annotations_track_id"), "annotations", ["track_id"], unique=False)
