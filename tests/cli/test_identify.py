"""What `hanzaki identify` prints of answers that are made up, and what it asks of a catalogue."""

from __future__ import annotations

import csv
import io
import json
import math
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import hanzaki
from hanzaki.cli.app import app
from hanzaki.fieldwork.fieldcatalogue import FieldCatalogue
from hanzaki.fieldwork.identity.history import Seen
from hanzaki.fieldwork.identity.identify import IdentifyReport
from tests.fixtures.told import answer, identification

SAKURA = answer(
    "Sakura",
    0.31,
    evidence={"marks-5f33b705d6a3": math.log(35), "records": -math.log(2)},
    seen=(
        Seen("Kamo river", date(2019, 6, 2), date(2022, 8, 20), 5),
        Seen("Isso", date(2018, 5, 1), date(2018, 5, 1), 1),
    ),
    kilometres=12.4,
)
UME = answer("Old Ume", 0.1, evidence={"marks-5f33b705d6a3": math.log(3.5)})
FOUND = identification(0.55, (SAKURA, UME), individuals=173, sites={"Kamo river": 0.4, "Isso": 0.02})


class Asked:
    """Answers in place of the field catalogue; keeps how it was asked."""

    def __init__(self) -> None:
        self.answers = [FOUND]
        self.options: dict[str, Any] = {}

    def __call__(self, **options: Any) -> IdentifyReport:
        self.options = options
        return IdentifyReport(list(self.answers))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    stand_in = Asked()
    monkeypatch.setattr(FieldCatalogue, "identify", lambda _self, _asked, **options: stand_in(**options))
    return stand_in


@pytest.fixture
def told(asked: Asked, tmp_path: Path):
    """What the command prints."""
    hanzaki.init(tmp_path / "river").close()

    def run(*words: object) -> str:
        result = CliRunner().invoke(app, ["identify", "7", "-C", str(tmp_path / "river"), *map(str, words)])
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def row(text: str, start: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(start))


def test_somebody_new_is_an_answer_like_any_other(told, asked):
    text = told()
    assert row(text, "1 ").split() == ["1", "somebody", "new", "55", "%"]
    assert row(text, "2 ").split() == ["2", "Sakura", "31", "%", "Sakura.jpg", "1"]
    assert row(text, "    171 others").split()[-2:] == ["4", "%"]
    asked.answers = [identification(0.02, {"Sakura": 0.9, "Ume": 0.08})]
    text = told()
    assert [row(text, f"{rank} ").split()[1] for rank in (1, 2, 3)] == ["Sakura", "Ume", "somebody"]
    assert "others" not in text


def test_the_commands_that_decide_begin_with_the_answer(told, asked):
    asked.answers = [identification(0.6, (SAKURA, UME))]
    assert "`hanzaki confirm 7 new` if it is somebody new; `hanzaki confirm 7 Sakura` if it is Sakura" in told()
    asked.answers = [identification(0.1, {"Old Ume": 0.9})]
    assert "`hanzaki confirm 7 'Old Ume'` if it is Old Ume; `hanzaki confirm 7 new`" in told()
    asked.answers = [identification(0.1, {"Sakura": 0.9}, known_as="Sakura")]
    assert "confirm" not in told()
    asked.answers = [identification(0.1, {"Sakura": 0.9}, encounter=None, query="new.jpg")]
    text = told()
    assert "confirm" not in text
    assert "`hanzaki add FILE`" in text


def test_what_probabilities_rest_on_is_said_once(told, asked):
    asked.answers = [FOUND, FOUND]
    text = told()
    assert text.count("encounter 7\n") == 2
    assert text.count("Probabilities are learnt from animals of other studies.") == 1
    assert text.count("a new animal is taken to be 50 % probable") == 1


def test_nobody_in_scope_is_somebody_new(told, asked):
    asked.answers = [identification(1.0, {})]
    text = told()
    assert "no named individual in this scope" in text
    assert "`hanzaki confirm 7 new`" in text
    assert "learnt from" not in text
    (only,) = csv.DictReader(io.StringIO(told("--csv")))
    assert (only["rank"], only["answer"], only["individual"], only["probability"]) == ("1", "new", "", "1.0")


