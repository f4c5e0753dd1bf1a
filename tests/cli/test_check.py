from __future__ import annotations

import json
from pathlib import Path

import pytest

from hanzaki.cli import check
from hanzaki.fieldwork.identity.check import WORD
from hanzaki.fieldwork.identity.suspicion import TOLERATED, WRONG
from tests.cli.test_cli import done
from tests.cli.test_cli import hanzaki as call
from tests.fixtures.mistaken import write_mistaken

BOLD = ("--wrong", 0.4, "--tolerate", 0.6)


@pytest.fixture(scope="module")
def mistaken(stream: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    folder = tmp_path_factory.mktemp("mistaken") / "river"
    return folder, *write_mistaken(folder, stream)


def test_mistakes_are_listed_with_what_shows_them_and_what_puts_them_right(mistaken, tmp_path):
    folder, twice, mixed = mistaken
    text = done("check", *BOLD, "--picture", tmp_path / "found.jpg", where=folder)
    assert f"{twice} again" in text
    assert "are probably one: " in text
    assert f"{mixed} is probably two: " in text
    assert "if so: hanzaki confirm " in text
    assert "expected to be false alarms" in text
    assert (tmp_path / "found.jpg").stat().st_size > 10_000


def test_a_picture_that_cannot_be_written_is_refused_first_and_takes_nothing_away(mistaken, tmp_path):
    refused = call("check", *BOLD, "--picture", tmp_path / "missing" / "found.jpg", where=mistaken[0])
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "there is no folder" in refused.stderr
    failed = call("check", *BOLD, "--json", "--picture", tmp_path / ("p" * 300 + ".jpg"), where=mistaken[0])
    assert failed.returncode == 1
    assert "the picture cannot be written" in failed.stderr
    assert json.loads(failed.stdout)["encounters"] > 0


def test_json_has_all_of_it(mistaken):
    folder, twice, mixed = mistaken
    said = json.loads(done("check", *BOLD, "--json", where=folder))
    assert set(said["probably_one"][0]["individuals"]) == {twice, f"{twice} again"}
    first = said["probably_two"][0]
    assert first["individual"] == mixed
    assert 0 < first["probability"] < 1
    assert [Path(shown["photograph_path"]).is_file() for shown in first["photographs"]] == [True, True]
    assert said["too_few"] is True


def test_a_careful_list_may_be_empty_and_says_so(mistaken):
    text = done("check", "--wrong", 0.0001, "--tolerate", 0, where=mistaken[0])
    assert text.startswith("nothing suspicious among 7 individuals in 11 encounters")


def test_what_makes_no_sense_is_said(mistaken):
    wrong = call("check", "--wrong", 3, where=mistaken[0])
    assert wrong.returncode == 1
    assert "a share of wrong names" in wrong.stderr


def test_the_command_has_the_defaults_of_the_method():
    assert (check._USUAL_TOLERATED, check._USUAL_WRONG, check._USUAL_WORD) == (TOLERATED, WRONG, WORD)
