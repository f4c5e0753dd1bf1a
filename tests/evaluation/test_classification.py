from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
import sklearn.metrics as sk
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional.classification import multiclass_cohen_kappa, multiclass_f1_score

from hanzaki.evaluation.classification import (
    accuracy,
    class_scores,
    cohen_kappa,
    confusion_matrix,
    judge_labels,
    macro_f1,
    statistic_of_tallies,
    tallies_by_individual,
    tallies_of,
    weighted_f1,
)
from hanzaki.evaluation.resampling import Resampling

FEW = Resampling(resamples=100)
LABELS = "abcd"
pairs = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=25)


@given(pairs)
@settings(max_examples=100, deadline=None)
def test_measures_are_scikit_learns(answers: list[tuple[str, str]]):
    truth, named = zip(*answers, strict=True)
    matrix = confusion_matrix(truth, named, LABELS)
    np.testing.assert_array_equal(matrix, sk.confusion_matrix(truth, named, labels=list(LABELS)))
    tallies = tallies_of(matrix)
    assert accuracy(tallies) == pytest.approx(sk.accuracy_score(truth, named))
    assert macro_f1(tallies) == pytest.approx(sk.f1_score(truth, named, average="macro", zero_division=0))
    assert weighted_f1(tallies) == pytest.approx(sk.f1_score(truth, named, average="weighted", zero_division=0))
    expected = sk.precision_recall_fscore_support(truth, named, labels=list(LABELS), zero_division=np.nan)[:3]
    np.testing.assert_allclose(class_scores(tallies).T, expected)
    if len({*truth, *named}) > 1:
        assert cohen_kappa(tallies) == pytest.approx(sk.cohen_kappa_score(truth, named))


def test_measures_are_torchmetrics():
    rng = np.random.default_rng(1)
    truth, named = rng.integers(0, 5, 80), rng.integers(0, 5, 80)
    tallies = tallies_of(confusion_matrix(truth.tolist(), named.tolist(), range(5)))
    both = torch.tensor(named), torch.tensor(truth)
    assert cohen_kappa(tallies) == pytest.approx(float(multiclass_cohen_kappa(*both, 5)), abs=1e-6)
    for ours, average in ((macro_f1, "macro"), (weighted_f1, "weighted")):
        expected = float(multiclass_f1_score(*both, 5, average=average))
        assert ours(tallies) == pytest.approx(expected, abs=1e-6)


@given(pairs)
@settings(max_examples=60, deadline=None)
def test_measures_are_what_counting_gives(answers: list[tuple[str, str]]):
    total, counts = len(answers), Counter(answers)
    true, named = (Counter(column) for column in zip(*answers, strict=True))
    agree = sum(counts[label, label] for label in LABELS) / total
    chance = sum(true[label] * named[label] for label in LABELS) / total**2
    tallies = tallies_of(confusion_matrix(*zip(*answers, strict=True), LABELS))
    if chance == 1:
        assert np.isnan(cohen_kappa(tallies))
    else:
        assert cohen_kappa(tallies) == pytest.approx((agree - chance) / (1 - chance))
    f1 = [2 * counts[label, label] / (true[label] + named[label]) for label in {*true, *named}]
    assert macro_f1(tallies) == pytest.approx(np.mean(f1))


@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS), st.integers(0, 3)), max_size=20))
@settings(max_examples=40, deadline=None)
def test_tallies_of_individuals_add_up(rows: list[tuple[str, str, int]]):
    truth, named, individuals = zip(*rows, strict=True) if rows else ((), (), ())
    tallies, count = tallies_by_individual(truth, named, LABELS, individuals)
    assert count == len(set(individuals))
    np.testing.assert_array_equal(tallies.sum(axis=0), tallies_of(confusion_matrix(truth, named, LABELS)))


def _hybrids() -> tuple[list[str], list[str], list[int]]:
    rng = np.random.default_rng(4)
    individuals = rng.integers(0, 21, 150)
    truth = np.where(individuals < 6, "native", "hybrid")
    named = np.where(rng.random(150) < 0.8, truth, "native")
    return truth.tolist(), named.tolist(), individuals.tolist()


