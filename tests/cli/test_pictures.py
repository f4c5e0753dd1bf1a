from __future__ import annotations

import pytest

from hanzaki import SettingError
from hanzaki.cli.pictures import require_drawable


def test_a_picture_needs_an_ending_and_a_folder(tmp_path):
    require_drawable(None)
    for name in ("found.jpg", "found.JPEG", "found.png", "found.webp"):
        require_drawable(tmp_path / name)
    for name in ("found", "found.txt", "found.svg"):
        with pytest.raises(SettingError, match=r"name a \.png"):
            require_drawable(tmp_path / name)
    with pytest.raises(SettingError, match="there is no folder .*missing"):
        require_drawable(tmp_path / "missing" / "found.jpg")
