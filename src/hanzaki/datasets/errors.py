"""What goes wrong with other people's data sets."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hanzaki.errors import HanzakiError, printable

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class DatasetError(HanzakiError):
    """A published data set cannot be found, fetched, unpacked or laid out."""


@contextmanager
def on_disk(path: Path) -> Iterator[None]:
    """Say what the disk refuses in words that tell what to do.

    Raises:
        DatasetError: in place of OSError.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            text = "the disk is full; make room and run it again: what came is kept"
        else:
            text = f"cannot be written ({error.strerror or error})"
        raise DatasetError(f"{printable(path)}: {text}") from error
