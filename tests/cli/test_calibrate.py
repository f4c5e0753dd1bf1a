"""`hanzaki calibrate`, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_cli import done, hanzaki
from tests.fieldwork.identity.test_calibrate import make
from tests.fixtures.models import write_model


@pytest.fixture(scope="module")
def river(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven animals in two encounters each."""
    with make(tmp_path_factory.mktemp("cli_calibrate"), 11, 2) as catalogue:
        return catalogue.folder


def test_it_says_how_true_probabilities_are_and_keeps_what_it_learnt(river, model_folder):
    asked = ("calibrate", "--with", model_folder)
    text = done(*asked, "--page", "../page", where=river)
    assert "11, of which 11 were met again" in text
    for measure in ("top-1", "AUROC", "where 1% of new ones", "where 5% of new ones", "ECE"):
        assert measure in text
    assert " answers given " in text
    assert "What was learnt from your decisions is kept" in text
    assert (river.parent / "page" / "index.html").is_file()
    forgot = done(*asked, "--forget", where=river)
    assert "Forgot what was learnt once" in forgot
    assert "Nothing is learnt with them until you run `hanzaki calibrate`" in forgot
    assert "Nothing had been learnt" in done(*asked, "--forget", where=river)


def test_too_few_animals_are_no_mistake(tmp_path, model_folder):
    with make(tmp_path, 4, 2) as catalogue:
        folder = catalogue.folder
    text = done("calibrate", "--with", model_folder, "--page", "../page", where=folder)
    assert "There is too little to learn from; nothing was changed." in text
    assert "Name 6 more that came again" in text


def test_several_models_are_weighed_together(river, model_folder, tmp_path):
    other = write_model(tmp_path / "other", seed=1)
    asked = ("calibrate", "--with", model_folder, "--with", other, "--prior-new", 0.25, "--json")
    values = json.loads(done(*asked, where=river))
    assert len(values["evidence"]) == 2
    assert (values["asked"], values["prior_new"]) == (22, 0.25)
    assert values["found"]["after"]["known"] == values["found"]["after"]["new"] == 22


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--forget", "--prior-new", "0.1"], "--forget takes back"),
        (["--prior-new", "1.5"], "between 0 and 1"),
        (["--with", "nothing"], "nothing"),
    ],
)
def test_what_cannot_be_asked(river, words, message):
    result = hanzaki("calibrate", *words, where=river)
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr
