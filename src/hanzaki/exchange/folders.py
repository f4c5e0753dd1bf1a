"""Folders that are named by identity: ``identity/photograph``.

Around them there may be folders of species, and in them folders of sides:
``species/identity/photograph``, ``identity/left/photograph``, ``species/identity/left/photograph``.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from hanzaki.errors import TableError, TableProblem, printable
from hanzaki.exchange.pictures import SUFFIXES
from hanzaki.exchange.reading import Reading, validated

#: Names of folders that say which side of the animal is seen, in any case.
SIDES = frozenset({"left", "right", "front", "back", "top", "bottom", "up", "down", "dorsal", "ventral"})

#: Names of folders that hold a whole collection, in any case, and are of no species and no animal.
_COLLECTIONS = frozenset(
    {"data", "gallery", "images", "img", "photographs", "photos", "pictures", "query", "test", "train", "val"}
)

_LAYOUTS = {1: "folders: identity/photograph", 2: "folders: species/identity/photograph"}
_OTHERS = "files that are no photographs left out"


def read_folders(path: Path | str) -> Reading:
    """Read a folder of folders that are named by identity.

    Hidden files are passed over, other files that are no photographs are counted, and links to folders are not
    followed, since they can lead in circles. The paths of the table start from the folder that holds the folder.

    Raises:
        TableError: if there are no photographs, or not all of them lie in one of the layouts.
    """
    path = Path(path)
    problems: list[TableProblem] = []
    others = 0
    photographs: list[Path] = []
    for file in _walk(path, problems):
        if file.suffix.lower() in SUFFIXES:
            photographs.append(file.relative_to(path))
        else:
            others += 1
    if not photographs and not problems:
        text = f"holds no photographs (looked for {', '.join(sorted(SUFFIXES))}, in folders named by identity)"
        raise TableError(path, [TableProblem(None, None, text)])
    split = [_split(photograph) for photograph in photographs]
    depth = _depth(photographs, split, problems)
    _refuse_collections(path, [folders for folders, _ in split], problems)
    # file names need not be UTF-8, but names of animals are kept and shown
    named = [[printable(folder) for folder in folders] for folders, _ in split]
    columns = {
        "path": [(Path(path.name) / photograph).as_posix() for photograph in photographs],
        "identity": [folders[-1] if folders else None for folders in named],
        "species": [folders[-2] if len(folders) > 1 else None for folders in named],
        "orientation": [side for _, side in split],
    }
    places = [printable(photograph) for photograph in photographs]
    annotations = validated(pd.DataFrame(columns, dtype=object), path, places, {"identity": "folder"}, problems)
    return Reading(annotations, _LAYOUTS[depth], {_OTHERS: others} if others else {})


def _walk(folder: Path, problems: list[TableProblem]) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        text = f"the folder {printable(folder)} cannot be read ({error.strerror})"
        problems.append(TableProblem(None, None, text))
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), problems)
        elif not entry.is_dir():
            yield Path(entry.path)


def _split(photograph: Path) -> tuple[list[str], str | None]:
    """The folders that a photograph lies in, without that of its side, and the side."""
    folders = list(photograph.parts[:-1])
    if len(folders) > 1 and folders[-1].lower() in SIDES:
        return folders[:-1], folders[-1].lower()
    return folders, None


def _refuse_collections(path: Path, lying: list[list[str]], problems: list[TableProblem]) -> None:
    """Tell of ``images/identity/photograph`` and ``images/photograph``, where ``images`` would pass for a name."""
    tops = {folders[0] for folders in lying if len(folders) > 1}
    for name in sorted(top for top in tops if top.lower() in _COLLECTIONS):
        text = f"{name} would be the species of what is in it; read the folder {printable(path / name)} by itself"
        problems.append(TableProblem(None, None, text))
    names = {folders[-1] for folders in lying if folders}
    if names and all(name.lower() in _COLLECTIONS for name in names):  # one of many may well be called Val
        text = f"{', '.join(sorted(names))}: no animals' names; put the photographs into folders named by identity"
        problems.append(TableProblem(None, None, text))


def _depth(
    photographs: list[Path], split: list[tuple[list[str], str | None]], problems: list[TableProblem]
) -> int:
    """How deep the folders of individuals lie: 1, or 2 in folders of species.

    Where some photographs lie deeper than others, nobody can say which folders are named by identity.
    """
    depths = Counter(len(folders) for folders, _ in split if len(folders) in _LAYOUTS)
    depth = depths.most_common(1)[0][0] if depths else 1
    for photograph, (folders, _) in zip(photographs, split, strict=True):
        if len(folders) != depth:
            wanted = _LAYOUTS[depth].removeprefix("folders: ")
            text = f"{printable(photograph)} does not lie as {wanted}, as the others do; move it"
            if not depths:
                text = (
                    f"{printable(photograph)} does not lie as identity/photograph or species/identity/photograph"
                )
            problems.append(TableProblem(None, None, text))
    return depth