def test_intervals_hold_the_values_and_are_what_scikit_learn_gives_of_each_resample():
    truth, named, individuals = _hybrids()
    result = judge_labels(truth, named, ("native", "hybrid"), individuals, FEW)
    assert result.queries == 150
    assert result.individuals == 21
    for interval in (*result.measures.values(), *(one for by in result.classes.values() for one in by.values())):
        assert interval.low <= interval.value <= interval.high
    assert result.measures["kappa"].low < result.measures["kappa"].high
    rng, truths, answers = np.random.default_rng(FEW.seed), np.array(truth), np.array(named)
    place = {name: number for number, name in enumerate(sorted(set(individuals), key=repr))}
    values = []
    for _ in range(FEW.resamples):
        drawn = rng.multinomial(21, np.full(21, 1 / 21))
        rows = np.repeat(np.arange(150), [drawn[place[individual]] for individual in individuals])
        sample = truths[rows], answers[rows]
        f1 = [sk.f1_score(*sample, average=average) for average in ("macro", "weighted")]
        values.append([sk.accuracy_score(*sample), sk.cohen_kappa_score(*sample), *f1])
    expected = np.quantile(values, [0.025, 0.975], axis=0).T
    np.testing.assert_allclose([interval[1:] for interval in result.measures.values()], expected)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=25), st.data())
@settings(max_examples=60, deadline=None)
def test_where_labels_are_the_individuals_one_drawn_twice_is_two_labels(rows: list[tuple[int, int]], data):
    truth, named = zip(*rows, strict=True)
    matrix = confusion_matrix(truth, named, range(4))
    tallies, count = tallies_by_individual(truth, named, range(4), truth)
    drawn = data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count).filter(any))
    times = dict(zip(sorted(set(truth)), drawn, strict=True))
    copies = [label for label in range(4) for _ in range(times.get(label, 1))]
    f1, chance, right, total, answers = [], 0.0, 0, 0, 0
    for label in copies:
        false = sum(times.get(other, 0) * matrix[other, label] for other in range(4) if other != label)
        own, true = matrix[label, label], matrix[label].sum()
        if own + true + false:
            f1.append(2 * own / (true + own + false))
        right, total, answers = right + own, total + true, answers + own + false
        chance += true * (own + false)
    sums = (np.array(drawn) @ tallies.reshape(count, -1))[None]
    accurate, kappa, macro, _ = statistic_of_tallies(tallies)(sums)[0, :4]
    assert accurate == pytest.approx(right / total)
    assert macro == pytest.approx(np.mean(f1))
    if answers and chance < total * answers:
        chance /= total * answers
        assert kappa == pytest.approx((right / total - chance) / (1 - chance))
    else:
        assert np.isnan(kappa)


def test_where_labels_are_the_individuals_the_interval_is_around_the_value():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 200, 1200)
    named = np.where(rng.random(1200) < 0.8, truth, rng.integers(0, 200, 1200))
    result = judge_labels(truth.tolist(), named.tolist(), range(200), truth.tolist(), FEW)
    for value, low, high in result.measures.values():
        assert value - 0.05 < low < value < high < value + 0.05


def test_a_label_never_given_or_never_true_has_no_score_but_the_others_do():
    result = judge_labels(["a", "a"], ["a", "a"], ["a", "b"], ["one", "two"], FEW)
    assert result.measures["accuracy"] == (1, 1, 1)
    assert result.measures["macro_f1"] == (1, 1, 1)
    assert np.isnan(result.measures["kappa"]).all()
    assert np.isnan(result.classes["b"]["f1"]).all()
    assert json.loads(json.dumps(result.as_json(), allow_nan=False))["classes"]["b"]["f1"] == [None] * 3


def test_without_photographs_there_is_no_value():
    result = judge_labels([], [], ["a", "b"], [], FEW)
    assert result.queries == result.individuals == 0
    assert np.isnan(list(result.measures.values())).all()


@pytest.mark.parametrize(
    ("truth", "named", "labels", "individuals", "text"),
    [
        ("ab", "ac", "ab", "xy", "not in the list of labels: 'c'"),
        ("ab", "ab", "aba", "xy", "stands twice"),
        ("ab", "a", "ab", "xy", "different lengths: 2, 1"),
        ("ab", "ab", "ab", "x", "different lengths: 2, 2, 1"),
    ],
)
def test_columns_that_do_not_fit_are_errors(truth, named, labels, individuals, text):
    with pytest.raises(ValueError, match=text):
        judge_labels(truth, named, labels, individuals, FEW)
