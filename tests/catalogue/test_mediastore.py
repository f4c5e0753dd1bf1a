from __future__ import annotations

import errno
import hashlib
import os

import pytest

from hanzaki import BadMedium, CatalogueError
from hanzaki.catalogue.mediastore import MediaStore

DATA = b"a photograph"
SHA = hashlib.sha256(DATA).hexdigest()


def test_a_file_lies_under_its_digest(tmp_path):
    store = MediaStore(tmp_path / "media")
    relative = store.put(DATA, SHA, ".jpg")
    assert relative == f"{SHA[:2]}/{SHA}.jpg"
    assert store.path(relative).read_bytes() == DATA


def test_the_copy_is_no_hard_link_and_outlives_an_edit_of_the_original(tmp_path):
    original = tmp_path / "IMG_1.jpg"
    original.write_bytes(DATA)
    store = MediaStore(tmp_path / "media")
    kept = store.path(store.put(DATA, SHA, ".jpg", original))
    assert kept.stat().st_ino != original.stat().st_ino
    with original.open("r+b") as file:
        file.write(b"EDITED")
    assert kept.read_bytes() == DATA


def test_what_was_hashed_is_kept_even_if_the_original_changed_since(tmp_path):
    original = tmp_path / "IMG_1.jpg"
    original.write_bytes(b"something else by now")
    store = MediaStore(tmp_path / "media")
    assert store.path(store.put(DATA, SHA, ".jpg", original)).read_bytes() == DATA


def test_a_half_written_file_of_a_killed_process_is_written_again(tmp_path):
    store = MediaStore(tmp_path / "media")
    target = store.path(f"{SHA[:2]}/{SHA}.jpg")
    target.parent.mkdir(parents=True)
    target.write_bytes(DATA[:3])
    store.put(DATA, SHA, ".jpg")
    assert target.read_bytes() == DATA


def test_leftovers_of_dead_processes_are_swept_and_those_of_living_ones_are_not(tmp_path):
    store = MediaStore(tmp_path / "media")
    incoming = tmp_path / "media" / ".incoming"
    incoming.mkdir(parents=True)
    dead, alive = incoming / "999999999-0", incoming / f"{os.getppid()}-0"
    dead.touch()
    alive.touch()
    store.sweep()
    assert [path.name for path in incoming.iterdir()] == [alive.name]


def test_a_full_disk_is_an_error_that_says_what_is_safe(tmp_path, monkeypatch):
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    store = MediaStore(tmp_path / "media")
    with pytest.raises(CatalogueError, match="No space left on device.*added so far is safe"):
        store.put(DATA, SHA, ".jpg")
    assert not list((tmp_path / "media").rglob("*.jpg"))
    assert not list((tmp_path / "media" / ".incoming").iterdir())


def test_a_large_file_is_kept_without_being_read_into_memory(tmp_path):
    original = tmp_path / "MOV_1.mp4"
    original.write_bytes(DATA)
    store = MediaStore(tmp_path / "media")
    relative = store.put_file(original, len(DATA), SHA, ".mp4")
    assert relative == f"{SHA[:2]}/{SHA}.mp4"
    assert store.path(relative).read_bytes() == DATA


def test_a_large_file_that_changed_since_it_was_hashed_is_not_kept(tmp_path):
    original = tmp_path / "MOV_1.mp4"
    original.write_bytes(b"something else by now")
    store = MediaStore(tmp_path / "media")
    with pytest.raises(BadMedium, match="MOV_1.mp4: changed while"):
        store.put_file(original, len(DATA), SHA, ".mp4")
    assert [path for path in store.folder.rglob("*") if path.is_file()] == []
