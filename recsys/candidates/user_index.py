"""The offline half of user kNN: choose the reference users, weigh their items, index them both ways."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recsys.candidates.neighbours import Neighbours
from recsys.candidates.topk import largest, strongest_items
from recsys.candidates.user_knn import UserNeighbours


@dataclass(frozen=True, slots=True)
class UserKnnConfig:
    """`k` neighbours out of at most `max_users` reference users with their `max_items` strongest items.

    `kernel` entries of S Sᵀ are kept per item. Together these bound memory and time.
    """

    k: int = 200
    max_users: int = 50_000
    max_items: int = 200
    kernel: int = 60
    seed: int = 7


def fit(user_items: sparse.csr_matrix, alike: sparse.csr_matrix, config: UserKnnConfig) -> UserNeighbours:
    """Index decayed event weights, float32 (users, items), with the smoothing matrix S of `smoothing.spread`."""
    kernel = largest(alike, alike.T.tocsr(), config.kernel)
    chosen = reference_users(np.diff(user_items.indptr), config)
    had = strongest_items(sparse.csr_matrix(user_items[chosen]), config.max_items)
    had.data = np.log1p(had.data)
    n_users = np.asarray(user_items.getnnz(axis=0)).ravel()
    rarity = np.log(user_items.shape[0] / np.maximum(n_users, 1)).clip(min=0).astype(np.float32)
    rare = sparse.csr_matrix(had @ sparse.diags_array(rarity, dtype=np.float32))
    norm = np.sqrt(np.maximum(_self_similarity(rare, kernel), np.finfo(np.float32).tiny))
    scaled = sparse.csr_matrix(sparse.diags_array(1 / norm, dtype=np.float32) @ rare).T.tocsr()
    return UserNeighbours(
        kernel=_neighbours(kernel),
        alike=_neighbours(alike),
        indptr=had.indptr.astype(np.int64),
        items=had.indices.astype(np.int32),
        weight=had.data.astype(np.float32),
        item_indptr=scaled.indptr.astype(np.int64),
        users=scaled.indices.astype(np.int32),
        scaled=scaled.data.astype(np.float32),
        rarity=rarity,
        k=np.array([config.k], np.int32),
    )


def reference_users(n_items_of: NDArray[np.int64], config: UserKnnConfig) -> NDArray[np.int64]:
    """Rows of users with at least two items, a seeded sample where there are more than `max_users`; ascending."""
    usable = np.flatnonzero(n_items_of >= 2)
    if len(usable) > config.max_users:
        usable = np.sort(np.random.default_rng(config.seed).choice(usable, config.max_users, replace=False))
    return usable


def _self_similarity(profiles: sparse.csr_matrix, kernel: sparse.csr_matrix) -> NDArray[np.float64]:
    """X K xᵀ of every row, in chunks that hold a bounded product."""
    sums = np.zeros(profiles.shape[0])
    for start in range(0, profiles.shape[0], 2_000):
        part = profiles[start : start + 2_000]
        sums[start : start + 2_000] = np.asarray((part @ kernel).multiply(part).sum(axis=1)).ravel()
    return sums


def _neighbours(matrix: sparse.csr_matrix) -> Neighbours:
    return Neighbours(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data.astype(np.float32))
