"""Candidate sources against slow references and planted answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse
from threadpoolctl import threadpool_limits

from recsys.candidates import als, content, covisitation
from recsys.candidates.foldin import confidence
from recsys.candidates.neighbours import Neighbours, score, score_reference, strongest
from recsys.candidates.topk import top_k
from recsys.errors import EmptyWindowError

DAY = 86_400_000


def _checkerboard(n: int = 40) -> sparse.csr_matrix:
    """Even users like even items, odd users odd ones, except the diagonal."""
    dense = (np.add.outer(np.arange(n), np.arange(n)) % 2 == 0).astype(np.float32)
    np.fill_diagonal(dense, 0)
    return sparse.csr_matrix(dense)


def test_als_finds_the_missing_square_of_a_checkerboard() -> None:
    """A user who has every item of a colour but one gets that one."""
    board = _checkerboard()
    factors = als.fit(board, als.AlsConfig(factors=3, iterations=20, regularization=0.01))
    for user in range(40):
        row = board[user]
        scores = factors.scores(factors.user_factor(row.indices, row.data), np.arange(40, dtype=np.int32))
        scores[row.indices] = -np.inf
        assert int(scores.argmax()) == user


def test_folding_in_equals_implicits_own_solution() -> None:
    """The fold-in is the exact least-squares solution that implicit computes for the same history."""
    board = _checkerboard()
    config = als.AlsConfig(factors=8, regularization=0.5)
    factors = als.fit(board, config)
    model = AlternatingLeastSquares(factors=8, regularization=0.5, use_cg=False, num_threads=1)
    model.item_factors = factors.factors
    model.user_factors = np.zeros((40, 8), np.float32)
    weighted = board.copy()
    weighted.data = confidence(weighted.data, config.alpha)
    with threadpool_limits(limits=1, user_api="blas"):
        for user in range(0, 40, 7):
            expected = model.recalculate_user(user, weighted[user])
            got = factors.user_factor(board[user].indices, board[user].data)
            np.testing.assert_allclose(got, np.ravel(expected), rtol=1e-3, atol=1e-5)


def test_als_refuses_an_empty_log() -> None:
    """Nothing to learn from is an error with a remedy, not a model of noise."""
    with pytest.raises(EmptyWindowError, match="widen"):
        als.fit(sparse.csr_matrix((3, 3), dtype=np.float32), als.AlsConfig())


def test_an_item_nobody_touched_has_no_als_opinion() -> None:
    """Random initial factors of unseen items must not leak into scores."""
    board = sparse.hstack([_checkerboard(), sparse.csr_matrix((40, 5), dtype=np.float32)]).tocsr()
    factors = als.fit(board, als.AlsConfig(factors=8))
    assert not factors.factors[40:].any()


def test_covisitation_follows_the_direction_of_time() -> None:
    """Everyone goes a, b, c: b follows a, a does not follow b."""
    users = np.repeat(np.arange(6), 3).astype(np.int32)
    items = np.tile([0, 1, 2], 6).astype(np.int32)
    times = np.tile([0, DAY, 2 * DAY], 6).astype(np.int64)
    forward, backward = covisitation.fit_directed(
        users, items, times, age_days=np.zeros(18), n_items=4, config=covisitation.CovisitationConfig()
    )
    assert forward.row(0)[0].tolist() == [1, 2]
    assert forward.row(2)[0].tolist() == []
    assert backward.row(2)[0].tolist() == [1, 0]
    assert forward.row(3)[0].tolist() == []


def test_a_basket_counts_both_ways() -> None:
    """Items bought at one moment have no order."""
    users, items = np.array([0, 0], np.int32), np.array([0, 1], np.int32)
    forward, backward = covisitation.fit_directed(
        users, items, np.zeros(2, np.int64), age_days=np.zeros(2), n_items=2, config=covisitation.CovisitationConfig()
    )
    assert forward.row(0)[0].tolist() == backward.row(0)[0].tolist() == [1]
    assert forward.row(1)[0].tolist() == [0]


def test_content_puts_like_texts_together() -> None:
    """The nearest text of each is its pair; a text without words has no neighbour."""
    texts = ["red wool scarf", "blue wool scarf", "steel water bottle", "glass water bottle", ""]
    alike = content.fit(texts, texts, content.ContentConfig(k=2))
    assert [alike.row(i)[0][0] for i in range(4)] == [1, 0, 3, 2]
    assert len(alike.row(4)[0]) == 0


@st.composite
def _similarities(draw: st.DrawFn) -> np.ndarray:
    n = draw(st.integers(2, 12))
    values = draw(st.lists(st.integers(0, 5), min_size=n * n, max_size=n * n))
    return np.array(values, np.float32).reshape(n, n)


@given(_similarities(), st.integers(1, 4))
def test_top_k_equals_sorting_the_dense_matrix(dense: np.ndarray, k: int) -> None:
    """The kept values of each row are its k largest off the diagonal, in descending order, ties by column."""
    n = len(dense)
    kept = top_k(sparse.csr_matrix(dense), sparse.identity(n, dtype=np.float32, format="csr"), k)
    for row in range(n):
        expected = np.sort(np.delete(dense[row], row))[::-1]
        expected = expected[expected > 0][:k]
        np.testing.assert_array_equal(kept.row(row)[1], expected)
        indices, values = kept.row(row)
        assert row not in indices
        assert np.array_equal(np.lexsort((indices, -values)), np.arange(len(indices)))


@settings(max_examples=60)
@given(_similarities(), st.data())
def test_fast_scoring_equals_the_reference(dense: np.ndarray, data: st.DataObject) -> None:
    """Scores by compiled loops equal the obvious double loop."""
    n = len(dense)
    near = top_k(sparse.csr_matrix(dense), sparse.identity(n, dtype=np.float32, format="csr"), 3)
    recent = np.array(data.draw(st.lists(st.integers(0, n - 1), unique=True)), np.int32)
    weight = (0.5 ** np.arange(len(recent))).astype(np.float32)
    session = np.sort(np.array(data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))))[: len(recent)]
    fast, slow = (f(near, recent, weight, session.astype(np.int32)) for f in (score, score_reference))
    dense = np.zeros((4, n), np.float32)
    dense[:, fast.rows] = fast.values
    np.testing.assert_array_equal(dense, slow)


def test_the_strongest_tie_is_the_evidence() -> None:
    """Of the recent items, the one most similar to the candidate is named; none means -1."""
    near = Neighbours(np.array([0, 1, 2, 2]), np.array([2, 2], np.int32), np.array([0.2, 0.9], np.float32))
    assert strongest(near, np.array([0, 1], np.int32), 2)[0] == 1
    assert strongest(near, np.array([2], np.int32), 0) == (-1, 0.0)
