"""Co-visitation: directed (what the same users went on to) and undirected (what the same users have).

Directed pairs count less the more events lie between and the older they are; events of one time (a basket) count in
both directions. Undirected is item kNN: the cosine of two items' users, where a user with many items says less of
each. Both are damped by popularity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recsys.candidates.neighbours import Neighbours
from recsys.candidates.topk import top_k


@dataclass(frozen=True, slots=True)
class CovisitationConfig:
    """`window` following events; `decay` per event between; exponents damp the popularity of either end.

    A tie's weight is count / (n_from ** from_damping * n_to ** to_damping): 1/2 and 1/2 make a cosine, less on the far
    end lets popular items through. `max_items`: newest items of a user that item kNN pairs up, so that one account
    with ten thousand items does not cost a hundred million pairs.
    """

    window: int = 12
    decay: float = 0.85
    from_damping: float = 0.5
    to_damping: float = 0.3
    half_life_days: float = 365.0
    k: int = 100
    max_items: int = 500


def fit_directed(
    user_row: NDArray[np.int32],
    item_row: NDArray[np.int32],
    time_ms: NDArray[np.int64],
    *,
    age_days: NDArray[np.float64],
    n_items: int,
    config: CovisitationConfig,
) -> tuple[Neighbours, Neighbours]:
    """(following, preceding) neighbours of events sorted by user and time; `age_days` before `as_of`.

    Memory: the summed pair matrix, at most `window` entries per event. Time: `window` passes over the events.
    """
    pairs = sparse.csr_matrix((n_items, n_items), dtype=np.float32)
    fresh = np.exp2(-age_days / config.half_life_days).astype(np.float32)
    for step in range(1, min(config.window, max(len(item_row) - 1, 1)) + 1):
        same_user = user_row[step:] == user_row[:-step]
        earlier, later = item_row[:-step][same_user], item_row[step:][same_user]
        one_time = time_ms[step:][same_user] == time_ms[:-step][same_user]
        rows = np.concatenate([earlier, later[one_time]])
        cols = np.concatenate([later, earlier[one_time]])
        counted = fresh[step:][same_user]
        weight = np.float32(config.decay ** (step - 1)) * np.concatenate([counted, counted[one_time]])
        pairs = pairs + sparse.coo_matrix((weight, (rows, cols)), shape=pairs.shape).tocsr()
    popularity = np.bincount(item_row, minlength=n_items)
    near, far = _damping(popularity, config.from_damping), _damping(popularity, config.to_damping)
    following = top_k(sparse.csr_matrix(near @ pairs), far, config.k)
    return following, top_k(sparse.csr_matrix(near @ pairs.T.tocsr()), far, config.k)


def fit_undirected(user_items: sparse.csr_matrix, config: CovisitationConfig) -> Neighbours:
    """Item kNN from float32 (users, items); only whether a user has an item counts, one over the root of how many.

    Memory: k entries an item. Time: the sum over users of min(items, max_items)².
    """
    had = user_items.copy()
    had.data = np.ones_like(had.data)
    per_user = np.diff(had.indptr)
    share = np.repeat(1 / np.sqrt(np.maximum(per_user, 1)), per_user).astype(np.float32)
    weighted = sparse.csr_matrix((share, had.indices, had.indptr), shape=had.shape)
    damp = _damping(np.asarray(had.getnnz(axis=0)).ravel(), 0.5)
    return top_k(sparse.csr_matrix(damp @ had.T.tocsr()), sparse.csr_matrix(weighted @ damp), config.k)


def _damping(popularity: NDArray[np.int64], exponent: float) -> sparse.csr_matrix:
    counted = np.where(popularity > 0, np.maximum(popularity, 1).astype(np.float64) ** -exponent, 0)
    return sparse.csr_matrix(sparse.diags_array(counted, dtype=np.float32))
