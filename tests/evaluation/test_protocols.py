from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hanzaki
from hanzaki.evaluation.metrics import ranking_metrics
from hanzaki.evaluation.protocols import MEASURES, answer_all, one_against_all
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


def framed(rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["identity", "species", "orientation"], dtype=object)


@given(tables, st.integers(0, 99), st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_is_kept_of_each_query_is_brute_force(rows, seed: int, ties: bool):
    rng = np.random.default_rng(seed)
    # few whole numbers in two dimensions: many scores tie
    vectors = (rng.integers(0, 2, (len(rows), 2)) if ties else rng.normal(size=(len(rows), 5))).astype(np.float32)
    answers = answer_all(list(vectors), framed(rows))
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(lengths > 0, lengths, 1)
    for row, query in enumerate(answers.query.tolist()):
        scope = [other for other, cells in enumerate(rows) if cells[1:] == rows[query][1:] and other != query]
        scores = {other: round(float(unit[query] @ unit[other]), 5) for other in scope}
        ranked = sorted(scores.values(), reverse=True)
        right = [other for other in scope if rows[other][0] == rows[query][0]]
        best = max(scores[other] for other in right)
        nearest = [at for at in answers.nearest[row].tolist() if at >= 0]
        assert [scores[at] for at in nearest] == ranked[:5]
        assert len(set(nearest)) == len(nearest) == min(5, len(scope))
        np.testing.assert_allclose(answers.scores[row, : len(nearest)], ranked[:5], atol=1e-4)
        assert answers.match[row] in right
        assert scores[answers.match[row]] == best
        assert (answers.contest[row], answers.matches[row]) == (len(scope), len(right))
        individuals = {other: rows[other][0] or other for other in scope}
        tops = sorted(
            {
                name: max(scores[o] for o in scope if individuals[o] == name) for name in individuals.values()
            }.values()
        )
        if len(tops) > 1:
            assert answers.margin[row] == pytest.approx(tops[-1] - tops[-2], abs=1e-4)
        else:
            assert np.isnan(answers.margin[row])
        assert answers.right[row] == (nearest[0] in right)


@given(tables, st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_the_match_curve_is_top_k_at_every_k_and_chance_what_ties_give(rows, seed: int):
    vectors = np.random.default_rng(seed).integers(0, 2, (len(rows), 2)).astype(np.float32)
    answers = answer_all(list(vectors), framed(rows))
    np.testing.assert_allclose(answers.match_curve((1, 5, 10, 20)), answers.measures[:, :4], atol=1e-12)
    np.testing.assert_allclose(answers.match_curve([len(rows)]), 1)
    for row in range(len(answers)):
        relevant = np.arange(answers.contest[row]) < answers.matches[row]
        expected = ranking_metrics(np.zeros(len(relevant)), relevant, (1, 2, 3))[:3]
        np.testing.assert_allclose(answers.chance_curve((1, 2, 3))[row], expected)
    # the mean place of the first right one is the mean of the chances to be later
    later = 1 - answers.match_curve(range(len(rows)))
    np.testing.assert_allclose(answers.rank, later.sum(axis=1), atol=1e-9)


def test_ties_stand_in_an_order_that_the_table_does_not_decide():
    count = 60
    frame = framed([(name, None, None) for name in ["a"] * count + ["b"] * count])
    answers = answer_all([np.ones(3, np.float32)] * (2 * count), frame)
    assert 0.3 < (answers.nearest < count).mean() < 0.7
    assert np.isfinite(answers.margin).all()
    assert not answers.margin.any()


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


def test_what_each_query_was_answered_is_kept(table, model_folder):
    result = hanzaki.evaluate(table, model=model_folder)
    answers = result.answers
    assert answers is not None
    assert len(answers) == result.queries
    rows = answers.as_frame()
    assert list(rows["path"]) == [f"{number}.jpg" for number in range(12)]
    assert rows["right"].mean() == pytest.approx(result.measures["top1"][0])
    assert list(rows["path_of_match"][:2]) == ["6.jpg", "7.jpg"]


def test_the_json_object_has_the_promised_keys(table, model_folder):
    values = hanzaki.evaluate(table, model=model_folder, group="orientation").as_json()
    promised = {"queries", "skipped", "individuals", *MEASURES, "seconds", "peak_mb"}
    assert set(values) == promised | {"groups", "bad", "leaks"}
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
