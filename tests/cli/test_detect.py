from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.test_cli import done
from tests.cli.test_cli import hanzaki as call
from tests.fixtures.red import write_clip, write_photo, write_red_finder

NOON = datetime(2022, 8, 20, 12, 0)
CLIP = 3  # the encounter of a.mp4: two photographs come before it, of which the second joins the first


@pytest.fixture
def river(tmp_path: Path) -> Path:
    """A catalogue of two clips and a burst of two photographs; ``../red`` finds its animals."""
    write_red_finder(tmp_path / "red")
    movies = tmp_path / "movies"
    write_clip(movies / "a.mp4", [lambda t: (10 + 40 * t, 20)], taken_at=NOON, seed=1)
    write_clip(movies / "b.mp4", [lambda _: (140, 80)], taken_at=NOON, seed=2)
    for number in range(2):
        write_photo(movies / f"{number}.jpg", [(30 + number, 50)], NOON + timedelta(seconds=4 * number))
    (movies / "notes.txt").write_text("no video")
    (movies / "bad.mov").write_bytes(b"no video either")
    done("init", tmp_path / "river")
    text = done("add", movies, where=tmp_path / "river", status=3)
    assert "joined to a burst" in text
    return tmp_path / "river"


def test_videos_are_added_searched_and_identified(river):
    text = done("detect", "--detector", "../red", "--best", 3, where=river)
    assert [line.split()[-1] for line in text.splitlines() if line.startswith("animals found")] == ["4"]
    assert "looked at before" in done("detect", "--detector", "../red", where=river)
    listed = done("encounters", "--csv", where=river).splitlines()
    assert len(listed) == 4
    assert "quality" in done("pictures", CLIP, where=river)
    done("confirm", CLIP, "new", "--name", "Sakura", where=river)
    answer = done("identify", "../movies/a.mp4", "--with", "sift", where=river)
    assert f"encounter {CLIP}" in answer


def test_pictures_are_regrouped_and_set_aside(river):
    done("detect", "--detector", "../red", where=river)
    number = next(line.split()[0] for line in done("pictures", CLIP, where=river).splitlines() if "a.mp4" in line)
    assert "has" in done("regroup", number, where=river)
    assert len(done("encounters", "--csv", where=river).splitlines()) == 5
    done("regroup", number, "--into", CLIP, where=river)
    assert "Taken up again" in done("set-aside", number, "--back", where=river)
    wrong = call("pictures", 99, where=river)
    assert wrong.returncode == 1
    assert "there is no encounter 99" in wrong.stderr


def test_a_model_of_another_task_is_refused(river, model_folder):
    wrong = call("detect", "--detector", model_folder, where=river)
    assert wrong.returncode == 1
    assert "'detect' is wanted here" in wrong.stderr
