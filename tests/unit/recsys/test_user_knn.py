"""Sources that carry behaviour over: smoothing by content, item kNN, user kNN."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from recsys.candidates import covisitation, smoothing, user_index, user_knn
from recsys.candidates.neighbours import Neighbours
from recsys.candidates.smoothing import SmoothingConfig
from recsys.candidates.topk import top_k
from recsys.candidates.user_index import UserKnnConfig
from recsys.candidates.user_knn import UserNeighbours

DAY = 86_400_000


def _neighbours(dense: np.ndarray) -> Neighbours:
    return top_k(sparse.csr_matrix(dense.astype(np.float32)), sparse.identity(len(dense), dtype=np.float32).tocsr(), 99)


def _query(rows: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Items acted on once each, one a day, in the order given."""
    items, n = np.unique(np.array(rows, np.int32)), len(set(rows))
    return user_knn.query(items, np.ones(n, np.float32), (np.arange(n) * DAY).astype(np.int64))


@st.composite
def _logs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """(users x items weights, symmetric likeness of items in [0, 1] without a diagonal)."""
    n_users, n_items = draw(st.integers(2, 8)), draw(st.integers(2, 7))
    cells = draw(st.lists(st.integers(0, 3), min_size=n_users * n_items, max_size=n_users * n_items))
    alike = np.array(draw(st.lists(st.integers(0, 4), min_size=n_items**2, max_size=n_items**2)), float)
    alike = alike.reshape(n_items, n_items) / 4
    alike = np.maximum(alike, alike.T)
    np.fill_diagonal(alike, 0)
    return np.array(cells, np.float32).reshape(n_users, n_items), alike


def reference(
    weights: np.ndarray, alike: np.ndarray, query: tuple[np.ndarray, np.ndarray], config: UserKnnConfig
) -> np.ndarray:
    """Soft-cosine user kNN with dense matrices, as its docstring says: float64 (2, n_items), had and alike.

    The query's own norm is left out: it is the same for every neighbour.
    """
    smooth = np.eye(len(alike)) + 0.3 * alike**2
    kernel = smooth @ smooth.T
    usable = (weights > 0).sum(axis=1) >= 2
    rarity = np.maximum(np.log(len(weights) / np.maximum((weights > 0).sum(axis=0), 1)), 0)
    had = np.log1p(weights[usable])
    rare = had * rarity
    norm = np.sqrt(np.maximum(np.einsum("ui,ij,uj->u", rare, kernel, rare), np.finfo(np.float32).tiny))
    mine = np.zeros(len(alike))
    mine[query[0]] = query[1]
    near = (rare / norm[:, None]) @ kernel @ (mine * rarity)
    best = np.argsort(-near, kind="stable")[: config.k]
    best = best[near[best] > 0]
    total = near[best] @ had[best]
    return np.stack([total, total @ smooth])


def _index(weights: np.ndarray, alike: np.ndarray, config: UserKnnConfig) -> UserNeighbours:
    matrix = sparse.csr_matrix(weights)
    return user_index.fit(matrix, smoothing.spread(_neighbours(alike), SmoothingConfig()), config)


@settings(deadline=None)
@given(_logs(), st.integers(1, 4))
def test_user_knn_equals_its_dense_reference(log: tuple[np.ndarray, np.ndarray], n_mine: int) -> None:
    """Scores from the index are those of the formula over dense matrices."""
    weights, alike = log
    config = UserKnnConfig(k=50)
    query = _query([i % weights.shape[1] for i in range(n_mine)])
    found = user_knn.score(_index(weights, alike, config), *query)
    wanted = reference(weights, alike, query, config)
    n_items = weights.shape[1]
    assert np.allclose(_dense(found.had_rows, found.had, n_items), wanted[0], atol=1e-4)
    assert np.allclose(_dense(found.alike_rows, found.alike, n_items), wanted[1], atol=1e-4)


def _dense(rows: np.ndarray, values: np.ndarray, n_items: int) -> np.ndarray:
    assert len(set(rows.tolist())) == len(rows)
    dense = np.zeros(n_items, np.float32)
    dense[rows] = values
    return dense


def test_a_neighbour_may_have_bought_another_shade() -> None:
    """Users who share no item are near each other where their items are alike, and not where they are not."""
    weights = np.zeros((4, 6), np.float32)
    weights[0, [0, 2]] = 1  # red lipstick, and the brush that goes with it
    weights[1, [4, 5]] = 1
    weights[2, [4, 5]] = 1
    weights[3, [3, 5]] = 1
    alike = np.zeros((6, 6))
    alike[0, 1] = alike[1, 0] = 0.9  # item 1 is another red
    mine = _query([1])
    found = user_knn.score(_index(weights, alike, UserKnnConfig()), *mine)
    assert found.had_rows[found.had.argmax()] in (0, 2)
    assert not user_knn.score(_index(weights, np.zeros((6, 6)), UserKnnConfig()), *mine).had.any()


def test_reference_users_are_bounded() -> None:
    """No more than `max_users` users and `max_items` of each are indexed, the strongest first."""
    weights = np.arange(1, 51, dtype=np.float32).reshape(10, 5)
    index = _index(weights, np.zeros((5, 5)), UserKnnConfig(max_users=4, max_items=2))
    assert len(index.indptr) - 1 == 4
    assert np.diff(index.indptr).tolist() == [2, 2, 2, 2]
    assert set(index.items.tolist()) == {3, 4}


def test_nobody_is_near_an_empty_profile() -> None:
    """A cold user gets no score from this source, and no error."""
    found = user_knn.score(_index(np.ones((3, 3), np.float32), np.zeros((3, 3)), UserKnnConfig()), *_query([]))
    assert not found.had.any()
    assert len(found.alike_rows) == 0


def test_bridge_carries_a_transition_to_items_alike() -> None:
    """What follows one shade follows the other shade too, weaker; the dense product S F S says how much."""
    follows = np.zeros((4, 4))
    follows[0, 2] = 1.0  # after item 0 comes item 2
    alike = np.zeros((4, 4))
    alike[0, 1] = alike[1, 0] = 0.8  # 1 is another 0
    alike[2, 3] = alike[3, 2] = 0.5  # 3 is another 2
    config = SmoothingConfig()
    smooth = smoothing.spread(_neighbours(alike), config)
    bridged = smoothing.bridge(_neighbours(follows), smooth, config).matrix().toarray()
    s = np.eye(4) + config.weight * alike**2
    wanted = s @ follows @ s
    np.fill_diagonal(wanted, 0)
    assert np.allclose(bridged, wanted)
    assert bridged[1, 2] > 0
    assert bridged[0, 2] > bridged[0, 3] > bridged[1, 3] > 0


def test_item_knn_equals_its_dense_reference() -> None:
    """Cosine of items over users, each user counting one over the root of their number of items."""
    rng = np.random.default_rng(3)
    weights = (rng.random((30, 8)) < 0.3) * rng.random((30, 8))
    found = covisitation.fit_undirected(sparse.csr_matrix(weights, dtype=np.float32), covisitation.CovisitationConfig())
    had = (weights > 0).astype(float)
    share = had / np.sqrt(np.maximum(had.sum(axis=1, keepdims=True), 1))
    damp = np.maximum(had.sum(axis=0), 1) ** -0.5
    wanted = damp[:, None] * (had.T @ share) * damp[None, :]
    np.fill_diagonal(wanted, 0)
    assert np.allclose(found.matrix().toarray(), wanted, atol=1e-6)
