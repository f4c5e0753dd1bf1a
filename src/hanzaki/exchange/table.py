"""Any table in the field's conventions, known by what stands in it."""

from __future__ import annotations

from pathlib import Path

from hanzaki.annotations import Annotations
from hanzaki.errors import TableError, TableProblem
from hanzaki.exchange.coco import read_coco
from hanzaki.exchange.csv_file import read_header
from hanzaki.exchange.folders import read_folders
from hanzaki.exchange.identity_csv import read_identity_csv
from hanzaki.exchange.miewid_csv import is_miewid, read_miewid_csv
from hanzaki.exchange.reading import Reading

_BEGINNING = 64  # bytes in which JSON shows itself
_MARK = b"\xef\xbb\xbf"  # Windows programs begin UTF-8 text with it


def read_table(path: Path | str) -> Annotations:
    """The annotations of :func:`read_any`, for those who need no notes.

    Raises:
        TableError: if it is none of the formats, or cannot be understood.
    """
    return read_any(path).annotations


def read_any(path: Path | str) -> Reading:
    """Read an annotation table in whichever format it is.

    A folder is read as folders named by identity; a file that begins as JSON does as COCO; CSV by its header, as
    an identity table or MiewID's. The file's name does not matter.

    Raises:
        TableError: if it is none of these, or cannot be understood.
    """
    path = Path(path)
    if path.is_dir():
        return read_folders(path)
    if _begins_as_json(path):
        return read_coco(path)
    header = read_header(path)
    if "path" in header:
        return Reading(read_identity_csv(path), "identity table")
    if is_miewid(header):
        return read_miewid_csv(path)
    raise TableError(path, [TableProblem(None, None, _unknown(header))])


def _begins_as_json(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(_BEGINNING).removeprefix(_MARK).lstrip()[:1] in (b"{", b"[")
    except FileNotFoundError:
        raise TableError(path, [TableProblem(None, None, "no such file or folder")]) from None
    except OSError as error:
        raise TableError(path, [TableProblem(None, None, f"cannot be read ({error.strerror})")]) from error


def _unknown(header: list[str]) -> str:
    text = (
        "is no annotation table: a CSV file needs a column 'path' (identity table), or 'name' and 'file_name' or "
        f"'file_path' (MiewID); columns found: {', '.join(header) or 'none'}"
    )
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        text += ". Cells must be separated by commas"
    return text
