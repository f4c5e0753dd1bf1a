"""What is learnt from and what is tested never show the same animal, or the same day."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from hanzaki.annotations import Annotations
from hanzaki.errors import SettingError
from hanzaki.evaluation.leaks import LeakError
from hanzaki.evaluation.split_folder import read_split
from hanzaki.exchange.identity_csv import read_identity_csv, write_identity_csv
from hanzaki.learning.classifier.parts import SPLIT, Parts, read_parts, split_tables, write_parts
from tests.fixtures.kinds import tiny_classifier, write_kinds


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    return write_kinds(tmp_path_factory.mktemp("kinds"), 12, 4, days=4)


def _parts(tmp_path: Path, table: Path | list[Path], **parts: dict[str, object]) -> Parts:
    config = tiny_classifier(table, **parts)
    return write_parts(config, *split_tables(config), tmp_path / "run")


def _whom(table: Annotations | None) -> set[str]:
    return set() if table is None else set(table.frame["identity"])


def _changed(table: Path, folder: Path, **columns: object) -> Path:
    read = read_identity_csv(table)
    write_identity_csv(Annotations(read.frame.assign(**columns), read.source), folder / "changed.csv")
    return folder / "changed.csv"


@pytest.mark.parametrize("label", ["origin", "quality"])
def test_an_animal_stands_on_one_side_whatever_is_told_of_it(label, table, tmp_path):
    parts = _parts(tmp_path, table, data={"label": label})
    sides = [_whom(part) for part in (parts.train, parts.validation, parts.test)]
    assert all(sides)
    assert sum(map(len, sides)) == len(set.union(*sides)) == 12
    assert len(sides[2]) == round(0.3 * 12)


def test_each_label_gives_its_share_to_every_part(table, tmp_path):
    parts = _parts(tmp_path, table, split={"test": 0.5, "validation": 0.34})
    for part, animals in ((parts.train, 2), (parts.validation, 1), (parts.test, 3)):
        assert Counter(part.frame["origin"]) == {"native": 4 * animals, "hybrid": 4 * animals}


def test_individuals_are_told_apart_on_days_that_were_not_learnt_from(table, tmp_path):
    parts = _parts(tmp_path, table, data={"label": "individual"})
    learnt = {date.date() for part in (parts.train, parts.validation) for date in part.frame["date"]}
    tested = {date.date() for date in parts.test.frame["date"]}
    assert max(learnt) < min(tested)
    assert len(parts.test) == 12
    assert parts.labels == tuple(sorted(_whom(parts.train)))


def test_individuals_of_one_day_say_which_protocols_there_are(tmp_path):
    with pytest.raises(SettingError, match=r"name another split.protocol \(encounter, photograph"):
        _parts(tmp_path, write_kinds(tmp_path / "kinds", 4, 2), data={"label": "individual"})


def test_without_a_test_all_is_learnt_from_but_what_chooses(table, tmp_path):
    parts = _parts(tmp_path, table, split={"protocol": "none", "validation": 0.25})
    assert parts.test is None
    assert not _whom(parts.train) & _whom(parts.validation)
    assert (len(_whom(parts.train)), len(_whom(parts.validation))) == (9, 3)
    assert parts.notes == ("nothing is kept apart to test with: no figures",)
    alone = _parts(tmp_path / "alone", table, split={"protocol": "none", "validation": 0})
    assert (len(alone.train), alone.validation) == (48, None)


def test_a_number_is_learnt_as_ranges_in_their_order(table, tmp_path):
    parts = _parts(tmp_path, table, data={"label": "quality", "cuts": [0.2, 0.5]})
    assert parts.labels == ("under 0.2", "0.5 and over")  # nothing lies between


def test_rows_that_say_nothing_or_something_else_are_left_out_and_counted(table, tmp_path):
    kinds = ["native", "hybrid", "rest", None] * 12
    parts = _parts(
        tmp_path, _changed(table, tmp_path, origin=kinds), data={"labels": ["native", "hybrid"]},
        split={"protocol": "photograph", "allow_leaks": True},
    )  # fmt: skip
    assert parts.labels == ("native", "hybrid")
    assert parts.left_out == {"of another label": 12, "the label is not told": 12}
    assert "left out: 12 rows, of another label" in parts.notes


def test_a_label_with_too_few_pictures_is_not_learnt_unless_it_was_named(table, tmp_path):
    kinds = ["native", "hybrid"] * 23 + ["rest"] * 2
    changed = _changed(table, tmp_path, origin=kinds)
    given = {"protocol": "none", "validation": 0}
    parts = _parts(tmp_path, changed, data={"least": 3}, split=given)
    assert parts.labels == ("hybrid", "native")
    with pytest.raises(SettingError, match=r"data.labels: rest has no 3 pictures to learn from"):
        _parts(tmp_path / "b", changed, data={"least": 3, "labels": ["native", "rest"]}, split=given)


def test_one_label_is_nothing_to_tell_apart(table, tmp_path):
    with pytest.raises(SettingError, match="nothing to tell apart: of origin, 1 labels"):
        _parts(tmp_path, _changed(table, tmp_path, origin="native"))
    with pytest.raises(SettingError, match="no row of the tables has a label in the column sex"):
        _parts(tmp_path, table, data={"label": "sex"})


def test_a_leak_is_refused_by_naming_the_key_that_allows_it(table, tmp_path):
    table = _changed(table, tmp_path, encounter="one")
    config = tiny_classifier(table, split={"protocol": "photograph"})
    with pytest.raises(LeakError, match="--set split.allow_leaks=true"):
        split_tables(config)
    allowed = tiny_classifier(table, split={"protocol": "photograph", "allow_leaks": True})
    parts = write_parts(allowed, *split_tables(allowed), tmp_path / "run")
    assert any("which were allowed" in note for note in parts.notes)
    assert json.loads((tmp_path / "run" / SPLIT / "split.json").read_text())["leaks_allowed"]


def test_what_the_split_cannot_use_is_told_by_its_key(table, tmp_path):
    with pytest.raises(SettingError, match=r"split.train_days means nothing to the protocol individual"):
        _parts(tmp_path, table, split={"train_days": "2024-05-01"})
    with pytest.raises(SettingError, match=r"needs split.train_light"):
        _parts(tmp_path, table, split={"protocol": "daytime"})


def test_the_same_config_parts_the_same_and_a_run_keeps_its_parts(table, tmp_path):
    one, other = (_parts(tmp_path / name, table) for name in "ab")
    assert [_whom(part) for part in (one.train, one.test)] == [_whom(part) for part in (other.train, other.test)]
    again = read_parts(tiny_classifier(table), tmp_path / "a" / "run")
    assert again.train.frame.equals(one.train.frame)
    assert read_split(tmp_path / "a" / "run" / SPLIT).protocol == "individual"
    assert read_parts(tiny_classifier(table), tmp_path / "elsewhere") is None


def test_several_tables_are_one_and_their_pictures_are_found(table, tmp_path):
    more = write_kinds(tmp_path / "more", 4, 2)
    # the animals of both tables bear the same names, and count as the same animals
    parts = _parts(tmp_path, [table, more], split={"allow_leaks": True})
    rows = [(part.folder / row.path).resolve() for part in (parts.train, parts.test) for row in part]
    assert all(path.is_file() for path in rows)
    assert {path.parent for path in rows} == {table.parent, more.parent}
