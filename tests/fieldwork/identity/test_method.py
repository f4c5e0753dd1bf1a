from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hanzaki import ModelError, SettingError
from hanzaki.fieldwork.identity.matcher import Matcher
from hanzaki.fieldwork.identity.method import SEX_ERROR, Method, asked_facts, describe_all_of, load_method
from hanzaki.fieldwork.queries import encounter_queries
from hanzaki.matching.evidence import Facts
from tests.fixtures.points import write_finder_folder, write_matcher, write_matcher_folder
from tests.fixtures.rivers import Blank, Cells, Colours, river_of, rows_of


def matcher_of(folder: Path) -> Path:
    """A point matcher that knows the points of ``write_finder_folder``."""
    write_matcher_folder(folder, embedding_size=12)
    write_matcher(folder / "model.onnx", 12)
    return folder


def test_embeddings_choose_for_keypoints_in_whatever_order_they_are_named(model_folder):
    method = load_method(["sift", model_folder])
    assert list(method.kinds.values()) == ["embedding", "keypoints"]
    assert sorted(method.kinds) == list(method.names)
    assert [each.kind for each in load_method("sift").describers] == ["keypoints"]


def test_a_point_matcher_goes_with_the_learned_points_before_it(tmp_path):
    points, other = write_finder_folder(tmp_path / "points"), write_finder_folder(tmp_path / "more", most=5)
    pairs = matcher_of(tmp_path / "pairs")
    method = load_method([points, pairs, other])
    assert [describer for describer, _ in method.matchers] == [method.describers[0].name]
    assert list(method.kinds.values()) == ["keypoints"] * 3
    with pytest.raises(SettingError, match="pairs the keypoints of a model: name that model before it"):
        load_method(["sift", pairs])
    with pytest.raises(SettingError, match="pairs points of 3 numbers, and cells-.* describes them by 12"):
        load_method([points, write_matcher_folder(tmp_path / "strange")])


def test_a_learned_matcher_looks_at_the_shortlist_of_the_votes(tmp_path):
    points, pairs = write_finder_folder(tmp_path / "points"), matcher_of(tmp_path / "pairs")
    method = load_method([points, pairs], verify=4)
    rows = rows_of(tmp_path / "photographs", 5, 2, 1)
    with river_of(tmp_path / "river", tmp_path / "photographs", rows, method) as river:
        matcher = Matcher(river, method)
        (query,) = encounter_queries(matcher.everything, [3])
        found = matcher._gallery.compare(matcher._show(query).asked, matcher.scope)
        votes, learned = (found.scores[name] for name in method.kinds)
        assert np.count_nonzero(~np.isnan(votes)) == 9  # all but its own encounter
        assert np.count_nonzero(~np.isnan(learned)) <= 4


def test_what_cannot_be_a_method(model_folder):
    with pytest.raises(SettingError, match="name a model"):
        load_method([])
    with pytest.raises(SettingError, match="colours is named twice"):
        Method((Colours(), Colours()))
    with pytest.raises(SettingError, match="verify 0"):
        load_method(model_folder, verify=0)
    with pytest.raises(SettingError, match="between 0 and 1"):
        load_method(model_folder, prior_new=1.0)
    with pytest.raises(ModelError, match="'nothing' is no model folder.*there is also 'sift'"):
        load_method("nothing")


def test_records_are_asked_for_in_the_users_words():
    assert asked_facts() == Facts()
    assert asked_facts(sex=True, near=2, years=60) == Facts(sex_error=SEX_ERROR, moved_km=2, oldest_years=60)
    assert not Method((Colours(),)).asks_records
    assert Method((Colours(),), facts=asked_facts(near=2)).asks_records
    for wrong in ({"near": 0}, {"years": float("inf")}, {"near": float("nan")}):
        with pytest.raises(SettingError, match="write a number above zero"):
            asked_facts(**wrong)


def test_each_describer_describes_everything_and_what_cannot_be_read_is_told_once(tmp_path):
    rows = rows_of(tmp_path / "photographs", 3, 1, 1)
    with river_of(tmp_path / "river", tmp_path / "photographs", rows) as river:
        gone = next(path for path in (river.folder / "media").rglob("*.png"))
        gone.unlink()
        report = describe_all_of(river, Method((Colours(), Cells())))
        assert (report.described, report.known, len(report.skipped)) == (4, 0, 1)
        again = describe_all_of(river, Method((Colours(), Blank())))
        assert (again.described, again.known) == (2, 2)


def test_an_interruption_stops_all_describers(tmp_path):
    def stop(_what: str, _done: int, _total: int) -> None:
        raise KeyboardInterrupt

    rows = rows_of(tmp_path / "photographs", 3, 1, 1)
    with river_of(tmp_path / "river", tmp_path / "photographs", rows) as river:
        report = describe_all_of(river, Method((Colours(), Cells())), stop)
        assert (report.interrupted, report.described) == (True, 3)  # what the first had done is kept
        assert describe_all_of(river, Method((Colours(), Cells()))).described == 3
