from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hanzaki
from hanzaki.evaluation.naming import judge_names, name_by_nearest
from hanzaki.evaluation.protocols import Described
from tests.fixtures.animals import write_animals
from tests.fixtures.models import write_model


def _described(*rows: tuple[str | None, str | None, list[float]]) -> Described:
    frame = pd.DataFrame(
        {
            "identity": [name for name, _, _ in rows],
            "species": ["newt"] * len(rows),
            "orientation": [side for _, side, _ in rows],
        },
        dtype=object,
    )
    vectors = [np.array(vector, np.float32) for *_, vector in rows]
    return Described(frame, vectors, (), lambda row: np.zeros((1, 1, 3), np.uint8), 0.0)


def test_each_is_given_the_name_of_the_most_alike():
    known = _described(("ann", "left", [1, 0]), ("bea", "left", [0, 1]))
    named = name_by_nearest(known, _described(("bea", "left", [1, 9]), ("ann", "left", [2, 9])))
    assert named["given"].tolist() == ["bea", "bea"]
    assert named["identity"].tolist() == ["bea", "ann"]
    np.testing.assert_allclose(named["score"], [9 / 82**0.5, 9 / 85**0.5], rtol=1e-5)


def test_sides_are_not_compared_with_each_other():
    known = _described(("ann", "left", [1, 0]), ("bea", "right", [0, 1]))
    named = name_by_nearest(known, _described(("?", "left", [0, 1]), ("?", "right", [1, 0])))
    assert named["given"].tolist() == ["ann", "bea"]


def test_where_no_side_is_told_all_are_compared():
    known = _described(("ann", None, [1, 0]), ("bea", None, [0, 1]))
    assert name_by_nearest(known, _described(("?", None, [0, 1])))["given"].tolist() == ["bea"]


def test_a_side_of_which_nobody_is_known_gets_no_name():
    named = name_by_nearest(_described(("ann", "left", [1, 0])), _described(("?", "front", [1, 0])))
    assert named["given"].tolist() == [None]
    assert named["score"].tolist() == [-np.inf]


def test_known_and_strangers_are_judged_apart():
    known = _described(("ann", "left", [1, 0, 0]), ("bea", "left", [0, 1, 0]))
    asked = _described(
        ("ann", "left", [9, 1, 0]),
        ("bea", "left", [9, 2, 0]),  # taken for ann
        ("cid", "left", [1, 1, 9]),  # a stranger, like nobody
        (None, "left", [1, 0, 0]),
    )
    judged = judge_names(known, asked)
    assert judged.closed is not None
    assert judged.closed.queries == 2
    assert judged.closed.measures["accuracy"].value == 0.5
    assert judged.open is not None
    assert (judged.open.known, judged.open.unknown, judged.open.auroc.value) == (2, 1, 1.0)
    assert judged.answers["known"].tolist() == [True, True, False]


def test_the_same_name_of_another_species_is_a_stranger():
    known, asked = _described(("ann", "left", [1, 0])), _described(("ann", "left", [1, 0]))
    asked.frame["species"] = "frog"
    judged = judge_names(known, asked)
    assert judged.closed is None
    assert not judged.answers["known"].any()


def test_names_against_a_reference_refuse_leaks_unless_told(tmp_path):
    table = write_animals(tmp_path, 4, 3)
    model = write_model(tmp_path / "model")
    with pytest.raises(hanzaki.LeakError, match="leaks"):
        hanzaki.evaluate_against(table, table, model=model)
    judged = hanzaki.evaluate_against(table, table, model=model, allow_leaks=True)
    assert judged.closed is not None
    assert judged.closed.measures["accuracy"].value == 1.0  # each finds itself
    assert sum(judged.as_json()["leaks"].values()) > 0
