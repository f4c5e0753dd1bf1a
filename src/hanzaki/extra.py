"""What needs more than the field half says which extra to install."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def learning() -> Iterator[None]:
    """What is imported within needs the extra ``learn``.

    Raises:
        ModelError: if it is not installed.
    """
    from hanzaki.errors import ModelError

    try:
        yield
    except ImportError as error:
        raise ModelError(f"this needs the extra 'learn' ({error}): pip install 'hanzaki[learn]'") from error
