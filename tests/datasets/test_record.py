from __future__ import annotations

import pytest

from hanzaki.datasets.errors import DatasetError
from hanzaki.datasets.known import KNOWN, folder_for, known_by_number, record_number
from hanzaki.datasets.record import NO_LICENCE, ask_record, facts, in_words
from tests.fixtures.zenodo import RECORD, md5


@pytest.mark.parametrize(
    "source",
    [
        "zenodo:7878678",
        "ZENODO:7878678",
        "10.5281/zenodo.7878678",
        "doi:10.5281/zenodo.7878678",
        "https://doi.org/10.5281/zenodo.7878678",
        "https://zenodo.org/records/7878678",
        "https://zenodo.org/record/7878678/",
        "salamander-hybrids",
    ],
)
def test_a_record_has_many_names(source):
    assert record_number(source) == RECORD


@pytest.mark.parametrize("source", ["", "7878678", "zenodo:", "zenodo:12a", "10.1234/dryad.1", "salamanders"])
def test_what_is_no_record_is_an_error_that_names_the_known_ones(source):
    with pytest.raises(DatasetError, match="salamander-hybrids"):
        record_number(source)


def test_folders_are_called_after_the_set():
    assert str(folder_for(RECORD)) == "salamander-hybrids"
    assert str(folder_for(5)) == "zenodo-5"
    assert known_by_number(RECORD) is KNOWN["salamander-hybrids"]
    assert known_by_number(None) is None


def test_what_zenodo_says(zenodo, transfer):
    zenodo.files = {"a b.zip": b"123", "user/code.zip": b""}
    record = ask_record(transfer, zenodo.address + "/", RECORD)
    assert (record.number, record.title, record.authors) == (
        RECORD,
        "Native and hybrid",
        ("Doe, Jane", "Roe, Ren"),
    )
    assert (record.licence, record.published, record.size) == ("cc-by-4.0", "2023-06-28", 3)
    first, second = record.files
    assert (first.name, first.checksum) == ("a b.zip", f"md5:{md5(b'123')}")
    assert second.name == "user/code.zip"
    lines = "\n".join(facts(record))
    for told in ("Doe, Jane; Roe, Ren", "10.5281/zenodo.7878678", "licence: cc-by-4.0", "3 bytes in 2 of 2 files"):
        assert told in lines


@pytest.mark.parametrize("licence", [None, {}, {"id": ""}, ""])
def test_a_record_without_a_licence_says_so(zenodo, transfer, licence):
    zenodo.files, zenodo.metadata = {"a.zip": b""}, {"license": licence}
    assert ask_record(transfer, zenodo.address, RECORD).licence == NO_LICENCE


def test_checksums_without_their_kind_and_of_other_kinds(zenodo, transfer, monkeypatch):
    document = zenodo.document()
    sums = ["0" * 32, "sha256:" + "0" * 64, None, "MD5:" + "A" * 32]
    document["files"] = [{"key": f"{at}.zip", "size": 1, "checksum": told} for at, told in enumerate(sums)]
    monkeypatch.setattr(transfer, "document", lambda _url: document)
    record = ask_record(transfer, "https://zenodo.org", RECORD)
    assert [file.checksum for file in record.files] == ["md5:" + "0" * 32, None, None, "md5:" + "a" * 32]
    assert record.files[0].url == f"https://zenodo.org/api/records/{RECORD}/files/0.zip/content"


def test_files_that_are_not_open(zenodo, transfer):
    zenodo.metadata = {"access_right": "restricted"}
    with pytest.raises(DatasetError, match=r"not open to everybody \(access: restricted\): ask its authors"):
        ask_record(transfer, zenodo.address, RECORD)


def test_a_record_that_is_not_there(zenodo, transfer):
    with pytest.raises(DatasetError, match="api/records/5 is not there"):
        ask_record(transfer, zenodo.address, 5)


@pytest.mark.parametrize("answer", [[], {"id": 1}, {"id": 1, "metadata": {}, "files": [{"key": "a"}]}])
def test_what_is_not_zenodo(zenodo, transfer, monkeypatch, answer):
    monkeypatch.setattr(zenodo, "document", lambda: answer)
    with pytest.raises(DatasetError, match="does not answer as Zenodo's API does"):
        ask_record(transfer, zenodo.address, RECORD)


def test_what_is_no_json(zenodo, transfer):
    zenodo.files = {"a": b"<html>"}
    with pytest.raises(DatasetError, match="no JSON"):
        transfer.document(f"{zenodo.address}/bytes/a")


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 bytes"), (999, "999 bytes"), (1200, "1.2 kB"), (5 * 10**12, "5000.0 GB")]
)
def test_sizes_in_words(size, text):
    assert in_words(size) == text
