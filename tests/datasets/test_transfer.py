"""Files come whole and checked, whatever the line and the server do."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hanzaki.datasets import transfer as transferring
from hanzaki.datasets.errors import DatasetError
from hanzaki.datasets.transfer import RemoteFile, Transfer
from tests.fixtures.zenodo import RECORD, Zenodo, md5

CONTENT = random.Random(0).randbytes(300_000)
NAME = "head photographs, 1991.zip"  # with spaces, as names at Zenodo have


def remote(zenodo: Zenodo, content: bytes = CONTENT) -> RemoteFile:
    """The file as the API tells of it; ``content`` is what was there when it was asked."""
    zenodo.files.setdefault(NAME, content)
    url = f"{zenodo.address}/api/records/{RECORD}/files/{NAME}/content"
    return RemoteFile(NAME, url, len(content), f"md5:{md5(content)}")


def test_a_file_comes_and_nothing_else_is_left(zenodo, transfer, tmp_path):
    told: list[tuple[str, int, int]] = []
    transfer.file(remote(zenodo), tmp_path / "a" / "x.zip", lambda *words: told.append(words))
    assert (tmp_path / "a" / "x.zip").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["x.zip"]
    assert told[-1] == (NAME, 300_000, 300_000)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)


def test_a_file_that_is_there_is_checked_and_not_fetched_again(zenodo, transfer, tmp_path):
    transfer.file(remote(zenodo), tmp_path / "x.zip")
    transfer.file(remote(zenodo), tmp_path / "x.zip")
    assert len(zenodo.ranges_of(NAME)) == 1
    (tmp_path / "x.zip").write_bytes(bytes(300_000))  # of the same size
    transfer.file(remote(zenodo), tmp_path / "x.zip")
    assert (tmp_path / "x.zip").read_bytes() == CONTENT


def test_an_empty_file_comes(zenodo, transfer, tmp_path):
    transfer.file(remote(zenodo, b""), tmp_path / "x.zip")
    assert (tmp_path / "x.zip").read_bytes() == b""


def test_a_broken_line_is_gone_on_with_where_it_broke(zenodo, transfer, waits, tmp_path):
    zenodo.break_after = [100_000, 50_000]
    transfer.file(remote(zenodo), tmp_path / "x.zip")
    assert (tmp_path / "x.zip").read_bytes() == CONTENT
    assert zenodo.ranges_of(NAME) == [None, "bytes=100000-", "bytes=150000-"]
    assert waits == [1.0, 1.0]  # since something came in between


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(breaks=st.lists(st.integers(0, 300_000), max_size=5), ranges=st.booleans())
def test_however_the_line_breaks_the_file_is_the_same(zenodo, tmp_path, breaks, ranges):
    zenodo.break_after, zenodo.ranges = list(breaks), ranges
    (tmp_path / "x.zip").unlink(missing_ok=True)
    transfer = Transfer(wait=lambda _: None)
    transfer.file(remote(zenodo), tmp_path / "x.zip")
    transfer.close()
    assert (tmp_path / "x.zip").read_bytes() == CONTENT
    zenodo.break_after = []


def test_a_line_that_never_holds_is_given_up_and_what_came_is_kept(zenodo, transfer, waits, tmp_path):
    zenodo.break_after = [70_000] + [0] * 20
    with pytest.raises(DatasetError, match="what came is kept; run it again to go on"):
        transfer.file(remote(zenodo), tmp_path / "x.zip")
    (part,) = tmp_path.glob("x.zip.*.part")
    assert part.stat().st_size == 70_000
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0]
    zenodo.break_after = []
    transfer.file(remote(zenodo), tmp_path / "x.zip")
    assert zenodo.ranges_of(NAME)[-1] == "bytes=70000-"
    assert [path.name for path in tmp_path.iterdir()] == ["x.zip"]


def test_ctrl_c_keeps_what_came(zenodo, transfer, tmp_path):
    def stop(_name: str, done: int, _total: int) -> None:
        if done > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transfer.file(remote(zenodo), tmp_path / "x.zip", stop)
    (part,) = tmp_path.glob("x.zip.*.part")
    assert part.read_bytes() == CONTENT[: part.stat().st_size]
    assert part.stat().st_size > 100_000
    transfer.file(remote(zenodo), tmp_path / "x.zip")
    assert (tmp_path / "x.zip").read_bytes() == CONTENT


def test_a_server_without_ranges_sends_all_of_it_again(zenodo, transfer, tmp_path):
    zenodo.ranges, zenodo.break_after = False, [100_000]
    transfer.file(remote(zenodo), tmp_path / "x.zip")
    assert zenodo.ranges_of(NAME) == [None, "bytes=100000-"]
    assert (tmp_path / "x.zip").read_bytes() == CONTENT


def test_redirects_are_followed_with_the_range(zenodo, transfer, tmp_path):
    zenodo.moved, zenodo.break_after = True, [100_000]
    transfer.file(remote(zenodo), tmp_path / "x.zip")
    assert (tmp_path / "x.zip").read_bytes() == CONTENT
    assert zenodo.asked[-1][0].startswith("/bytes/")
    assert zenodo.asked[-1][1] == "bytes=100000-"


def test_a_damaged_file_is_thrown_away(zenodo, transfer, tmp_path, monkeypatch):
    asked = remote(zenodo)
    wrong = RemoteFile(asked.name, asked.url, asked.size, "md5:" + "0" * 32)
    monkeypatch.setattr(transferring, "_see_unchanged", lambda *_: None)  # of servers that give no checksum
    with pytest.raises(DatasetError, match="arrived damaged .* thrown away: run it again"):
        transfer.file(wrong, tmp_path / "x.zip")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [300_000, 300_001, 200_000])
def test_a_file_that_changed_meanwhile_is_not_sewn_together(zenodo, transfer, tmp_path, size):
    earlier = remote(zenodo)
    zenodo.break_after = [100_000] + [0] * 5
    with pytest.raises(DatasetError):
        transfer.file(earlier, tmp_path / "x.zip")
    zenodo.break_after = []
    zenodo.files[NAME] = changed = bytes(size)
    with pytest.raises(DatasetError, match="has changed at its repository meanwhile; run it again"):
        transfer.file(earlier, tmp_path / "x.zip")
    transfer.file(remote(zenodo, changed), tmp_path / "x.zip")  # as the API tells of it now
    assert (tmp_path / "x.zip").read_bytes() == changed
    assert zenodo.ranges_of(NAME)[-1] is None
    assert [path.name for path in tmp_path.iterdir()] == ["x.zip"]


@pytest.mark.parametrize(
    ("status", "message"),
    [(404, "is not there"), (410, "taken back"), (403, "not open to everybody"), (418, r"cannot be had \(418")],
)
def test_refusals_are_told_at_once(zenodo, transfer, waits, tmp_path, status, message):
    zenodo.answers = [(status, {})]
    with pytest.raises(DatasetError, match=message):
        transfer.file(remote(zenodo), tmp_path / "x.zip")
    assert waits == []


def test_too_many_requests_are_waited_for_as_long_as_is_asked(zenodo, transfer, waits, tmp_path):
    later = datetime.now(UTC) + timedelta(seconds=40)
    zenodo.answers = [
        (429, {"Retry-After": "59"}),
        (429, {"Retry-After": format_datetime(later, usegmt=True)}),
        (429, {"X-RateLimit-Reset": str(int(later.timestamp()))}),
        (503, {"Retry-After": "soon"}),
        (429, {}),
    ]
    transfer.file(remote(zenodo), tmp_path / "x.zip")
    assert waits[0] == 59
    assert waits[1] == pytest.approx(40, abs=5)
    assert waits[2] == pytest.approx(40, abs=5)
    assert waits[3:] == [8.0, 16.0]


def test_who_is_asked_to_wait_too_long_is_told_when_to_come_back(zenodo, transfer, waits, tmp_path):
    zenodo.answers = [(429, {"Retry-After": "3600"})]
    with pytest.raises(DatasetError, match="answers 429 .* run it again in 60 minutes to go on"):
        transfer.file(remote(zenodo), tmp_path / "x.zip")
    assert waits == []


def test_a_range_that_the_server_has_not_begins_anew(zenodo, transfer, tmp_path):
    zenodo.break_after = [100_000]
    zenodo.answers = []
    file = remote(zenodo)
    part = tmp_path / f"x.zip.{md5(CONTENT)[-8:]}.part"
    part.write_bytes(CONTENT[:1000])
    zenodo.break_after, zenodo.answers = [], [(416, {})]
    transfer.file(file, tmp_path / "x.zip")
    assert zenodo.ranges_of(NAME) == ["bytes=1000-", None]
    assert (tmp_path / "x.zip").read_bytes() == CONTENT


def test_a_part_that_is_too_long_begins_anew(zenodo, transfer, tmp_path):
    file = remote(zenodo)
    (tmp_path / f"x.zip.{md5(CONTENT)[-8:]}.part").write_bytes(bytes(400_000))
    transfer.file(file, tmp_path / "x.zip")
    assert (tmp_path / "x.zip").read_bytes() == CONTENT


def test_nobody_there(transfer, waits, tmp_path, zenodo):
    file = RemoteFile("x.zip", "http://127.0.0.1:9/x.zip", 1, None)
    with pytest.raises(DatasetError, match=r"127.0.0.1 cannot be reached \(no connection\); run it again"):
        transfer.file(file, tmp_path / "x.zip")
    assert len(waits) == 5


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "zenodo.org/x", "http://"])
def test_odd_addresses(transfer, tmp_path, url):
    with pytest.raises(DatasetError, match="no address that can be asked"):
        transfer.document(url)


def test_a_full_disk_is_told_and_what_came_is_kept(zenodo, transfer, tmp_path):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs /dev/full")
    file = remote(zenodo)
    (tmp_path / f"x.zip.{md5(CONTENT)[-8:]}.part").symlink_to(full)
    with pytest.raises(DatasetError, match="the disk is full; make room and run it again"):
        transfer.file(file, tmp_path / "x.zip")


def test_a_folder_that_cannot_be_made_is_told(zenodo, transfer, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match="cannot be written"):
        transfer.file(remote(zenodo), tmp_path / "file" / "x.zip")
