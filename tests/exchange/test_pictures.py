from __future__ import annotations

import pillow_heif
import pytest
from PIL import Image

from hanzaki import BadMedium
from hanzaki.exchange import pictures
from hanzaki.exchange.pictures import displayed_size
from hanzaki.exchange.writing import placed
from hanzaki.media import SUFFIXES, inspect


@pytest.mark.parametrize("orientation", range(9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_size_is_that_of_the_photograph_as_displayed(tmp_path, format, orientation):
    image = Image.new("RGB", (40, 30))
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(tmp_path / "a", format, exif=exif)
    facts = inspect((tmp_path / "a").read_bytes(), "a", 100)
    assert displayed_size(tmp_path / "a") == (facts.width, facts.height)
    assert displayed_size(tmp_path / "a") == ((30, 40) if orientation >= 5 else (40, 30))


def test_a_size_is_read_of_heic_too(tmp_path):
    pillow_heif.from_pillow(Image.new("RGB", (64, 48))).save(tmp_path / "a.heic")
    assert displayed_size(tmp_path / "a.heic") == (64, 48)


@pytest.mark.parametrize("data", [b"", b"nothing", b"\xff\xd8\xff\xe0"])
def test_what_is_no_photograph_is_an_error_that_names_the_file(tmp_path, data):
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(BadMedium, match="a.jpg: not a photograph whose size can be read"):
        displayed_size(tmp_path / "a.jpg")
    with pytest.raises(BadMedium, match="no such file"):
        displayed_size(tmp_path / "b.jpg")
    with pytest.raises(BadMedium, match="not a photograph"):
        displayed_size(tmp_path)


def test_what_is_searched_for_is_what_media_can_read():
    assert pictures.SUFFIXES == SUFFIXES


def test_pictures_are_placed_so_that_no_two_share_a_label_file():
    places = placed(["a.jpg", "a.png", "../a.jpg", "/x/a.jpg", "d/a.jpg", "A.JPG"])
    expected = ["a.jpg", "a-2.png", "a-3.jpg", "a-4.jpg", "d/a.jpg", "A-5.JPG"]
    assert [str(place) for place in places.values()] == expected
