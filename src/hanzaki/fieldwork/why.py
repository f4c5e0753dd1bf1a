"""Drawings of why a classifier says what it says, a file for each picture."""

from __future__ import annotations

import re
from pathlib import Path

from hanzaki.boxes import Box
from hanzaki.errors import SettingError, printable
from hanzaki.explanation.drawing import write_picture
from hanzaki.explanation.panels import panel_of
from hanzaki.explanation.why import why_label
from hanzaki.media import Pixels
from hanzaki.vision.classifier import Explained
from hanzaki.vision.model import ClassifierConfig

_LONGEST_NAME = 60  # letters of a picture's name; file systems take some 250 bytes


class Drawer:
    """Draws into a folder, by Grad-CAM over the photograph, what spoke for a classifier's answers.

    Args:
        folder: made if need be; a drawing of an earlier run is drawn anew.
        config: of the classifier.

    Raises:
        SettingError: if the folder cannot be made.
    """

    def __init__(self, folder: Path, config: ClassifierConfig) -> None:
        self._folder = folder
        self._config = config
        self._taken: set[str] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingError(
                f"{printable(folder)}: no folder for the drawings can be made here ({error.strerror})"
            ) from error

    def draw(
        self, name: str, number: int | None, photograph: Pixels, box: Box | None, explained: Explained
    ) -> Path:
        """Draw what spoke for a picture's most probable answer.

        Args:
            name: of the picture, for people.
            number: of the picture in the catalogue.
            photograph: uint8 (H, W, 3), the whole of it.
            box: of the animal; None for the whole photograph.
            explained: what the classifier said of it.

        Returns:
            the file.

        Raises:
            SettingError: if it cannot be written.
        """
        path = self._folder / self._file_name(name, number)
        panel = panel_of(photograph, box, Path(name).name)
        write_picture(path, why_label(panel, explained, self._config))
        return path

    def _file_name(self, name: str, number: int | None) -> str:
        """A name of its own, which begins with the picture's number if it has one."""
        stem = re.sub(r"[^\w.-]+", "_", Path(name).name)[-_LONGEST_NAME:]
        base = stem if number is None else f"{number}_{stem}"
        found, again = base, 1
        while found in self._taken:
            again += 1
            found = f"{base}_{again}"
        self._taken.add(found)
        return f"{found}.jpg"
