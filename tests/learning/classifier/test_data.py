"""Pictures with their labels, balanced as the config says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from hanzaki.exchange.table import read_table
from hanzaki.learning.classifier.data import LabelledPictures, labelled_pictures, sampler_of
from hanzaki.learning.data import Picture
from tests.fixtures.kinds import tiny_classifier, write_kinds


def _pictures(labels: list[int], count: int) -> LabelledPictures:
    names = tuple(map(str, range(count)))
    return LabelledPictures(tuple(Picture(None, None, label) for label in labels), names, None)


@given(st.lists(st.integers(0, 3), min_size=20, max_size=40))
def test_weights_are_scikit_learns_and_one_on_average(labels):
    labels += [0, 1, 2, 3]
    data = _pictures(labels, 4)
    expected = compute_class_weight("balanced", classes=np.arange(4), y=np.array(labels))
    assert data.weights == pytest.approx(expected)
    assert data.weights[labels].mean() == pytest.approx(1)


def test_rows_without_a_learnt_label_are_no_pictures_and_a_row_that_stands_twice_is_one(tmp_path):
    table = write_kinds(tmp_path, 4, 2, kinds=("native", "hybrid", "rest"))
    table.write_text(table.read_text() + "\n" + table.read_text().splitlines()[1])
    data = labelled_pictures(read_table(table), "origin", ("native", "hybrid"))
    assert data.counts == [4, 2]
    assert data.individuals == 3
    assert data.described("cc0-1.0").name == "pictures: 4 of native, 2 of hybrid"


def test_balanced_sampling_shows_every_label_equally_often(tmp_path):
    config = tiny_classifier(tmp_path, loss={"balance": "sampling"}, sampling={"batch": 8})
    labels = [0] * 40 + [1] * 4
    batches = sampler_of(config, _pictures(labels, 2)).batches(0)
    assert all(np.bincount(np.array(labels)[batch]).tolist() == [4, 4] for batch in batches)
    plain = sampler_of(tiny_classifier(tmp_path), _pictures(labels, 2)).batches(0)
    assert np.bincount(np.concatenate(plain), minlength=44).max() == 1
