"""Pictures that commands draw of what they found."""

from __future__ import annotations

from pathlib import Path

_ENDINGS = (".jpg", ".jpeg", ".png", ".webp")


def require_drawable(picture: Path | None) -> None:
    """Refuse a picture that cannot be written, before the long work whose result it is to show.

    Args:
        picture: the file; None = nothing is drawn.

    Raises:
        SettingError: if its ending is of no picture, or its folder does not exist.
    """
    from hanzaki.errors import SettingError, printable

    if picture is None:
        return
    if picture.suffix.lower() not in _ENDINGS:
        raise SettingError(f"{printable(picture)}: name a .png, .jpg or .webp file, which is what can be drawn")
    if not picture.parent.is_dir():
        raise SettingError(f"{printable(picture)}: there is no folder {printable(picture.parent)}; make it first")
