"""`hanzaki virtual`: `stream` is what is meant where no command is named."""

import pandas as pd
import pytest
from typer.testing import CliRunner

from hanzaki.cli.app import app

TINY = ["--individuals", "1", "--days", "1", "--lights", "evening", "--newcomers", "0", "--clips", "1"]
TINY += ["--seconds", "0.2", "--rate", "10", "--size", "96x64"]


@pytest.mark.parametrize("words", [["stream"], []])
def test_a_stream_is_filmed_with_or_without_its_name(tmp_path, words):
    folder = tmp_path / "stream"
    done = CliRunner().invoke(app, ["virtual", *words, *TINY, str(folder)])
    assert done.exit_code == 0, done.output
    assert "1 videos and 1 photographs of 1 animals" in done.stdout
    assert len(pd.read_csv(folder / "annotations.csv")) == 2


def test_the_folder_may_come_first(tmp_path):
    done = CliRunner().invoke(app, ["virtual", str(tmp_path / "s"), *TINY[:-8], "--clips", "0"])
    assert done.exit_code == 0, done.output
    assert "0 videos and 1 photographs" in done.stdout


def test_hides_are_still_there(tmp_path):
    words = ["virtual", "hides", str(tmp_path / "h"), "--individuals", "1", "--photographs", "1", "--size", "64"]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert "stream" in CliRunner().invoke(app, ["virtual", "--help"]).output


@pytest.mark.parametrize("size", ["big", "961x540", "10x10"])
def test_a_size_that_cannot_be_filmed_is_refused(tmp_path, size):
    done = CliRunner().invoke(app, ["virtual", str(tmp_path), "--size", size])
    assert done.exit_code == 2
    assert size in done.output


def test_more_newcomers_than_animals_are_refused(tmp_path):
    from hanzaki.errors import SettingError

    done = CliRunner().invoke(app, ["virtual", str(tmp_path), "--individuals", "1", "--newcomers", "2"])
    assert isinstance(done.exception, SettingError)


def test_a_light_that_never_was_is_refused(tmp_path):
    done = CliRunner().invoke(app, ["virtual", str(tmp_path), "--lights", "noon"])
    assert done.exit_code == 2
    assert "noon" in done.output


def test_a_population_lives_for_years(tmp_path):
    words = ["--years", "2", "--days", "1", "--residents", "3", "--capture", "0.9", "--photographs", "1"]
    done = CliRunner().invoke(app, ["virtual", "lives", str(tmp_path / "l"), *words, "--size", "96x72"])
    assert done.exit_code == 0, done.output
    assert "2 surveys" in done.stdout
    captures = pd.read_csv(tmp_path / "l" / "captures.csv")
    assert len(pd.read_csv(tmp_path / "l" / "annotations.csv")) == captures["photographs"].sum()


@pytest.mark.parametrize("command", [["stream", "--individuals", "1", "--days", "1", "--clips", "0"], ["lives"]])
def test_masks_are_written_if_asked(tmp_path, command):
    few = ["--newcomers", "0", "--photographs", "3"] if command[0] == "stream" else ["--years", "1", "--days", "1"]
    done = CliRunner().invoke(app, ["virtual", *command, *few, str(tmp_path), "--size", "96x72", "--masks"])
    assert done.exit_code == 0, done.output
    masks = {path.stem for path in (tmp_path / "masks").iterdir()}
    assert masks
    assert masks <= {path.stem for path in (tmp_path / "photographs").iterdir()}
