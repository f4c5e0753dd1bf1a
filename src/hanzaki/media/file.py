"""A photograph's or video's file, opened with a reason that people understand where it cannot be."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from hanzaki.errors import BadMedium


@contextmanager
def open_medium(path: Path, what: str = "photograph or video") -> Iterator[BufferedReader]:
    """A medium's file, open to be read; what goes wrong while it is read is told as well.

    Args:
        path: of the file.
        what: it should be, for messages.

    Raises:
        BadMedium: if it is missing, empty, unreadable or no file.
    """
    try:
        status = path.stat()
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise BadMedium(path, f"not a file that holds a {what} (a pipe or a device)")
        with path.open("rb") as file:
            if not status.st_size:
                raise BadMedium(path, "empty: the file has no bytes")
            yield file
    except FileNotFoundError:
        raise BadMedium(path, "no such file") from None
    except PermissionError:
        raise BadMedium(path, "no permission to read it") from None
    except IsADirectoryError:
        raise BadMedium(path, "is a folder") from None
    except OSError as error:
        raise BadMedium(path, f"cannot be read: {error.strerror or error}") from error
