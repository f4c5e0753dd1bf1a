"""What `hanzaki demo` says of answers that are made up; that it runs is tested in test_cli.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanzaki.cli.demo import _print
from hanzaki.errors import SettingError
from hanzaki.fieldwork.demo import Demo, Found, run_demo
from tests.fixtures.told import identification

KNOWN, NEW = {"Sakura": 0.7, "Ume": 0.1}, {"Sakura": 0.2, "Ume": 0.1}


def found(candidates: dict[str, float], truth: str | None, was_known: bool) -> Found:
    answer = identification(1 - sum(candidates.values()), candidates)
    return Found(answer, "clip.mp4", "morning", truth, was_known, "native", "native")


@pytest.mark.parametrize(
    ("candidates", "truth", "was_known", "right"),
    [
        (KNOWN, "Sakura", True, True),
        (KNOWN, "Ume", True, False),
        (KNOWN, "Momo", False, False),
        (KNOWN, None, False, False),
        (NEW, "Sakura", True, False),
        (NEW, "Momo", False, True),
        (NEW, None, False, False),
    ],
)
def test_an_answer_is_right_if_it_names_the_known_and_calls_the_new_new(candidates, truth, was_known, right):
    assert found(candidates, truth, was_known).right == right


def test_a_demo_of_too_few_says_how_many_it_takes(tmp_path):
    with pytest.raises(SettingError, match="ask for 5 or more"):
        run_demo(tmp_path / "demo", 4)


def test_the_two_kinds_of_error_are_counted_apart(capsys):
    result = Demo(
        folder=Path("demo"),
        catalogue=Path("demo/catalogue"),
        sheet=Path("demo/answers.jpg"),
        clips=8,
        missed=1,
        found=(
            found(NEW, "Sakura", True),
            found(KNOWN, "Sakura", True),
            found(KNOWN, "Sakura", True),
            found(KNOWN, "Ume", True),
            found(KNOWN, "Momo", False),
            found(NEW, "Momo", False),
            found(NEW, "Momo", False),
            found(KNOWN, None, False),
        ),
    )
    _print(result)
    text = capsys.readouterr().out
    assert "2 of 4 encounters of known animals right, 1 called somebody new, 1 called by a wrong name." in text
    assert "2 of 3 encounters of new animals called somebody new, 1 called by a known animal's name." in text
    assert "7 heads were found and followed, 1 missed" in text
    for words in ("no head at all", "wrong: it is new", "wrong: it is known", "Momo, new"):
        assert words in text
    assert "confirm 7 new" in text
