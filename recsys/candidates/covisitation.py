"""Co-visitation: directed (what the same users went on to) and undirected (what the same users have).

Directed pairs count less the more events lie between and the older they are; events of one time (a basket) count in
both directions. Undirected is item kNN: the cosine of two items' users, where a user with many items says less of
each. Both are damped by popularity.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recsys.candidates.neighbours import Neighbours, stacked
from recsys.candidates.topk import strongest_items, top_k

BLOCK = 4_000_000
"""Events whose pairs are held at once: at most about a gigabyte."""


@dataclass(frozen=True, slots=True)
class CovisitationConfig:
    """`window` following events; `decay` per event between; exponents damp the popularity of either end.

    A tie's weight is count / (n_from ** from_damping * n_to ** to_damping): 1/2 and 1/2 make a cosine, less on the far
    end lets popular items through. `max_items`: strongest items of a user that item kNN pairs up, so that one account
    with ten thousand items does not cost a hundred million pairs.
    """

    window: int = 12
    decay: float = 0.85
    from_damping: float = 0.5
    to_damping: float = 0.3
    half_life_days: float = 365.0
    k: int = 100
    max_items: int = 2_000


def fit_directed(
    user_row: NDArray[np.int32],
    item_row: NDArray[np.int32],
    time_ms: NDArray[np.int64],
    *,
    age_days: NDArray[np.float64],
    n_items: int,
    config: CovisitationConfig,
    block: int = BLOCK,
) -> tuple[Neighbours, Neighbours]:
    """(following, preceding) neighbours of events sorted by user and time; `age_days` before `as_of`.

    Items are taken in blocks of about `block` events, each whole, so the result does not depend on it. Memory: the
    pairs of one block, at most `window` per event and direction. Time: `window` passes over the events.
    """
    fresh = np.exp2(-age_days / config.half_life_days).astype(np.float32)
    log = (user_row, item_row, time_ms, fresh)
    popularity = np.bincount(item_row, minlength=n_items)
    near, far = _damping(popularity, config.from_damping), _damping(popularity, config.to_damping)
    following: list[Neighbours] = []
    preceding: list[Neighbours] = []
    for items in _blocks(popularity, block):
        at = np.flatnonzero((item_row >= items.start) & (item_row < items.stop))
        for found, direction in ((following, 1), (preceding, -1)):
            pairs = _pairs(log, at, items, n_items, direction=direction, config=config)
            damped = sparse.csr_matrix(near[items.start : items.stop, items.start : items.stop] @ pairs)
            found.append(top_k(damped, far, config.k, first_row=items.start))
    return stacked(following), stacked(preceding)


def _blocks(popularity: NDArray[np.int64], block: int) -> Iterator[range]:
    """Consecutive items with at most `block` events together, or one item with more."""
    total = np.cumsum(popularity)
    start = 0
    while start < len(total):
        before = int(total[start - 1]) if start else 0
        stop = max(int(np.searchsorted(total, before + block, side="right")), start + 1)
        yield range(start, stop)
        start = stop


def _pairs(
    log: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64], NDArray[np.float32]],
    at: NDArray[np.int64],
    items: range,
    n_items: int,
    *,
    direction: int,
    config: CovisitationConfig,
) -> sparse.csr_matrix:
    """Weighted pairs of the events `at`, those of `items`, with later (1) or earlier (-1) ones; (items, n_items)."""
    user_row, item_row, time_ms, fresh = log
    pairs = sparse.csr_matrix((len(items), n_items), dtype=np.float32)
    for step in range(1, min(config.window, max(len(item_row) - 1, 1)) + 1):
        rows, cols, weights = [], [], []
        for side in (direction, -direction):
            other = at + side * step
            inside = (other >= 0) & (other < len(item_row))
            own, other = at[inside], other[inside]
            linked = user_row[own] == user_row[other]
            if side != direction:
                linked &= time_ms[own] == time_ms[other]
            own, other = own[linked], other[linked]
            rows.append(item_row[own] - items.start)
            cols.append(item_row[other])
            weights.append(fresh[np.maximum(own, other)])
        weight = np.float32(config.decay ** (step - 1)) * np.concatenate(weights)
        entries = (weight, (np.concatenate(rows), np.concatenate(cols)))
        pairs = pairs + sparse.coo_matrix(entries, shape=pairs.shape).tocsr()
    return pairs


def fit_undirected(user_items: sparse.csr_matrix, config: CovisitationConfig) -> Neighbours:
    """Item kNN from float32 (users, items); only whether a user has an item counts, one over the root of how many.

    Memory: k entries an item. Time: the sum over users of min(items, max_items)².
    """
    had = strongest_items(user_items, config.max_items).copy()
    had.data = np.ones_like(had.data)
    per_user = np.diff(had.indptr)
    share = np.repeat(1 / np.sqrt(np.maximum(per_user, 1)), per_user).astype(np.float32)
    weighted = sparse.csr_matrix((share, had.indices, had.indptr), shape=had.shape)
    damp = _damping(np.asarray(had.getnnz(axis=0)).ravel(), 0.5)
    return top_k(sparse.csr_matrix(damp @ had.T.tocsr()), sparse.csr_matrix(weighted @ damp), config.k)


def _damping(popularity: NDArray[np.int64], exponent: float) -> sparse.csr_matrix:
    counted = np.where(popularity > 0, np.maximum(popularity, 1).astype(np.float64) ** -exponent, 0)
    return sparse.csr_matrix(sparse.diags_array(counted, dtype=np.float32))
