from __future__ import annotations

import os

import pytest

from hanzaki import TableError
from hanzaki.exchange import folders
from hanzaki.exchange.folders import read_folders
from hanzaki.media import SUFFIXES
from tests.exchange.writers import write_folders


def test_photographs_are_what_media_reads():
    assert folders.SUFFIXES == SUFFIXES


@pytest.mark.parametrize(
    ("path", "identity", "species", "side"),
    [
        ("Sakura/1.jpg", "Sakura", None, None),
        ("unknown/1.HEIC", None, None, None),
        ("Sakura/Left/1.jpg", "Sakura", None, "left"),
        ("Andrias japonicus/Sakura/1.jpg", "Sakura", "Andrias japonicus", None),
        ("Andrias japonicus/Sakura/right/1.jpg", "Sakura", "Andrias japonicus", "right"),
        ("left/1.jpg", "left", None, None),
    ],
)
def test_folders_name_the_animal(tmp_path, path, identity, species, side):
    (row,) = read_folders(write_folders([path], tmp_path / "photos")).annotations
    assert (row.identity, row.species, row.orientation) == (identity, species, side)
    assert (row.encounter, row.date, row.bbox) == (None, None, None)


def test_paths_lead_to_the_files(tmp_path, monkeypatch):
    root = write_folders(["Sakura/1.jpg", "Tama/1.jpg"], tmp_path / "photos")
    monkeypatch.chdir(root / "Sakura")
    for folder in (root, "..", "../../photos"):
        table = read_folders(folder).annotations
        assert [(table.folder / row.path).is_file() for row in table] == [True, True]


def test_other_files_are_counted_and_hidden_ones_passed_over(tmp_path):
    root = write_folders(["a/1.jpg", "a/.hidden.jpg", ".git/b/1.jpg", "a/notes.txt", "table.csv"], tmp_path)
    (root / "again").symlink_to(root)
    reading = read_folders(root)
    assert [row.identity for row in reading.annotations] == ["a"]
    assert reading.notes == {"files that are no photographs left out": 2}


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["notes.txt"], "holds no photographs"),
        (["a/1.jpg", "b/1.jpg", "2.jpg"], "2.jpg does not lie as identity/photograph, as the others do"),
        (["a/1.jpg", "b/1.jpg", "b/2024/1.jpg"], "b/2024/1.jpg does not lie as identity/photograph"),
        (["a/b/c/d/1.jpg"], "as identity/photograph or species/identity/photograph"),
        (["images/a/1.jpg", "images/b/1.jpg"], "read the folder .*/photos/images by itself"),
        (["images/1.jpg", "images/2.jpg"], "images: no animals' names"),
        (["1.jpg"], "1.jpg does not lie as identity/photograph"),
        (["new/1.jpg"], "new/1.jpg, 'folder': 'new' cannot be an animal's name"),
    ],
)
def test_folders_that_cannot_be_understood_are_an_error(tmp_path, paths, message):
    root = write_folders(paths, tmp_path / "photos")
    with pytest.raises(TableError, match=message) as caught:
        read_folders(root)
    assert str(root) in str(caught.value)


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(TableError, match="cannot be read"):
        read_folders(tmp_path / "photos")


def test_a_folder_whose_name_is_not_utf8_has_a_name_that_can_be_kept(tmp_path):
    root = write_folders([os.fsdecode(b"\x8akura/1.jpg")], tmp_path)
    (row,) = read_folders(root).annotations
    assert row.identity == r"\x8akura"
    assert (tmp_path.parent / row.path).is_file()
