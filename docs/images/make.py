"""Make the pictures that the docs show: ``make docs``."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from hanzaki.fieldwork.demo import run_demo
from hanzaki.virtual import Salamander
from hanzaki.virtual.stream import Clip, stage

FOLDER = Path(__file__).parent
ROWS = (272, 1084)  # pixels: three encounters of the answers' sheet, the third of them with a new animal


FRAME = (960, 540)
SHOWN = (480, 270)
CLIPS = (  # seed, animal, light, what it does, whether a second animal passes
    (102, Salamander(3), "morning", "rest", False),
    (118, Salamander(8), "afternoon", "rest", False),
    (107, Salamander(8, "hybrid"), "evening", "walk", False),
    (116, Salamander(6), "afternoon", "rest", True),
)
MOMENTS = (0.0, 1.4, 2.8, 4.2)  # seconds


def demo_answers() -> None:
    """Some rows of the demo's answers."""
    with tempfile.TemporaryDirectory() as place, Image.open(run_demo(Path(place) / "demo").sheet) as sheet:
        _save(sheet.crop((0, ROWS[0], sheet.width, ROWS[1])), "demo-answers.jpg")


def virtual_stream() -> None:
    """Four clips of the virtual stream, and one animal walking, with the truth about its head."""
    frames = []
    for seed, animal, light, mode, passed in CLIPS:
        rng = np.random.default_rng(seed)
        second = Salamander(77) if passed else None
        clip = stage(rng, animal, light, FRAME, 3.0, mode=mode, second=second)
        frames.append(Image.fromarray(clip.frame(1.5)))
    _save(_sheet(frames), "virtual-stream.jpg")
    walk = stage(np.random.default_rng(117), Salamander(7), "morning", FRAME, 4.5, mode="walk")
    _save(_sheet([_boxed(walk, time) for time in MOMENTS]), "virtual-walk.jpg")


def _boxed(clip: Clip, time: float) -> Image.Image:
    image = Image.fromarray(clip.frame(time))
    for head in clip.heads(time):
        if head is not None:
            x, y, w, h = head.box[:4]
            ImageDraw.Draw(image).rectangle((x, y, x + w, y + h), outline=(255, 210, 60), width=4)
    return image


def _sheet(images: list[Image.Image]) -> Image.Image:
    """Four pictures, two beside each other."""
    gap = 6
    sheet = Image.new("RGB", (2 * SHOWN[0] + gap, 2 * SHOWN[1] + gap), "white")
    for number, image in enumerate(images):
        row, column = divmod(number, 2)
        place = (column * (SHOWN[0] + gap), row * (SHOWN[1] + gap))
        sheet.paste(image.resize(SHOWN, Image.Resampling.LANCZOS), place)
    return sheet


def _save(image: Image.Image, name: str) -> None:
    image.save(FOLDER / name, quality=82, optimize=True)
    print(f"wrote docs/images/{name}")  # noqa: T201


if __name__ == "__main__":
    demo_answers()
    virtual_stream()
