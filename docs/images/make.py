"""Make the pictures that the docs show: ``make docs``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image

from hanzaki.fieldwork.demo import run_demo

FOLDER = Path(__file__).parent
ROWS = 812  # pixels: three encounters of the answers' sheet


def main() -> None:
    """The first rows of the demo's answers."""
    with tempfile.TemporaryDirectory() as place, Image.open(run_demo(Path(place) / "demo").sheet) as sheet:
        sheet.crop((0, 0, sheet.width, ROWS)).save(FOLDER / "demo-answers.jpg", quality=82, optimize=True)
    print("wrote docs/images/demo-answers.jpg")  # noqa: T201


main()
