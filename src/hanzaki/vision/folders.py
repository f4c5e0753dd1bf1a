"""Making model folders: whole or not at all, and never over what stands there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hanzaki.errors import ModelError, printable


def require_free(folder: Path) -> None:
    """See that a model folder can be written.

    Raises:
        ModelError: if something stands there.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ModelError(f"{printable(folder)} is not empty; name a new folder")


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """A folder to write into, which takes its place when all went well, and goes without a trace when not.

    Args:
        folder: where it is to appear; see :func:`require_free`.
    """
    incoming = folder.with_name(folder.name + ".incoming")
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir(parents=True)
    try:
        yield incoming
        if folder.exists():
            folder.rmdir()
        incoming.rename(folder)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
