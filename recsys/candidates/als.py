"""Implicit-feedback ALS (Hu, Koren, Volinsky 2008): `implicit` fits the item factors, we fold users in.

User factors are never stored. Training, evaluation and serving all solve for the user from the history at hand, so
a user's newest event counts at once and no stored factor can be of another vintage than the items'.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

from recsys.candidates.foldin import ItemFactors, confidence
from recsys.errors import EmptyWindowError


@dataclass(frozen=True, slots=True)
class AlsConfig:
    """`regularization` is per entry of Y'Y, `alpha` scales confidence over the base of 1.

    `max_users` bounds time and memory: users are folded in, so item factors only need enough of them.
    """

    factors: int = 64
    iterations: int = 15
    regularization: float = 10.0
    alpha: float = 4.0
    seed: int = 7
    max_users: int = 1_000_000


def fit(user_items: sparse.csr_matrix, config: AlsConfig) -> ItemFactors:
    """Item factors from decayed event weights, float32 (users, items).

    The same log, configuration and seed give the same factors: BLAS gets one thread, and implicit's own threads each
    solve whole rows, so their number does not matter. Items without an event are left out, for the random start depends
    on how many there are. Of more than `max_users` users a seeded sample is taken.
    """
    if user_items.nnz == 0:
        raise EmptyWindowError("no events with a positive weight; ALS needs some; widen the window")
    weighted = sampled_rows(user_items, config.max_users, seed=config.seed)
    seen = np.flatnonzero(weighted.getnnz(axis=0))
    weighted = sparse.csr_matrix(weighted[:, seen])
    weighted.data = confidence(weighted.data, config.alpha)
    with threadpool_limits(limits=1, user_api="blas"):
        model = AlternatingLeastSquares(
            factors=config.factors,
            regularization=config.regularization,
            iterations=config.iterations,
            random_state=config.seed,
            num_threads=0,
        )
        model.fit(weighted, show_progress=False)
    factors = np.zeros((user_items.shape[1], config.factors), np.float32)  # never seen: no opinion
    factors[seen] = model.item_factors
    return ItemFactors.build(factors, regularization=config.regularization, alpha=config.alpha)


def sampled_rows(matrix: sparse.csr_matrix, limit: int, *, seed: int) -> sparse.csr_matrix:
    """The matrix, or a seeded sample of `limit` of its rows in their order where it has more."""
    if matrix.shape[0] <= limit:
        return matrix
    return matrix[np.sort(np.random.default_rng(seed).choice(matrix.shape[0], limit, replace=False))]


def user_item_matrix(
    user_row: NDArray[np.int32],
    item_row: NDArray[np.int32],
    weight: NDArray[np.float32],
    shape: tuple[int, int],
) -> sparse.csr_matrix:
    """Event weights summed per pair; float32 CSR (users, items)."""
    matrix = sparse.coo_matrix((weight, (user_row, item_row)), shape=shape).tocsr()
    matrix.eliminate_zeros()
    return matrix
