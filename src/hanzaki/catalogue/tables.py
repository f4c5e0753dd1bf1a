"""The tables of a catalogue. Alembic's migrations in ``migrations/`` make them; these classes speak to them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, LargeBinary, MetaData, String, false, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


def now() -> datetime:
    """The present second in UTC, without a zone, as every moment in the catalogue is kept."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


class Base(DeclarativeBase):
    """Names constraints by rule, since a constraint without a name cannot be migrated."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Site(Base):
    """A place by name."""

    __tablename__ = "sites"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String, unique=True)
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]


class Survey(Base):
    """An occasion: one search of one site, with its effort."""

    __tablename__ = "surveys"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String, unique=True)
    site_id: Mapped[int | None] = mapped_column(ForeignKey("sites.id"))
    starts: Mapped[date | None]
    ends: Mapped[date | None]
    effort: Mapped[float | None]
    effort_unit: Mapped[str | None]


class Medium(Base):
    """One photograph or video: the file's bytes, known by their SHA-256, and what they say of themselves.

    ``path`` is relative to the catalogue's ``media`` folder, or absolute where the file was linked. ``seconds`` is
    a video's length, ``trouble`` what is the matter with one of which only a part can be read.
    """

    __tablename__ = "media"

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str]
    format: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    width: Mapped[int]
    height: Mapped[int]
    taken_at: Mapped[datetime | None]
    utc_offset: Mapped[int | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    camera: Mapped[str | None]
    seconds: Mapped[float | None]
    trouble: Mapped[str | None]
    name: Mapped[str]
    path: Mapped[str] = mapped_column(String, index=True)
    linked: Mapped[bool]
    added_at: Mapped[datetime] = mapped_column(default=now)

    annotations: Mapped[list[Annotation]] = relationship(back_populates="medium")


class Individual(Base):
    """One animal that somebody has named. Retired once the decision that made it was taken back.

    ``sex`` and ``origin`` are what was told of the animal itself; of most it is told of their encounters.
    """

    __tablename__ = "individuals"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    species: Mapped[str | None]
    sex: Mapped[str | None]
    origin: Mapped[str | None]
    retired: Mapped[bool] = mapped_column(default=False)

    encounters: Mapped[list[Encounter]] = relationship(back_populates="individual")


# to SQL two unknown species differ, and the same name could stand twice
Index(
    "uq_individuals_species_name",
    func.coalesce(Individual.__table__.c.species, ""),
    Individual.__table__.c.name,
    unique=True,
)


class Encounter(Base):
    """One animal at one time and place, with its annotations; who it is changes by decisions alone.

    ``key`` is what made the encounter (a row of a table, or a photograph), so that adding it again finds it.
    ``species``, ``sex`` and ``origin`` are what a person or a table told; what a classifier says is an
    :class:`Opinion`.
    """

    __tablename__ = "encounters"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String, unique=True)
    label: Mapped[str | None]
    species: Mapped[str | None]
    sex: Mapped[str | None]
    origin: Mapped[str | None]
    starts: Mapped[datetime | None]
    site_id: Mapped[int | None] = mapped_column(ForeignKey("sites.id"), index=True)
    survey_id: Mapped[int | None] = mapped_column(ForeignKey("surveys.id"), index=True)
    individual_id: Mapped[int | None] = mapped_column(ForeignKey("individuals.id"), index=True)

    site: Mapped[Site | None] = relationship()
    survey: Mapped[Survey | None] = relationship()
    individual: Mapped[Individual | None] = relationship(back_populates="encounters")
    annotations: Mapped[list[Annotation]] = relationship(back_populates="encounter", order_by="Annotation.id")


class Track(Base):
    """One animal followed through a video by a detector: ``boxes`` are ``[seconds, x, y, w, h, score]`` each."""

    __tablename__ = "tracks"
    __table_args__ = (Index(None, "medium_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    medium_id: Mapped[int] = mapped_column(ForeignKey("media.id"))
    detector: Mapped[str]
    label: Mapped[str]
    boxes: Mapped[list[list[float]]] = mapped_column(JSON)


class Search(Base):
    """That a detector has looked at a medium, and how many animals it found; it need not look again."""

    __tablename__ = "searches"

    detector: Mapped[str] = mapped_column(String, primary_key=True)
    medium_id: Mapped[int] = mapped_column(ForeignKey("media.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now)
    found: Mapped[int]
    trouble: Mapped[str | None]


class Annotation(Base):
    """One animal in one medium: its box in pixels (none = the whole picture) and the side that is seen.

    ``frame`` is the moment of a video, in seconds from its start; a video's annotation without one says that the
    animal is in it somewhere, until it is looked for. ``quality`` has the parts and the score of how well the
    animal can be seen; one that is ``aside`` stays, but is not compared.
    """

    __tablename__ = "annotations"
    __table_args__ = (Index(None, "medium_id"), Index(None, "encounter_id"), Index(None, "track_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    medium_id: Mapped[int] = mapped_column(ForeignKey("media.id"))
    encounter_id: Mapped[int] = mapped_column(ForeignKey("encounters.id"))
    x: Mapped[float | None]
    y: Mapped[float | None]
    w: Mapped[float | None]
    h: Mapped[float | None]
    theta: Mapped[float | None]
    frame: Mapped[float | None]
    orientation: Mapped[str | None]
    label: Mapped[str | None]
    confidence: Mapped[float | None]
    quality: Mapped[dict[str, float] | None] = mapped_column(JSON)
    aside: Mapped[bool] = mapped_column(default=False, server_default=false())
    track_id: Mapped[int | None] = mapped_column(ForeignKey("tracks.id"))

    medium: Mapped[Medium] = relationship(back_populates="annotations")
    encounter: Mapped[Encounter] = relationship(back_populates="annotations")


class Embedding(Base):
    """What one model makes of one annotation: a vector (float32, little endian) or keypoints (npz).

    ``model`` names the model *and* its preprocessing by their contents, so that a new model never reads what an
    old one wrote.
    """

    __tablename__ = "embeddings"

    model: Mapped[str] = mapped_column(String, primary_key=True)
    annotation_id: Mapped[int] = mapped_column(ForeignKey("annotations.id"), primary_key=True)
    kind: Mapped[str]
    data: Mapped[bytes] = mapped_column(LargeBinary)


class Opinion(Base):
    """What one classifier says of one annotation: the machine's word, which never stands above a person's.

    ``label`` is what it tells of (``species``, ``orientation``, ``origin`` ...), ``shares`` how probable each
    answer is, ``sure`` how probable the first must be to count. ``model`` names the model by its content, as in
    :class:`Embedding`. ``at`` has fractions of a second, since the newest model's word is the one that counts.
    """

    __tablename__ = "opinions"
    __table_args__ = (Index(None, "annotation_id"),)

    model: Mapped[str] = mapped_column(String, primary_key=True)
    annotation_id: Mapped[int] = mapped_column(ForeignKey("annotations.id"), primary_key=True)
    label: Mapped[str]
    shares: Mapped[dict[str, float]] = mapped_column(JSON)
    sure: Mapped[float]
    at: Mapped[datetime]

    annotation: Mapped[Annotation] = relationship()


class Calibration(Base):
    """What the scores of some kinds of evidence are worth, learnt on this catalogue's decisions.

    Rows are added, never changed; the newest of exactly the same ``evidence`` (names, in order) is what counts.
    ``fusion`` is a :class:`hanzaki.matching.choice.Fusion` as JSON, ``prior_new`` how probable a new animal is
    before it is looked at, ``report`` what cross-validation said, ``drift`` how markings change with the years,
    where that was measured.
    """

    __tablename__ = "calibrations"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now)
    who: Mapped[str]
    evidence: Mapped[list[str]] = mapped_column(JSON)
    fusion: Mapped[dict[str, Any]] = mapped_column(JSON)
    prior_new: Mapped[float]
    report: Mapped[dict[str, Any]] = mapped_column(JSON)
    drift: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class Decision(Base):
    """Who decided what, when, on which evidence. Rows are added, never changed.

    ``origin`` tells a person's decision (``person``) from one that came with a table (``table``); only the
    former are taken back by ``undo``, which is itself a decision that points to what it ``undoes``.
    """

    __tablename__ = "decisions"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now)
    who: Mapped[str]
    origin: Mapped[str]
    action: Mapped[str]
    evidence: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    undoes_id: Mapped[int | None] = mapped_column(ForeignKey("decisions.id"), unique=True)

    changes: Mapped[list[Change]] = relationship(back_populates="decision", order_by="Change.encounter_id")
    statements: Mapped[list[Statement]] = relationship(back_populates="decision", order_by="Statement.id")


class Change(Base):
    """What one decision did to one encounter: who it was before, and who after."""

    __tablename__ = "changes"
    __table_args__ = (Index(None, "encounter_id"),)

    decision_id: Mapped[int] = mapped_column(ForeignKey("decisions.id"), primary_key=True)
    encounter_id: Mapped[int] = mapped_column(ForeignKey("encounters.id"), primary_key=True)
    before_id: Mapped[int | None] = mapped_column(ForeignKey("individuals.id"))
    after_id: Mapped[int | None] = mapped_column(ForeignKey("individuals.id"))

    decision: Mapped[Decision] = relationship(back_populates="changes")


class Statement(Base):
    """What one decision told of one encounter, picture or individual (one of the three), and what stood before.

    ``label`` is what it tells of: ``species``, ``sex``, ``origin``, or ``orientation`` of a picture.
    """

    __tablename__ = "statements"
    __table_args__ = (Index(None, "decision_id"), Index(None, "encounter_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    decision_id: Mapped[int] = mapped_column(ForeignKey("decisions.id"))
    encounter_id: Mapped[int | None] = mapped_column(ForeignKey("encounters.id"))
    annotation_id: Mapped[int | None] = mapped_column(ForeignKey("annotations.id"))
    individual_id: Mapped[int | None] = mapped_column(ForeignKey("individuals.id"))
    label: Mapped[str]
    before: Mapped[str | None]
    after: Mapped[str | None]

    decision: Mapped[Decision] = relationship(back_populates="statements")
    encounter: Mapped[Encounter | None] = relationship()
    annotation: Mapped[Annotation | None] = relationship()
    individual: Mapped[Individual | None] = relationship()

    @property
    def subject(self) -> Encounter | Annotation | Individual:
        """What it speaks of."""
        found = self.encounter or self.annotation or self.individual
        if found is None:
            raise ValueError(f"statement {self.id} speaks of nothing")
        return found
