"""`hanzaki add` killed with SIGKILL at random moments and run again ends as if nothing had happened."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import hanzaki
from tests.fixtures.photographs import write

PHOTOGRAPHS = 300
KILLS = 20
NOT_COMPARED = {"added_at", "at"}  # when it happened is all that may differ


def snapshot(folder: Path) -> dict[str, object]:
    """Every row of every table but for the moments they were written, and every file with its bytes."""
    with closing(sqlite3.connect(folder / "catalogue.sqlite")) as database:
        database.row_factory = sqlite3.Row
        names = [row["name"] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables: dict[str, object] = {
            name: [
                {key: row[key] for key in row.keys() if key not in NOT_COMPARED}  # noqa: SIM118 - Row is no dict
                for row in database.execute(f"SELECT * FROM {name}")
            ]
            for name in names
        }
    media = folder / "media"
    files = {str(path.relative_to(media)): path.read_bytes() for path in media.rglob("*") if path.is_file()}
    return tables | {"files": files}


def command(folder: Path, photos: Path) -> list[str]:
    table = str(photos / "annotations.csv")
    return [sys.executable, "-m", "hanzaki", "add", str(photos), "--table", table, "-C", str(folder)]


def test_twenty_kills_leave_exactly_the_undisturbed_catalogue(tmp_path):
    photos = tmp_path / "photos"
    rows = ["path,identity,encounter,bbox"]
    for number in range(PHOTOGRAPHS):
        write(photos / f"{number:04d}.jpg", number, size=(96, 72))
        rows.append(f"{number:04d}.jpg,animal {number % 40},{number // 3},1 2 60 50")
    (photos / "annotations.csv").write_text("\n".join(rows[: PHOTOGRAPHS // 2]))
    hanzaki.init(tmp_path / "undisturbed").close()
    started = time.monotonic()
    done = subprocess.run(command(tmp_path / "undisturbed", photos), check=False, stdout=subprocess.DEVNULL)
    whole = time.monotonic() - started
    assert done.returncode == 0
    expected = snapshot(tmp_path / "undisturbed")

    moments, river, kills = random.Random(20), tmp_path / "river", 0
    hanzaki.init(river).close()
    while kills < KILLS:
        process = subprocess.Popen(command(river, photos), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            assert process.wait(moments.uniform(0.2, 1) * whole) == 0
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
        else:  # it got to the end before its moment came: as it should be, and once more from the start
            assert snapshot(river) == expected
            shutil.rmtree(river)
            hanzaki.init(river).close()
    subprocess.run(command(river, photos), check=True, stdout=subprocess.DEVNULL)
    assert snapshot(river) == expected
