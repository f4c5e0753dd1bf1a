"""Archives of strangers: what is asked for comes out, and nothing else happens."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanzaki.datasets import unpack as unpacking
from hanzaki.datasets.errors import DatasetError
from hanzaki.datasets.unpack import is_archive, is_foreign_archive, matches, safe_path, stem, unpack


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, files: dict[str, bytes], *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:" + path.suffix.lstrip(".").replace("tar", "")) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member in members:
            archive.addfile(member)
    return path


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".unpacked")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


FILES = {"data/native/1.jpg": b"one", "data/hybrid/2.jpg": b"two" * 1000, "data/readme.txt": b""}


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz"])
def test_archives_come_out_whole(tmp_path, name):
    archive = (zipped if name.endswith("zip") else tarred)(tmp_path / name, FILES)
    told: list[int] = []
    assert unpack(archive, tmp_path / "out", unpacked=lambda _name, done: told.append(done)) == {}
    assert tree(tmp_path / "out") == FILES
    assert told == [1, 2, 3]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "out"])


def test_only_what_is_asked_for_and_no_litter(tmp_path):
    litter = {"__MACOSX/data/._1.jpg": b"", "data/.DS_Store": b"", "data/Thumbs.db": b""}
    archive = zipped(tmp_path / "a.zip", FILES | litter)
    unpack(archive, tmp_path / "out", only=["*/native/*", "README.txt"])
    assert set(tree(tmp_path / "out")) == {"data/native/1.jpg", "data/readme.txt"}
    unpack(archive, tmp_path / "out")
    assert tree(tmp_path / "out") == FILES


def test_what_is_unpacked_stays_and_what_is_not_ours_is_in_the_way(tmp_path):
    archive = zipped(tmp_path / "a.zip", FILES)
    unpack(archive, tmp_path / "out")
    (tmp_path / "out" / "data" / "readme.txt").write_text("mine")
    unpack(archive, tmp_path / "out")
    assert (tmp_path / "out" / "data" / "readme.txt").read_text() == "mine"
    (tmp_path / "other").mkdir()
    with pytest.raises(DatasetError, match="is in the way"):
        unpack(archive, tmp_path / "other")


@pytest.mark.parametrize("name", ["../evil.jpg", "/evil.jpg", "a/../../evil.jpg", "..\\evil.jpg", "C:\\evil.jpg"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_that_lead_elsewhere_end_it_and_nothing_is_left(tmp_path, name, kind):
    (tmp_path / "in").mkdir()
    make = zipped if kind == "zip" else tarred
    archive = make(tmp_path / "in" / f"a.{kind}", {"good.jpg": b"", name: b"evil"})
    with pytest.raises(DatasetError, match="would lie outside its folder"):
        unpack(archive, tmp_path / "in" / "out")
    assert [path.name for path in tmp_path.rglob("*")] == ["in", f"a.{kind}"]


@given(st.text(st.sampled_from("a./\\:C\0 "), max_size=12))
def test_a_safe_path_stays_below(name):
    try:
        path = safe_path(name)
    except DatasetError:
        return
    assert not path.is_absolute()
    assert ".." not in path.parts
    assert Path("/x", path).is_relative_to("/x")


def test_links_and_devices_are_left_out(tmp_path):
    link, hard, pipe = tarfile.TarInfo("link"), tarfile.TarInfo("hard"), tarfile.TarInfo("pipe")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    hard.type, hard.linkname = tarfile.LNKTYPE, "../../secret"
    pipe.type = tarfile.FIFOTYPE
    archive = tarred(tmp_path / "a.tar", {"1.jpg": b"1"}, link, hard, pipe)
    assert unpack(archive, tmp_path / "out") == {"links and devices left out": 3}
    assert tree(tmp_path / "out") == {"1.jpg": b"1"}

    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        info = zipfile.ZipInfo("link")
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        file.writestr(info, "/etc/passwd")
    assert unpack(tmp_path / "a.zip", tmp_path / "zip") == {"links and devices left out": 1}
    assert tree(tmp_path / "zip") == {}


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_bombs_are_stopped_while_they_grow(tmp_path, monkeypatch, name):
    monkeypatch.setattr(unpacking, "_ALWAYS_ALLOWED", 1000)
    archive = (zipped if name.endswith("zip") else tarred)(tmp_path / name, {"a.bin": bytes(5_000_000)})
    with pytest.raises(DatasetError, match="much more than the archive's size"):
        unpack(archive, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_million_files_are_too_many(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "_MOST_FILES", 2)
    with pytest.raises(DatasetError, match="more than 2 files"):
        unpack(zipped(tmp_path / "a.zip", FILES), tmp_path / "out")


def test_archives_that_are_damaged_or_cut_off(tmp_path):
    whole = zipped(tmp_path / "a.zip", {"1.jpg": bytes(range(256)) * 40}).read_bytes()
    gz = tarred(tmp_path / "a.tar.gz", {"1.jpg": bytes(range(256)) * 400}).read_bytes()
    flipped = bytearray(whole)
    flipped[60] ^= 0xFF
    for name, content in {
        "cut.zip": whole[:-30],
        "flipped.zip": bytes(flipped),
        "cut.tar.gz": gz[: len(gz) // 2],
        "no.tar": b"<html>not found</html>",
        "no.zip": b"",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DatasetError, match="cannot be unpacked"):
            unpack(tmp_path / name, tmp_path / "out")
        assert not (tmp_path / "out").exists()


def test_an_encrypted_archive_says_so(tmp_path):
    content = bytearray(zipped(tmp_path / "a.zip", {"1.jpg": b"1"}).read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DatasetError, match="is encrypted"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_names_as_windows_writes_them_in_japan(tmp_path):
    name = "在来/1.jpg"
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("xxxx/1.jpg", b"1")  # as many bytes as the name has in that encoding
    archive.write_bytes(archive.read_bytes().replace(b"xxxx/1.jpg", name.encode("cp932")))
    unpack(archive, tmp_path / "out")
    assert tree(tmp_path / "out") == {name: b"1"}


def test_archives_within_archives_are_counted(tmp_path):
    archive = zipped(tmp_path / "a.zip", {"train.zip": b"", "test.7z": b"", "1.jpg": b""})
    assert unpack(archive, tmp_path / "out") == {"archives within archives left as they are": 2}


def test_names_of_archives():
    assert [stem(name) for name in ("a.b.zip", "a.tar.gz", "a.TGZ", "a", ".zip")] == ["a.b", "a", "a", "a", ".zip"]
    assert is_archive("A.ZIP")
    assert not is_archive("a.rar")
    assert is_foreign_archive("a.rar")
    assert not is_foreign_archive("a.tar.gz")
    assert matches("a/B.JPG", "*.jpg")
    assert matches("a/b.jpg", "b.*")
    assert not matches("a/b.jpg", "a")
