"""Directed co-visitation: what the same users went on to, within a window of following events.

A pair counts less the more events lie between, and is damped by both items' popularity (a cosine where the
exponents are 1/2). Events of one time (a basket) count in both directions.
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
    """`window` following events; `decay` per event between; `damping` exponents of the two counts."""

    window: int = 12
    decay: float = 0.85
    damping: float = 0.5
    k: int = 100


def fit(
    user_row: NDArray[np.int32],
    item_row: NDArray[np.int32],
    time_ms: NDArray[np.int64],
    n_items: int,
    config: CovisitationConfig,
) -> tuple[Neighbours, Neighbours]:
    """(forward, backward) neighbours of events sorted by user and time.

    Memory: the summed pair matrix, at most `window` entries per event. Time: `window` passes over the events.
    """
    pairs = sparse.csr_matrix((n_items, n_items), dtype=np.float32)
    for step in range(1, min(config.window, max(len(item_row) - 1, 1)) + 1):
        same_user = user_row[step:] == user_row[:-step]
        earlier, later = item_row[:-step][same_user], item_row[step:][same_user]
        one_time = time_ms[step:][same_user] == time_ms[:-step][same_user]
        rows = np.concatenate([earlier, later[one_time]])
        cols = np.concatenate([later, earlier[one_time]])
        weight = np.full(len(rows), config.decay ** (step - 1), np.float32)
        pairs = pairs + sparse.coo_matrix((weight, (rows, cols)), shape=pairs.shape).tocsr()
    popularity = np.bincount(item_row, minlength=n_items).astype(np.float64)
    damp = np.where(popularity > 0, np.maximum(popularity, 1) ** -config.damping, 0)
    scale = sparse.diags_array(damp, dtype=np.float32).tocsr()
    forward, right = sparse.csr_matrix(scale @ pairs), sparse.csr_matrix(scale)
    backward = sparse.csr_matrix(scale @ pairs.T.tocsr())
    return top_k(forward, right, config.k), top_k(backward, right, config.k)
