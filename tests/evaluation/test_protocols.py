from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hanzaki
from hanzaki.evaluation.protocols import MEASURES, one_against_all
from hanzaki.matching import embedding
from tests.fixtures.photographs import write


def brute_force(vectors: np.ndarray, frame: pd.DataFrame) -> np.ndarray:
    """The same with loops, for vectors without ties."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    results = np.full((len(frame), len(MEASURES)), np.nan)
    rows = list(zip(frame["identity"], frame["species"], frame["orientation"], strict=True))
    for query, (identity, *scope) in enumerate(rows):
        others = [other for other, row in enumerate(rows) if other != query and list(row[1:]) == scope]
        others.sort(key=lambda other: -(unit[query] @ unit[other]))
        right = np.array([identity is not None and rows[other][0] == identity for other in others])
        if right.any():
            precision = np.cumsum(right) / np.arange(1, len(right) + 1)
            results[query] = [*(right[:k].any() for k in (1, 5, 10, 20)), precision[right].mean()]
    return results


tables = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", None]), st.sampled_from("xy"), st.sampled_from(["left", "right", None])
    ),
    min_size=2,
    max_size=25,
)


@given(tables, st.integers(0, 99), st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_one_against_all_is_brute_force_whatever_the_block(rows, seed: int, cells: int):
    frame = pd.DataFrame(rows, columns=["identity", "species", "orientation"], dtype=object)
    vectors = np.random.default_rng(seed).normal(size=(len(rows), 5)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedding, "_BLOCK_CELLS", cells)
        ours = one_against_all(list(vectors), frame)
    np.testing.assert_allclose(ours, brute_force(vectors, frame), atol=1e-12)


def test_two_annotations_of_one_animal():
    frame = pd.DataFrame({"identity": ["a", "a"], "species": None, "orientation": None}, dtype=object)
    np.testing.assert_array_equal(one_against_all(list(np.eye(2, dtype=np.float32)), frame), np.ones((2, 5)))


def test_two_annotations_of_two_animals_have_no_true_match():
    frame = pd.DataFrame({"identity": ["a", "b"], "species": None, "orientation": None}, dtype=object)
    assert np.isnan(one_against_all(list(np.eye(2, dtype=np.float32)), frame)).all()


def test_where_all_scores_tie_the_order_of_the_table_gains_nothing():
    identities = ["a"] * 3 + ["b"] * 3
    frame = pd.DataFrame({"identity": identities, "species": None, "orientation": None}, dtype=object)
    results = one_against_all([np.ones(4, np.float32)] * 6, frame)
    np.testing.assert_allclose(results[:, 0], 2 / 5)  # two of the five others are right


@pytest.fixture
def table(tmp_path):
    rows = ["path,identity,orientation"]
    for number in range(12):
        write(tmp_path / f"{number}.jpg", number % 6, size=(60 + number, 48))
        rows.append(f"{number}.jpg,{number % 6},{'left' if number % 6 < 4 else 'right'}")
    write(tmp_path / "alone.jpg", 50)
    write(tmp_path / "nobody.jpg", 51)
    (tmp_path / "broken.jpg").write_bytes(b"")
    rows += ["alone.jpg,alone,left", "nobody.jpg,unknown,left", "broken.jpg,0,left"]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    return tmp_path / "t.csv"


def test_a_table_is_evaluated(table, model_folder):
    result = hanzaki.evaluate(table, model=model_folder, group="orientation")
    assert (result.queries, result.skipped, result.individuals) == (12, 2, 6)
    assert [bad.path.name for bad in result.bad] == ["broken.jpg"]
    assert result.measures["top1"][0] > 0.8  # each animal's two photographs differ in size alone
    assert {name: (group.queries, group.skipped) for name, group in result.groups.items()} == {
        "left": (8, 2),
        "right": (4, 0),
    }


def test_the_json_object_has_the_promised_keys(table, model_folder):
    values = hanzaki.evaluate(table, model=model_folder, group="orientation").as_json()
    promised = {"queries", "skipped", "individuals", *MEASURES, "seconds", "peak_mb"}
    assert set(values) == promised | {"groups", "bad"}
    assert set(values["groups"]["left"]) == promised
    for measure in MEASURES:
        value, low, high = values[measure]
        assert 0 <= low <= value <= high <= 1


def test_a_group_that_is_no_column_is_an_error(table, model_folder):
    with pytest.raises(hanzaki.SettingError, match="'colour'.*orientation"):
        hanzaki.evaluate(table, model=model_folder, group="colour")


def test_a_row_that_stands_twice_does_not_find_itself(table, model_folder):
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0], lines[1], lines[1]]))
    result = hanzaki.evaluate(table, model=model_folder)
    assert (result.queries, result.skipped) == (0, 1)
