"""``hanzaki data``, as a user types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hanzaki.exchange.identity_csv import read_identity_csv
from tests.cli.test_cli import done, hanzaki
from tests.datasets.test_published import archive
from tests.exchange.writers import write_folders
from tests.fixtures.zenodo import Zenodo, serving

PATHS = [
    f"{part}/{origin}/{n}/1.jpg" for part in ("train", "test") for origin in ("native", "hybrid") for n in "12"
]


@pytest.fixture
def zenodo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Zenodo]:
    monkeypatch.setenv("NO_PROXY", "*")
    with serving(Zenodo(files={"photographs.zip": archive(*PATHS)})) as server:
        monkeypatch.setenv("HANZAKI_ZENODO", server.address)
        yield server


def test_the_known_ones_are_listed_and_asked_about(zenodo):
    (offline,) = json.loads(done("data", "list", "--json"))
    assert (offline["name"], offline["source"]) == ("salamander-hybrids", "zenodo:7878678")
    assert (offline["licence"], zenodo.asked) == (None, [])
    assert "Takaya, Taguchi & Ise" in done("data", "list")
    (asked,) = json.loads(done("data", "list", "--ask", "--json"))
    assert (asked["licence"], asked["size"]) == ("cc-by-4.0", "1.1 kB")


def test_a_record_is_fetched_and_laid_out(zenodo, tmp_path):
    result = hanzaki("data", "get", "zenodo:7878678", where=tmp_path)
    assert result.returncode == 0, result.stderr
    for told in ("by Doe, Jane; Roe, Ren", "10.5281/zenodo.7878678", "licence: cc-by-4.0", "photographs.zip ("):
        assert told in result.stderr
    assert "salamander-hybrids/annotations.csv has 8 photographs, told by: names of folders" in result.stdout
    table = read_identity_csv(tmp_path / "salamander-hybrids" / "annotations.csv")
    assert (len(table), table.frame["identity"].nunique()) == (8, 8)
    again = done("data", "get", "salamander-hybrids", where=tmp_path)
    assert again == result.stdout


def test_a_folder_is_laid_out_alone(zenodo, tmp_path):
    root = write_folders(PATHS, tmp_path / "photos")
    by_get = done("data", "get", root)
    assert zenodo.asked == []
    assert by_get == done("data", "lay-out", root)
    assert {row.identity for row in read_identity_csv(root / "annotations.csv")} == {
        f"{origin} {n}" for origin in ("native", "hybrid") for n in (1, 2)
    }
    done("data", "lay-out", root, "--as", "salamander-hybrids", "--replace")
    assert len({row.identity for row in read_identity_csv(root / "test.csv")}) == 4


def test_what_names_do_not_say_is_said(tmp_path):
    root = write_folders(["a/N1_1.jpg", "a/H2_1.jpg"], tmp_path / "photos")
    result = hanzaki("data", "lay-out", root)
    assert result.returncode == 1
    assert "a/H2_1.jpg and 1 more" in result.stderr
    words = ("--origin-from", "native=/N", "--origin-from", "hybrid=/H", "--identity-from", r"/([NH]\d+)_")
    assert "has 2 photographs" in done("data", "lay-out", root, *words)
    rows = {row.identity: row.origin for row in read_identity_csv(root / "annotations.csv")}
    assert rows == {"N1": "native", "H2": "hybrid"}


def test_files_that_cannot_be_laid_out_stay(zenodo, tmp_path):
    zenodo.files = {"photographs.zip": archive("a/1.jpg", "b.jpg"), "other.7z": b""}
    result = hanzaki("data", "get", "zenodo:7878678", tmp_path / "set")
    assert result.returncode == 1
    assert "has the files of 10.5281/zenodo.7878678, checked; they are not laid out" in result.stdout
    assert "Then: hanzaki data lay-out" in result.stderr
    assert (tmp_path / "set" / "unpacked" / "photographs" / "a" / "1.jpg").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("get", "nonsense"), "'nonsense' is no data set: write zenodo:NUMBER"),
        (("get", "zenodo:5"), "api/records/5 is not there"),
        (("get", "zenodo:7878678", "--file", "*.tar"), "there are: photographs.zip"),
        (("lay-out", "nowhere"), "nowhere is no folder"),
        (("lay-out", ".", "--as", "zebras"), "there is no data set 'zebras'"),
    ],
)
def test_errors_are_one_plain_message(zenodo, tmp_path, words, message):
    result = hanzaki("data", *words, where=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith("hanzaki: ")
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_a_download_that_was_stopped_goes_on(zenodo, tmp_path, blow):
    content = archive(*PATHS) + bytes(3_000_000)
    zenodo.files = {"big.bin": content, "photographs.zip": archive(*PATHS)}
    zenodo.hold_after = 1_000_000
    command = [sys.executable, "-m", "hanzaki", "data", "get", "zenodo:7878678", tmp_path / "set"]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
        # a shell that starts tests in the background has them ignore Ctrl-C, and what they start too
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    part = wait_for_part(tmp_path / "set" / "files", 1_000_000)
    process.send_signal(blow)
    _, told = process.communicate(timeout=30)
    assert process.returncode == (130 if blow == signal.SIGINT else -signal.SIGKILL)
    assert ("the same command goes on" in told) == (blow == signal.SIGINT)
    assert part.read_bytes() == content[:1_000_000]
    zenodo.hold_after = None
    done("data", "get", "zenodo:7878678", tmp_path / "set")
    assert zenodo.ranges_of("big.bin") == [None, "bytes=1000000-"]
    assert (tmp_path / "set" / "files" / "big.bin").read_bytes() == content


def wait_for_part(folder: Path, size: int) -> Path:
    """The part of a file, once it has this size."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        for part in folder.glob("*.part"):
            if part.stat().st_size >= size:
                return part
        time.sleep(0.02)
    raise AssertionError("nothing came")
