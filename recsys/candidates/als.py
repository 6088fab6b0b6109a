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
    """`regularization` is per entry of Y'Y, `alpha` scales confidence over the base of 1."""

    factors: int = 64
    iterations: int = 15
    regularization: float = 10.0
    alpha: float = 4.0
    seed: int = 7


def fit(user_items: sparse.csr_matrix, config: AlsConfig) -> ItemFactors:
    """Item factors from decayed event weights, float32 (users, items).

    The same log, configuration and seed give the same factors: BLAS gets one thread, and implicit's own threads each
    solve whole rows, so their number does not matter.
    """
    if user_items.nnz == 0:
        raise EmptyWindowError("no events with a positive weight; ALS needs some; widen the window")
    weighted = user_items.copy()
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
    factors = np.ascontiguousarray(model.item_factors, dtype=np.float32)
    factors[np.asarray(user_items.getnnz(axis=0)).ravel() == 0] = 0  # never seen: no opinion
    return ItemFactors.build(factors, regularization=config.regularization, alpha=config.alpha)


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
