"""What classifiers say, what people tell beside identity, and the sex and origin of animals."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply.

    Species and sides that classifiers wrote into 0002's tables cannot be told from people's and stay as they are.
    """
    op.add_column("individuals", sa.Column("origin", sa.String(), nullable=True))
    op.add_column("encounters", sa.Column("sex", sa.String(), nullable=True))
    op.add_column("encounters", sa.Column("origin", sa.String(), nullable=True))
    op.create_table(
        "opinions",
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("annotation_id", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("shares", sa.JSON(), nullable=False),
        sa.Column("sure", sa.Double(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["annotation_id"], ["annotations.id"], name=op.f("fk_opinions_annotation_id_annotations")
        ),
        sa.PrimaryKeyConstraint("model", "annotation_id", name=op.f("pk_opinions")),
    )
    op.create_index(op.f("ix_opinions_annotation_id"), "opinions", ["annotation_id"], unique=False)
    op.create_table(
        "statements",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("decision_id", sa.Integer(), nullable=False),
        sa.Column("encounter_id", sa.Integer(), nullable=True),
        sa.Column("annotation_id", sa.Integer(), nullable=True),
        sa.Column("individual_id", sa.Integer(), nullable=True),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("before", sa.String(), nullable=True),
        sa.Column("after", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decisions.id"], name=op.f("fk_statements_decision_id_decisions")
        ),
        sa.ForeignKeyConstraint(
            ["encounter_id"], ["encounters.id"], name=op.f("fk_statements_encounter_id_encounters")
        ),
        sa.ForeignKeyConstraint(
            ["annotation_id"], ["annotations.id"], name=op.f("fk_statements_annotation_id_annotations")
        ),
        sa.ForeignKeyConstraint(
            ["individual_id"], ["individuals.id"], name=op.f("fk_statements_individual_id_individuals")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statements")),
    )
    op.create_index(op.f("ix_statements_decision_id"), "statements", ["decision_id"], unique=False)
    op.create_index(op.f("ix_statements_encounter_id"), "statements", ["encounter_id"], unique=False)
