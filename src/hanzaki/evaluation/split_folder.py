"""A split on disk: a table for each part, and ``split.json``, which says how it was made and whether it leaks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hanzaki.errors import SettingError, TableError, TableProblem
from hanzaki.evaluation.leaks import Leak, LeakError
from hanzaki.evaluation.splits import Split
from hanzaki.exchange.identity_csv import read_identity_csv, write_identity_csv
from hanzaki.exchange.writing import moved_path

FILE = "split.json"


def require_free(folder: Path) -> None:
    """Make sure that nothing is in the way of a split.

    Raises:
        SettingError: if the folder is there and holds anything, or is a file.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SettingError(f"{folder} is in the way: name a new folder, or empty it")


def write_split(
    split: Split, folder: Path | str, leaks: Sequence[Leak] = (), *, allow_leaks: bool = False
) -> None:
    """Write a split, whole or not at all.

    Paths in the tables lead from the folder to the pictures, so that both can be moved together.

    Args:
        split: as :func:`hanzaki.evaluation.splits.make_split` gives it.
        folder: new or empty.
        leaks: what was found in it.
        allow_leaks: whether a split that leaks is wanted.

    Raises:
        LeakError: if it leaks and that is not wanted.
        SettingError: if the folder is in the way, or cannot be made.
        TableError: if a table cannot be written.
    """
    folder = Path(folder)
    if leaks and not allow_leaks:
        raise LeakError(leaks, f"the split {folder}")
    require_free(folder)
    incoming = folder.with_name(folder.name + ".incoming")
    shutil.rmtree(incoming, ignore_errors=True)
    try:
        incoming.mkdir(parents=True)
        for name, table in split.parts.items():
            write_identity_csv(table, incoming / f"{name}.csv")
        told = as_json(split, [_moved(leak, split, incoming) for leak in leaks])
        (incoming / FILE).write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        incoming.rename(folder)
    except OSError as error:
        raise SettingError(f"{folder} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def read_split(folder: Path | str, *, allow_leaks: bool = False) -> Split:
    """Read what :func:`write_split` wrote.

    Args:
        folder: of the split.
        allow_leaks: whether one that leaks may be used.

    Raises:
        LeakError: if leaks were found when it was made, and may not be used.
        TableError: if the folder holds no split, or one of its tables cannot be read.
    """
    path = Path(folder) / FILE
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        leaks = [Leak(**(leak | {"sides": tuple(leak["sides"])})) for leak in told["leaks"]]
        names = list(told["parts"])
        split = Split(told["protocol"], told["seed"], told["options"], {}, told["left_out"])
    except FileNotFoundError:
        raise _unreadable(path, "no such file; `hanzaki split` makes one") from None
    except OSError as error:
        raise _unreadable(path, f"cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable(path, f"is not as `hanzaki split` writes it ({error!r}); make it again") from error
    if leaks and not allow_leaks:
        raise LeakError(leaks, path)
    return replace(split, parts={name: read_identity_csv(path.parent / f"{name}.csv") for name in names})


def as_json(split: Split, leaks: Sequence[Leak] = ()) -> dict[str, Any]:
    """The object in ``split.json``, which ``hanzaki split --json`` prints too."""
    return {
        "protocol": split.protocol,
        "seed": split.seed,
        "options": split.options,
        "parts": {
            name: {
                "rows": len(table),
                "individuals": len(split.individuals(name)),
                "encounters": len(split.encounters(name)),
                "unseen": len(split.unseen(name)),
            }
            for name, table in split.parts.items()
        },
        "left_out": split.left_out,
        "leaks_allowed": bool(leaks),
        "leaks": [
            {
                "kind": leak.kind,
                "one": leak.one,
                "other": leak.other,
                "sides": list(leak.sides),
                "detail": leak.detail,
            }
            for leak in leaks
        ],
    }


def _moved(leak: Leak, split: Split, folder: Path) -> Leak:
    """The leak with its rows' paths as they stand in the split's own tables."""
    one, other = (
        moved_path(path, split.parts[side].folder, folder)
        for path, side in zip((leak.one, leak.other), leak.sides, strict=True)
    )
    return replace(leak, one=one, other=other)


def _unreadable(path: Path, text: str) -> TableError:
    return TableError(path, [TableProblem(None, None, text)])
