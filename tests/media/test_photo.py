from __future__ import annotations

import io
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hanzaki.errors import BadMedium
from hanzaki.media import decode, inspect, read
from tests.fixtures.photographs import TURNED, bomb, encoded, pixels

FORMATS = ["JPEG", "PNG", "WEBP", "TIFF", "HEIF"]
LIMIT = 100.0


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_decoded(format: str):
    image = decode(encoded(1, format), "a", LIMIT)
    assert image.shape == (48, 64, 3)
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - pixels(1)).mean() < 12  # lossy formats lose a little


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_facts_of_a_phone_photograph(format: str):
    data = encoded(
        format=format,
        taken_at=datetime(2022, 8, 20, 18, 5),
        offset="+09:00",
        place=(34.51, -132.4),
        camera=("Apple", "Apple iPhone 11"),
    )
    facts = inspect(data, "a", LIMIT)
    assert (facts.format, facts.width, facts.height) == (format, 64, 48)
    assert (facts.taken_at, facts.utc_offset) == (datetime(2022, 8, 20, 18, 5), 540)
    assert facts.latitude == pytest.approx(34.51, abs=1e-5)
    assert facts.longitude == pytest.approx(-132.4, abs=1e-5)
    assert facts.camera == "Apple iPhone 11"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_photograph_taken_upright_is_shown_upright(format: str):
    data = encoded(2, format, orientation=TURNED)
    facts = inspect(data, "a", LIMIT)
    assert (facts.width, facts.height) == (48, 64)
    image = decode(data, "a", LIMIT)
    assert image.shape == (64, 48, 3)
    assert np.abs(image.astype(int) - np.rot90(pixels(2), -1)).mean() < 12


@given(orientation=st.integers(1, 8))
@settings(max_examples=8, deadline=None)
def test_facts_and_pixels_agree_on_the_size(orientation: int):
    data = encoded(orientation=orientation)
    facts, image = inspect(data, "a", LIMIT), decode(data, "a", LIMIT)
    assert (facts.height, facts.width) == image.shape[:2]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file_says_so(format: str, share: float):
    data = encoded(3, format, size=(640, 480))
    with pytest.raises(BadMedium, match="truncated"):
        inspect(data[: int(len(data) * share)], "a.jpg", LIMIT)


def test_a_jpeg_cut_in_its_last_bytes_is_truncated():
    with pytest.raises(BadMedium, match="truncated"):
        inspect(encoded(3)[:-2], "a.jpg", LIMIT)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"Dear diary", "not an image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
        (b"%PDF-1.7", "not an image"),
        (b"\xff\xd8\xff" + b"\0" * 50, "truncated or damaged"),
    ],
)
def test_what_is_no_photograph_says_why(data: bytes, reason: str):
    with pytest.raises(BadMedium, match=reason) as caught:
        inspect(data, "IMG_1.jpg", LIMIT)
    assert "IMG_1.jpg" in str(caught.value)


def test_a_decompression_bomb_is_refused_before_it_is_unpacked():
    with pytest.raises(BadMedium, match="decompression bomb"):
        inspect(bomb(), "bomb.png", LIMIT)
    with pytest.raises(BadMedium, match="decompression bomb"):
        decode(encoded(size=(640, 480)), "large.jpg", max_megapixels=0.3)


@given(st.binary(max_size=400))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_a_photograph_or_a_reason(data: bytes):
    try:
        inspect(data, "a", LIMIT)
    except BadMedium as bad:
        assert bad.reason


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_damaged_bytes_are_a_photograph_or_a_reason(data: st.DataObject):
    original = bytearray(encoded(4, data.draw(st.sampled_from(FORMATS)), taken_at=datetime(2022, 8, 20)))
    for _ in range(data.draw(st.integers(1, 6))):
        original[data.draw(st.integers(0, len(original) - 1))] = data.draw(st.integers(0, 255))
    try:
        facts = inspect(bytes(original), "a", LIMIT)
        assert facts.width > 0
    except BadMedium as bad:
        assert bad.reason


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "F"])
def test_every_kind_of_pixel_becomes_rgb(mode: str):
    source = Image.fromarray(np.tile(np.arange(0, 256, 4, dtype=np.uint8), (48, 1)))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(source).astype(np.uint16) * 100)
    else:
        image = source.convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "TIFF" if mode in {"CMYK", "F"} else "PNG")
    shown = decode(buffer.getvalue(), "a", LIMIT)
    assert shown.shape == (48, 64, 3)
    assert shown[:, :20].mean() < shown[:, -20:].mean()  # dark stays dark, light stays light


def test_transparency_is_laid_on_white():
    buffer = io.BytesIO()
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(buffer, "PNG")
    assert (decode(buffer.getvalue(), "a", LIMIT) == 255).all()


def test_a_clock_that_was_never_set_and_a_place_that_was_never_found_are_missing():
    data = encoded(place=(0.0, 0.0))
    facts = inspect(data, "a", LIMIT)
    assert (facts.taken_at, facts.latitude, facts.longitude) == (None, None, None)


def test_files_that_cannot_be_read_say_why(tmp_path):
    with pytest.raises(BadMedium, match="no such file"):
        read(tmp_path / "gone.jpg")
    with pytest.raises(BadMedium, match="is a folder"):
        read(tmp_path)
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(BadMedium, match="empty"):
        read(tmp_path / "empty.jpg")
