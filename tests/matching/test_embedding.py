from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import cosine_similarity

from hanzaki.matching import embedding
from hanzaki.matching.embedding import EmbeddingIndex


def vectors(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 7)).astype(np.float32)


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 99), st.integers(1, 100))
@settings(deadline=None)
def test_scores_are_cosines_whatever_the_block(queries: int, gallery: int, seed: int, cells: int):
    asked, known = vectors(queries, seed), vectors(gallery, seed + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedding, "_BLOCK_CELLS", cells)
        blocks = list(EmbeddingIndex(known).search(asked))
    assert all(block.size <= max(cells, gallery) for block in blocks)
    np.testing.assert_allclose(np.concatenate(blocks), cosine_similarity(asked, known), atol=1e-5)


def test_what_is_excluded_is_out_of_the_contest():
    known = vectors(5, 0)
    exclude = [np.array([query]) for query in range(5)]
    (scores,) = EmbeddingIndex(known).search(known, exclude)
    assert (np.diag(scores) == -np.inf).all()
    assert np.isfinite(scores[~np.eye(5, dtype=bool)]).all()


def test_a_vector_of_zeros_is_like_nothing():
    (scores,) = EmbeddingIndex(np.zeros((2, 7), np.float32)).search(vectors(3, 0))
    assert (scores == 0).all()


def test_an_empty_gallery_has_no_scores():
    (scores,) = EmbeddingIndex([]).search(vectors(3, 0))
    assert scores.shape == (3, 0)
