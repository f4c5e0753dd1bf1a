"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=True),
        sa.Column("undoes_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["undoes_id"], ["decisions.id"], name=op.f("fk_decisions_undoes_id_decisions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
        sa.UniqueConstraint("undoes_id", name=op.f("uq_decisions_undoes_id")),
    )
    op.create_table(
        "individuals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("species", sa.String(), nullable=True),
        sa.Column("sex", sa.String(), nullable=True),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_individuals")),
    )
    op.create_index(
        op.f("uq_individuals_species_name"), "individuals", [sa.text("coalesce(species, '')"), "name"], unique=True
    )
    op.create_table(
        "media",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("taken_at", sa.DateTime(), nullable=True),
        sa.Column("utc_offset", sa.Integer(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("camera", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("linked", sa.Boolean(), nullable=False),
        sa.Column("added_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media")),
        sa.UniqueConstraint("sha256", name=op.f("uq_media_sha256")),
    )
    op.create_index(op.f("ix_media_path"), "media", ["path"], unique=False)
    op.create_table(
        "sites",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sites")),
        sa.UniqueConstraint("name", name=op.f("uq_sites_name")),
    )
    op.create_table(
        "surveys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=True),
        sa.Column("starts", sa.Date(), nullable=True),
        sa.Column("ends", sa.Date(), nullable=True),
        sa.Column("effort", sa.Double(), nullable=True),
        sa.Column("effort_unit", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_surveys_site_id_sites")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_surveys")),
        sa.UniqueConstraint("name", name=op.f("uq_surveys_name")),
    )
    op.create_table(
        "encounters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("species", sa.String(), nullable=True),
        sa.Column("starts", sa.DateTime(), nullable=True),
        sa.Column("site_id", sa.Integer(), nullable=True),
        sa.Column("survey_id", sa.Integer(), nullable=True),
        sa.Column("individual_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["individual_id"], ["individuals.id"], name=op.f("fk_encounters_individual_id_individuals")
        ),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_encounters_site_id_sites")),
        sa.ForeignKeyConstraint(["survey_id"], ["surveys.id"], name=op.f("fk_encounters_survey_id_surveys")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_encounters")),
        sa.UniqueConstraint("key", name=op.f("uq_encounters_key")),
    )
    op.create_index(op.f("ix_encounters_individual_id"), "encounters", ["individual_id"], unique=False)
    op.create_index(op.f("ix_encounters_site_id"), "encounters", ["site_id"], unique=False)
    op.create_index(op.f("ix_encounters_survey_id"), "encounters", ["survey_id"], unique=False)
    op.create_table(
        "annotations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("medium_id", sa.Integer(), nullable=False),
        sa.Column("encounter_id", sa.Integer(), nullable=False),
        sa.Column("x", sa.Double(), nullable=True),
        sa.Column("y", sa.Double(), nullable=True),
        sa.Column("w", sa.Double(), nullable=True),
        sa.Column("h", sa.Double(), nullable=True),
        sa.Column("orientation", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["encounter_id"], ["encounters.id"], name=op.f("fk_annotations_encounter_id_encounters")
        ),
        sa.ForeignKeyConstraint(["medium_id"], ["media.id"], name=op.f("fk_annotations_medium_id_media")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotations")),
    )
    op.create_index(op.f("ix_annotations_encounter_id"), "annotations", ["encounter_id"], unique=False)
    op.create_index(op.f("ix_annotations_medium_id"), "annotations", ["medium_id"], unique=False)
    op.create_table(
        "changes",
        sa.Column("decision_id", sa.Integer(), nullable=False),
        sa.Column("encounter_id", sa.Integer(), nullable=False),
        sa.Column("before_id", sa.Integer(), nullable=True),
        sa.Column("after_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["after_id"], ["individuals.id"], name=op.f("fk_changes_after_id_individuals")),
        sa.ForeignKeyConstraint(["before_id"], ["individuals.id"], name=op.f("fk_changes_before_id_individuals")),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_changes_decision_id_decisions")),
        sa.ForeignKeyConstraint(
            ["encounter_id"], ["encounters.id"], name=op.f("fk_changes_encounter_id_encounters")
        ),
        sa.PrimaryKeyConstraint("decision_id", "encounter_id", name=op.f("pk_changes")),
    )
    op.create_index(op.f("ix_changes_encounter_id"), "changes", ["encounter_id"], unique=False)
    op.create_table(
        "embeddings",
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("annotation_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["annotation_id"], ["annotations.id"], name=op.f("fk_embeddings_annotation_id_annotations")
        ),
        sa.PrimaryKeyConstraint("model", "annotation_id", name=op.f("pk_embeddings")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("embeddings")
    op.drop_index(op.f("ix_changes_encounter_id"), table_name="changes")
    op.drop_table("changes")
    op.drop_index(op.f("ix_annotations_medium_id"), table_name="annotations")
    op.drop_index(op.f("ix_annotations_encounter_id"), table_name="annotations")
    op.drop_table("annotations")
    op.drop_index(op.f("ix_encounters_survey_id"), table_name="encounters")
    op.drop_index(op.f("ix_encounters_site_id"), table_name="encounters")
    op.drop_index(op.f("ix_encounters_individual_id"), table_name="encounters")
    op.drop_table("encounters")
    op.drop_table("surveys")
    op.drop_table("sites")
    op.drop_index(op.f("ix_media_path"), table_name="media")
    op.drop_table("media")
    op.drop_table("individuals")
    op.drop_table("decisions")
