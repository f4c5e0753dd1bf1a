"""Any table in the field's conventions, known by what stands in it."""

from __future__ import annotations

from pathlib import Path

from hanzaki.annotations import Annotations
from hanzaki.errors import TableError, TableProblem
from hanzaki.exchange.coco import read_coco
from hanzaki.exchange.csv_file import read_header
from hanzaki.exchange.cvat import is_cvat, read_cvat
from hanzaki.exchange.folders import read_folders
from hanzaki.exchange.identity_csv import read_identity_csv
from hanzaki.exchange.label_studio import is_label_studio, read_label_studio
from hanzaki.exchange.megadetector import is_megadetector, read_megadetector
from hanzaki.exchange.miewid_csv import is_miewid, read_miewid_csv
from hanzaki.exchange.pascal_voc import holds_voc, is_voc, read_pascal_voc
from hanzaki.exchange.pictures import Sizes, displayed_size
from hanzaki.exchange.reading import Reading, read_json, read_xml
from hanzaki.exchange.yolo_text import is_yolo, read_yolo_text

_BEGINNING = 64  # bytes in which JSON and XML show themselves
_MARK = b"\xef\xbb\xbf"  # Windows programs begin UTF-8 text with it


def read_table(path: Path | str, sizes: Sizes = displayed_size) -> Annotations:
    """The annotations of :func:`read_any`, for those who need no notes.

    Raises:
        TableError: if it is none of the formats, or cannot be understood.
    """
    return read_any(path, sizes).annotations


def read_any(path: Path | str, sizes: Sizes = displayed_size) -> Reading:
    """Read an annotation table in whichever format it is.

    A folder is known by what lies in it: XML files (Pascal VOC, or CVAT), what names classes (YOLO text), or else
    folders named by identity. A file that begins as JSON is told apart by its keys (COCO, MegaDetector, Label
    Studio), one that begins as XML by its root; CSV by its header, as an identity table or MiewID's. Only YOLO's
    ``data.yaml`` is known by its name.

    Args:
        path: the file or folder.
        sizes: tells how large a photograph or video is, for formats whose boxes are shares of it.

    Raises:
        TableError: if it is none of these, or cannot be understood.
    """
    path = Path(path)
    if path.is_dir():
        return _read_folder(path, sizes)
    beginning = _beginning(path)
    if beginning in (b"{", b"["):
        return _read_json(path, sizes)
    if beginning == b"<":
        return _read_xml(path, sizes)
    if path.suffix.lower() in {".yaml", ".yml"}:
        return read_yolo_text(path, sizes)
    header = read_header(path)
    if "path" in header:
        return Reading(read_identity_csv(path), "identity table")
    if is_miewid(header):
        return read_miewid_csv(path)
    raise TableError(path, [TableProblem(None, None, _unknown(header))])


def _read_folder(path: Path, sizes: Sizes) -> Reading:
    if is_yolo(path):
        return read_yolo_text(path, sizes)
    if (path / "annotations.xml").is_file():  # CVAT's export, unpacked
        return _read_xml(path / "annotations.xml", sizes)
    if holds_voc(path):
        return read_pascal_voc(path, sizes)
    return read_folders(path)


def _read_json(path: Path, sizes: Sizes) -> Reading:
    document = read_json(path)
    if is_megadetector(document):
        return read_megadetector(path, sizes, document)
    if is_label_studio(document):
        return read_label_studio(path, sizes, document)
    return read_coco(path, document)


def _read_xml(path: Path, sizes: Sizes) -> Reading:
    root = read_xml(path)
    if is_voc(root):
        return read_pascal_voc(path, sizes)
    if is_cvat(root):
        return read_cvat(path, sizes, root=root)
    text = (
        f"is XML of neither CVAT (root 'annotations') nor Pascal VOC (root 'annotation'): its root is {root.tag!r}"
    )
    raise TableError(path, [TableProblem(None, None, text)])


def _beginning(path: Path) -> bytes:
    """The first byte that is no blank."""
    try:
        with path.open("rb") as file:
            return file.read(_BEGINNING).removeprefix(_MARK).lstrip()[:1]
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
