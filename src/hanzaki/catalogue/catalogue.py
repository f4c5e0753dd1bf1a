"""A catalogue's folder: made, found, opened, read and written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from hanzaki.catalogue import engine as database
from hanzaki.catalogue.mediastore import MediaStore
from hanzaki.catalogue.tables import Medium
from hanzaki.errors import BadMedium, CatalogueError, printable

_FILE = "catalogue.sqlite"
_MEDIA = "media"


class Catalogue:
    """What one team knows of its animals: a folder with ``catalogue.sqlite`` and, beside it, the media.

    Make one with :meth:`init`, open it with :meth:`open`; both give an open catalogue, which is a context manager.

    Attributes:
        folder: where it is.
        media: the store of its photographs and videos.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.media = MediaStore(folder / _MEDIA)
        self._engine = database.sqlite_engine(folder / _FILE)
        self._compared: dict[Path, tuple[str, int, int]] = {}

    @classmethod
    def init(cls, folder: Path | str) -> Self:
        """Make a catalogue in a folder that is new or empty.

        Raises:
            CatalogueError: if something is in the way.
        """
        folder = Path(folder)
        if (folder / _FILE).exists():
            raise CatalogueError(f"{printable(folder)} is a catalogue already; use it as it is")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            occupied = any(folder.iterdir())
        except OSError as error:
            raise CatalogueError(
                f"{printable(folder)}: no catalogue can be made here ({error.strerror})"
            ) from error
        if occupied:
            raise CatalogueError(
                f"{printable(folder)} holds other files; name a folder that is new or empty, as in "
                f"`hanzaki init {printable(folder / 'catalogue')}`"
            )
        catalogue = cls(folder.resolve())
        database.migrate(catalogue._engine)
        return catalogue

    @classmethod
    def open(cls, folder: Path | str) -> Self:
        """Open a catalogue; one made by an older hanzaki is brought up to date first.

        Raises:
            CatalogueError: if there is none, or it was made by a newer hanzaki.
        """
        folder = Path(folder)
        if not (folder / _FILE).is_file():
            raise CatalogueError(
                f"{printable(folder)} is not a catalogue; make one with `hanzaki init {printable(folder)}`"
            )
        catalogue = cls(folder.resolve())
        found = database.revision(catalogue._engine)
        if found is None or found < database.HEAD:
            database.migrate(catalogue._engine)
        elif found > database.HEAD:
            raise CatalogueError(
                f"{printable(folder)} was made by a newer hanzaki (its tables are at {found}, this program knows "
                f"{database.HEAD}); update with `pip install --upgrade hanzaki`"
            )
        return catalogue

    @classmethod
    def find(cls, start: Path) -> Path:
        """The catalogue folder that ``start`` is, or is inside of.

        Raises:
            CatalogueError: if there is none up to the root.
        """
        for folder in (start, *start.resolve().parents):
            if (folder / _FILE).is_file():
                return folder
        raise CatalogueError(
            f"{printable(start)} is not in a catalogue; make one with `hanzaki init DIR` and go there, "
            "or name one with `--catalogue DIR`"
        )

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {printable(self.folder)}>"

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees the catalogue at one moment; what it changes is not kept."""
        with Session(self._engine, autoflush=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose changes are kept together at its end, or, after an error, not at all.

        Raises:
            CatalogueError: if the disk is full or may not be written, or another process writes for too long.
        """
        try:
            with Session(self._engine) as session, session.begin():
                session.connection(execution_options=database.for_writing())
                yield session
        except OperationalError as error:
            raise CatalogueError(
                f"{printable(self.folder)} could not be written ({error.orig}). What was kept before is safe; "
                "mend that, then run the same command again."
            ) from error

    def place_of(self, sha256: str) -> Path | None:
        """Where the file of these bytes is, or should be; None if they were never added."""
        with self.reading() as session:
            path = session.scalar(select(Medium.path).where(Medium.sha256 == sha256))
        return None if path is None else self.media.path(path)

    def bytes_of(self, medium: Medium) -> bytes:
        """The bytes of a medium.

        Raises:
            BadMedium: if the file is gone, or a linked file is no longer what was added.
        """
        path = self.media.path(medium.path)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise _gone(medium, path, error) from error
        if hashlib.sha256(data).hexdigest() != medium.sha256:
            raise BadMedium(path, _CHANGED)
        return data

    def file_of(self, medium: Medium) -> Path:
        """The file of a medium too large to be held in memory; its bytes are compared once in a process.

        Raises:
            BadMedium: as :meth:`bytes_of`.
        """
        path = self.media.path(medium.path)
        try:
            status = path.stat()
            state = (medium.sha256, status.st_mtime_ns, status.st_size)
            if self._compared.get(path) != state:
                with path.open("rb") as file:
                    if hashlib.file_digest(file, "sha256").hexdigest() != medium.sha256:
                        raise BadMedium(path, _CHANGED)
                self._compared[path] = state
        except OSError as error:
            raise _gone(medium, path, error) from error
        return path


_CHANGED = "changed since it was added: put the original back, or add the changed file by another name"


def _gone(medium: Medium, path: Path, error: OSError) -> BadMedium:
    advice = "put it back, or add its new place" if medium.linked else "restore it from a backup"
    return BadMedium(path, f"the file of {printable(medium.name)} is gone ({error.strerror}): {advice}")
