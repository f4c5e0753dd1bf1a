"""What the names of folders and files say of the animals in them: origin, part, side, day, and who.

English, Latin and Japanese words are known, in any case, singular or plural, and stuck together as people do
(``TrainNative``, ``hybrid_01``, ``Japanese giant salamanders``).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from hanzaki.exchange.folders import SIDES

NATIVE, HYBRID, INTRODUCED = "native", "hybrid", "introduced"
TRAIN, VALIDATION, TEST = "train", "validation", "test"

_NATIVE = frozenset({"native", "indigenous"})
_JAPANESE = frozenset({"japanese", "japonicus"})
_HYBRID = frozenset({"hybrid", "crossbreed", "crossbred"})
_FOREIGN = frozenset({"chinese", "davidianus", "introduced", "invasive", "alien", "exotic", "nonnative"})
_NOT = frozenset({"non", "not"})
_PARTS = {
    TRAIN: frozenset({"train", "training"}),
    VALIDATION: frozenset({"val", "valid", "validation"}),
    TEST: frozenset({"test", "testing"}),
}
#: Words written without spaces, and what they stand for.
_WRITTEN_TOGETHER = {
    "在来": "native",
    "日本": "japanese",
    "ニホン": "japanese",
    "交雑": "hybrid",
    "雑種": "hybrid",
    "ハイブリッド": "hybrid",
    "中国": "chinese",
    "チュウゴク": "chinese",
    "外来": "introduced",
    "学習": "train",
    "訓練": "train",
    "検証": "validation",
    "テスト": "test",
    "個体": "individual",
    "画像": "image",
    "写真": "photo",
    "オオサンショウウオ": "salamander",
}
#: Words that name no animal.
_NOISE_TEXT = """
    all and andrias animal archive batch box camera class code crop cropped data dataset day digit disk
    file fold frame from full giant group head image img individual input iphone jpeg jpg of origin
    original output part phone photo photograph picture png raw resized result salamander sample session
    set size smartphone species the unpacked version video vol zenodo figure fig gradcam cam grad map
    heatmap
"""
#: How cameras and programs begin the names of pictures.
_CAMERA_TEXT = "img dsc dscn dscf dsci pxl pict mvi vid gopr imgp image photo picture frame screenshot p v"
_NOISE, _CAMERAS = frozenset(_NOISE_TEXT.split()), frozenset(_CAMERA_TEXT.split())
_DIGITS_OF_A_DAY = 6
_WORD = re.compile(r"[^\W\d_]+|\d+")
_DAY = re.compile(r"(20\d\d)[-_.]?([01]\d)[-_.]?([0-3]\d)")


@dataclass(frozen=True)
class Said:
    """What one name says; None where it says nothing.

    Attributes:
        origin: native, hybrid or introduced.
        part: train, validation or test.
        side: of the animal.
        day: as ISO 8601.
        rest: the words that are left, which may name an animal.
    """

    origin: str | None = None
    part: str | None = None
    side: str | None = None
    day: str | None = None
    rest: tuple[str, ...] = ()


def said(name: str) -> Said:
    """What the name of a folder, or of a file without its ending, says."""
    name = unicodedata.normalize("NFKC", name)
    if day := _day(name):
        return Said(day=day)
    words = _words(name)
    known = [_singular(word) for word in words]
    rest = tuple(word for word, plain in zip(words, known, strict=True) if not _is_known(plain))
    if len(words) > 1 and "x" in words:  # of a cross, or of 224x224
        rest = tuple(word for word in rest if word != "x" and not word.isdigit())
    return Said(_origin(known), _part(known), _side(known), None, rest)


def animal_of(stem: str) -> str | None:
    """The animal after which a photograph is called, as ``N3`` of ``N3_0012``; None where the name is a camera's.

    The last number counts an animal's photographs, and what is left before it, without the words for origins,
    parts and pictures, is its name.
    """
    stem = unicodedata.normalize("NFKC", stem)
    words = list(_WORD.finditer(stem))
    if words and words[-1][0].isdigit():
        words.pop()
    while words and _singular(words[-1][0].lower()) in _NOISE | _CAMERAS:
        words.pop()
    if not words or words[0][0].lower() in _CAMERAS:
        return None
    while words and _is_known(_singular(words[0][0].lower())):
        words.pop(0)
    name = stem[words[0].start() : words[-1].end()] if words else ""
    only_moment = name.replace("_", "").replace("-", "").isdigit() and len(name) >= _DIGITS_OF_A_DAY
    return name if name and not only_moment and not said(name).origin else None


def _words(name: str) -> list[str]:
    for together, word in _WRITTEN_TOGETHER.items():
        name = name.replace(together, f" {word} ")
    name = name.replace("×", " x ")
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word.lower() for word in _WORD.findall(name)]


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and (_is_known(word[:-1])) else word


def _is_known(word: str) -> bool:
    origins = _NATIVE | _JAPANESE | _HYBRID | _FOREIGN | _NOT
    return word in origins or word in _NOISE or word in SIDES or any(word in words for words in _PARTS.values())


def _origin(words: list[str]) -> str | None:
    """One origin, or None where the words name none, or two."""
    found: set[str] = set()
    for before, word in zip(["", *words], words, strict=False):
        if word in _NATIVE:
            found.add(INTRODUCED if before in _NOT else NATIVE)
        elif word in _HYBRID:
            found.add(NATIVE if before in _NOT else HYBRID)
    species = {NATIVE for word in words if word in _JAPANESE} | {INTRODUCED for word in words if word in _FOREIGN}
    if not found:
        found = {HYBRID} if len(species) == 2 and "x" in words else species
    return found.pop() if len(found) == 1 else None


def _part(words: list[str]) -> str | None:
    found = {part for part, names in _PARTS.items() if names & set(words)}
    return found.pop() if len(found) == 1 else None


def _side(words: list[str]) -> str | None:
    found = SIDES & set(words)
    return next(iter(found)) if len(found) == 1 and len(words) == 1 else None


def _day(name: str) -> str | None:
    match = _DAY.fullmatch(name)
    try:
        return date(int(match[1]), int(match[2]), int(match[3])).isoformat() if match else None
    except ValueError:
        return None
