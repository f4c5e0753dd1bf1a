"""The identity table as the field writes it: CSV with wildlife-datasets' columns.

``identity`` and ``path``, and where known ``image_id species orientation encounter date bbox site``. Newer tables
say ``position`` for ``orientation``; boxes stand as ``[x, y, w, h]`` or ``x y w h``; an unknown animal is
``unknown``.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from hanzaki.annotations import Annotations
from hanzaki.errors import TableError, TableProblem

_OTHER_NAMES = {"position": "orientation"}


def read_identity_csv(path: Path | str) -> Annotations:
    """Read an identity table.

    Raises:
        TableError: if the file is no such table, with every cell that cannot be understood.
    """
    path = Path(path)
    try:
        # as text: an animal called 007 is not the number 7
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", on_bad_lines="error")
    except FileNotFoundError:
        raise TableError(path, [TableProblem(None, None, "no such file")]) from None
    except UnicodeDecodeError as error:
        text = f"is not UTF-8 (byte {error.start}); save it as 'CSV UTF-8'"
        raise TableError(path, [TableProblem(None, None, text)]) from error
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        raise TableError(path, [TableProblem(None, None, str(error).strip())]) from error
    names = {other: name for other, name in _OTHER_NAMES.items() if name not in frame.columns}
    return Annotations(frame.rename(columns=names), source=path)