def test_a_stray_is_told_with_where_and_when_it_was_seen(told):
    text = told("--everywhere")
    assert "Kamo river 2019-06-02 to 2022-08-20 (5 encounters)" in row(text, "2 ")
    assert "12" in row(text, "2 ").split()
    assert "Isso 2018-05-01" in text
    assert "last met: Kamo river 40 %, Isso 2 %, nowhere that is known 58 %" in text
    assert "last met" not in told()


def test_why_says_what_each_kind_of_evidence_gives(told):
    text = told("--why")
    assert "marks 35 times likelier, records 2.0 times less likely" in row(text, "2 ")
    assert "marks 3.5 times likelier" in row(text, "3 ")
    assert "likelier" not in told()


def test_json_has_everything(told):
    (found,) = json.loads(told("--json"))
    assert (found["answer"], found["new"], found["prior_new"]) == (None, 0.55, 0.5)
    assert found["others"] == pytest.approx(0.04)
    assert found["sites"] == {"Kamo river": 0.4, "Isso": 0.02}
    first, second = found["candidates"]
    assert (first["rank"], first["individual"], first["probability"], first["kilometres"]) == (
        2,
        "Sakura",
        0.31,
        12.4,
    )
    assert first["evidence"]["marks-5f33b705d6a3"] == pytest.approx(math.log(35))
    assert first["seen"][0] == {
        "site": "Kamo river",
        "first": "2019-06-02",
        "last": "2022-08-20",
        "encounters": 5,
    }
    assert (second["rank"], second["seen"]) == (3, [])
    assert found["new"] + found["others"] + first["probability"] + second["probability"] == pytest.approx(1)


def test_csv_has_a_row_for_each_answer(told):
    rows = list(csv.DictReader(io.StringIO(told("--csv"))))
    assert [(row["rank"], row["answer"], row["individual"]) for row in rows] == [
        ("1", "new", ""),
        ("2", "Sakura", "Sakura"),
        ("3", "Old Ume", "Old Ume"),
    ]
    assert [row["probability"] for row in rows] == ["0.55", "0.31", "0.1"]
    assert (rows[1]["last_site"], rows[1]["last_seen"], rows[1]["kilometres"]) == (
        "Kamo river",
        "2022-08-20",
        "12.4",
    )
    assert {row["scope"] for row in rows} == {"Andrias japonicus, any side"}


def test_options_are_handed_on(told, asked):
    told()
    assert asked.options["model"] == "marks"
    assert (asked.options["everywhere"], asked.options["sex"], asked.options["near"]) == (False, False, None)
    told("--with", "hides", "--with", "marks", "--verify", 50, "--everywhere", "--sex")
    assert asked.options["model"] == ["hides", "marks"]
    assert (asked.options["verify"], asked.options["everywhere"], asked.options["sex"]) == (50, True, True)
    told("--near", 2.5, "--years", 30, "--prior-new", 0.1)
    assert [asked.options[name] for name in ("near", "years", "prior_new")] == [2.5, 30, 0.1]


def test_one_format_at_a_time(asked, tmp_path):
    hanzaki.init(tmp_path / "river").close()
    result = CliRunner().invoke(app, ["identify", "7", "-C", str(tmp_path / "river"), "--json", "--csv"])
    assert "choose one of --json and --csv" in str(result.exception)


def test_probabilities_that_no_picture_speaks_for_say_so(told, asked):
    words = "fewer than three animals to compare its pictures with"
    assert words not in told()
    asked.answers = [identification(0.5, (SAKURA, UME), compared=False)]
    assert words in " ".join(told().split())
    assert not json.loads(told("--json"))[0]["compared"]
    assert {each["compared"] for each in csv.DictReader(io.StringIO(told("--csv")))} == {"False"}
