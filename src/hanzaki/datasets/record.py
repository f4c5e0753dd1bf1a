"""What Zenodo says of a record: ``GET /api/records/NUMBER``.

The answer is the one that Zenodo has given since it moved to InvenioRDM (October 2023): ``files[]`` with ``key``,
``size``, ``checksum`` and ``links.self``, which leads to the bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin

from pydantic import AliasChoices, BaseModel, Field, ValidationError, field_validator

from hanzaki.datasets.errors import DatasetError
from hanzaki.datasets.transfer import RemoteFile, Transfer

#: What stands in place of a licence where a record names none.
NO_LICENCE = "none named: ask the authors before you use it"


@dataclass(frozen=True)
class Record:
    """A published record.

    Attributes:
        number: Zenodo's.
        title: of the record.
        authors: their names, as the record has them.
        doi: of this very version.
        licence: as Zenodo's identifier, as ``cc-by-4.0``.
        published: the day, as ISO 8601.
        page: the address for people.
        files: all of them.
    """

    number: int
    title: str
    authors: tuple[str, ...]
    doi: str
    licence: str
    published: str
    page: str
    files: tuple[RemoteFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


class _File(BaseModel):
    key: str = Field(validation_alias=AliasChoices("key", "filename"), min_length=1)
    size: int = Field(validation_alias=AliasChoices("size", "filesize"), ge=0)
    checksum: str | None = None
    links: dict[str, str] = Field(default_factory=dict)


class _Creator(BaseModel):
    name: str


class _Metadata(BaseModel):
    title: str = "untitled"
    creators: list[_Creator] = Field(default_factory=list)
    licence: str = Field(NO_LICENCE, validation_alias="license")
    publication_date: str = "unknown"
    access_right: str = "open"

    @field_validator("licence", mode="before")
    @classmethod
    def _identifier(cls, value: Any) -> Any:
        named = value.get("id") if isinstance(value, dict) else value
        return named or NO_LICENCE


class _Answer(BaseModel):
    id: int
    doi: str | None = None
    metadata: _Metadata
    files: list[_File] = Field(default_factory=list)


def ask_record(transfer: Transfer, base: str, number: int) -> Record:
    """Ask Zenodo about a record.

    Args:
        transfer: does the asking.
        base: Zenodo's address, or that of something that answers as it does.
        number: of the record. That of all versions of a record leads to the newest one.

    Raises:
        DatasetError: if there is no such record, or it has no files that everybody may have.
    """
    url = f"{base.rstrip('/')}/api/records/{number}"
    try:
        answer = _Answer.model_validate(transfer.document(url))
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, item["loc"])) for item in error.errors())
        raise DatasetError(f"{url} does not answer as Zenodo's API does (wrong or missing: {wrong})") from error
    page = f"{base.rstrip('/')}/records/{answer.id}"
    if not answer.files:
        raise DatasetError(
            f"the files of {page} are not open to everybody (access: {answer.metadata.access_right}): ask its "
            "authors, fetch it with a browser, then `hanzaki data lay-out FOLDER`"
        )
    return Record(
        number=answer.id,
        title=" ".join(answer.metadata.title.split()),
        authors=tuple(creator.name for creator in answer.metadata.creators),
        doi=answer.doi or f"10.5281/zenodo.{answer.id}",
        licence=answer.metadata.licence,
        published=answer.metadata.publication_date,
        page=page,
        files=tuple(_remote(file, url) for file in answer.files),
    )


def _remote(file: _File, record_url: str) -> RemoteFile:
    link = file.links.get("content") or file.links.get("self") or f"{record_url}/files/{quote(file.key)}/content"
    return RemoteFile(file.key, urljoin(record_url, link), file.size, _checksum(file.checksum))


def _checksum(text: str | None) -> str | None:
    """The checksum as ``md5:...``; kinds that are not known are not compared."""
    if not text:
        return None
    kind, colon, digits = text.lower().rpartition(":")
    if colon and kind != "md5":
        return None
    return f"md5:{digits}" if len(digits) == 32 else None


def facts(record: Record, files: Sequence[RemoteFile] | None = None) -> list[str]:
    """What one must know before fetching a record, line by line.

    Args:
        record: the record.
        files: those that will be fetched; all by default.
    """
    wanted = record.files if files is None else files
    lines = [
        record.title,
        f"by {'; '.join(record.authors) or 'authors that it does not name'}",
        f"doi: {record.doi}, published {record.published}, {record.page}",
        f"licence: {record.licence}",
        f"size: {in_words(sum(file.size for file in wanted))} in {len(wanted)} of {len(record.files)} files",
    ]
    return lines + [f"  {file.name} ({in_words(file.size)})" for file in wanted]


def in_words(size: int) -> str:
    """Bytes as people say them: 1.2 GB."""
    amount = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{size} bytes" if unit == "bytes" else f"{amount:.1f} {unit}"
