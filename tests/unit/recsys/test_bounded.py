"""What bounds the memory of a build changes nothing of what it builds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from recsys.candidates import als, covisitation
from recsys.candidates.covisitation import CovisitationConfig
from recsys.candidates.neighbours import Neighbours, stacked
from recsys.candidates.topk import strongest_items
from recsys.profiles.store import Histories, History

N_ITEMS = 12


def _log(rng: np.random.Generator, n: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    """Events by user and time; some share their time."""
    user, time_ms = np.sort(rng.integers(0, 5, n)), rng.integers(0, 8, n)
    order = np.lexsort((time_ms, user))
    return user.astype(np.int32), rng.integers(0, N_ITEMS - 1, n).astype(np.int32), time_ms[order].astype(np.int64)


def _directed_reference(
    user: NDArray[np.int32], item: NDArray[np.int32], time_ms: NDArray[np.int64], config: CovisitationConfig
) -> NDArray[np.float64]:
    """Undamped (from, to): every pair of events of a user within the window, looked at one by one."""
    counts = np.zeros((N_ITEMS, N_ITEMS))
    for a in range(len(user)):
        for b in range(a + 1, min(a + config.window, len(user) - 1) + 1):
            if user[a] == user[b]:
                weight = config.decay ** (b - a - 1)
                counts[item[a], item[b]] += weight
                if time_ms[a] == time_ms[b]:
                    counts[item[b], item[a]] += weight
    np.fill_diagonal(counts, 0)
    return counts


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 60), block=st.integers(1, 70))
def test_directed_pairs_equal_their_dense_reference_in_blocks_of_any_size(seed: int, n: int, block: int) -> None:
    """Blocks of items give the bits that one block gives, and what looking at every pair of events gives."""
    user, item, time_ms = _log(np.random.default_rng(seed), n)
    config = CovisitationConfig()
    found, whole = (
        covisitation.fit_directed(
            user, item, time_ms, age_days=np.zeros(n), n_items=N_ITEMS, config=config, block=events
        )
        for events in (block, n)
    )
    for part, at_once in zip(found, whole, strict=True):
        for name in ("indptr", "indices", "values"):
            assert getattr(part, name).tobytes() == getattr(at_once, name).tobytes()
    counts = _directed_reference(user, item, time_ms, config)
    n_of = np.maximum(np.bincount(item, minlength=N_ITEMS), 1.0)
    for part, dense in zip(found, (counts, counts.T), strict=True):
        damped = dense / n_of[:, None] ** config.from_damping / n_of[None, :] ** config.to_damping
        assert np.allclose(part.matrix().toarray(), damped, rtol=1e-5)


def test_no_blocks_are_no_neighbours() -> None:
    """A catalogue without items has neighbours of none."""
    assert stacked([]).n_items == 0
    one = Neighbours(np.array([0, 1]), np.array([1], np.int32), np.array([0.5], np.float32))
    assert stacked([one, one]).row(1)[0].tolist() == [1]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), limit=st.integers(1, 9))
def test_strongest_items_are_the_largest_of_each_row(seed: int, limit: int) -> None:
    """Row by row, a stable sort of the values gives the same; rows within the limit stay as they are."""
    rng = np.random.default_rng(seed)
    dense = (rng.random((7, 8)) < 0.6) * rng.integers(1, 4, (7, 8))
    kept = strongest_items(sparse.csr_matrix(dense, dtype=np.float32), limit).toarray()
    for row, left in zip(dense, kept, strict=True):
        best = [at for at in np.argsort(-row, kind="stable") if row[at]][:limit]
        wanted = np.zeros(8)
        wanted[best] = row[best]
        assert left.tolist() == wanted.tolist()


def test_item_knn_looks_at_a_bounded_number_of_items_of_a_user() -> None:
    """An account with everything pairs up its strongest items only."""
    everything = sparse.csr_matrix(np.arange(1, 7, dtype=np.float32)[None, :])
    found = covisitation.fit_undirected(everything, CovisitationConfig(max_items=2))
    assert np.flatnonzero(np.diff(found.indptr)).tolist() == [4, 5]


def test_als_learns_from_a_bounded_number_of_users() -> None:
    """Beyond `max_users` a seeded sample: the same factors as that sample alone, and none for items only others had."""
    rng = np.random.default_rng(1)
    dense = (rng.random((30, 6)) < 0.5).astype(np.float32)
    chosen = np.sort(np.random.default_rng(7).choice(30, 10, replace=False))
    dense[chosen, 5] = 0
    config = als.AlsConfig(factors=4, max_users=10)
    factors = als.fit(sparse.csr_matrix(dense), config).factors
    assert np.array_equal(factors, als.fit(sparse.csr_matrix(dense[chosen]), config).factors)
    assert not factors[5].any()


def test_items_nobody_met_leave_als_as_it_was() -> None:
    """Items without events, wherever they stand in the catalogue, do not move the others' factors by a bit."""
    rng = np.random.default_rng(2)
    dense = (rng.random((30, 6)) < 0.5).astype(np.float32)
    wide = np.insert(dense, [0, 3], 0, axis=1)
    narrow, found = (als.fit(sparse.csr_matrix(d), als.AlsConfig(factors=4)).factors for d in (dense, wide))
    assert np.array_equal(np.delete(found, [0, 4], axis=0), narrow)


@pytest.mark.parametrize("chosen", [[], [2], [0, 3]])
def test_some_users_histories(chosen: list[int]) -> None:
    """`only` keeps the chosen users' events and everybody's row."""
    n = 7
    events = History(
        np.arange(n, dtype=np.int32), np.zeros(n, np.int32), np.arange(n), np.zeros(n, np.int8),
        *(np.zeros(n, np.float32),) * 3,
    )  # fmt: skip
    histories = Histories(np.array([0, 2, 2, 5, 7]), events)
    left = histories.only(np.array(chosen, np.int64))
    for user in range(4):
        wanted = histories.of(user).item_row.tolist() if user in chosen else []
        assert left.of(user).item_row.tolist() == wanted
