"""Top K of a sparse product per row, without ever holding the product: offline only (`sparse_dot_topn`)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sparse_dot_topn import sp_matmul_topn

from recsys.candidates.neighbours import Neighbours, entries_of


def top_k(left: sparse.csr_matrix, right: sparse.csr_matrix, k: int, *, first_row: int = 0) -> Neighbours:
    """Each row's `k` largest positive entries of `left @ right` off the diagonal, strongest first, ties by column.

    `left` may be a block of the rows that begins at `first_row`. Memory: k entries a row. A row's result does not
    depend on the number of threads.
    """
    product = largest(left, right, k + 1)
    rows = np.repeat(np.arange(product.shape[0]), np.diff(product.indptr))
    keep = (rows + first_row != product.indices) & (product.data > 0)
    rows, values = rows[keep], product.data[keep]
    indices = _ties_ascending(rows, product.indices[keep], values)
    counts = np.bincount(rows, minlength=product.shape[0])
    starts = np.concatenate(([0], np.cumsum(counts)))[:-1]
    within = np.arange(len(rows)) - np.repeat(starts, counts)
    chosen = within < k
    indptr = np.concatenate(([0], np.cumsum(np.minimum(counts, k)))).astype(np.int64)
    return Neighbours(indptr, indices[chosen].astype(np.int32), values[chosen].astype(np.float32))


def _ties_ascending(
    rows: NDArray[np.int64], indices: NDArray[np.int32], values: NDArray[np.float32]
) -> NDArray[np.int32]:
    """`indices` with each run of equal values of a row in ascending order."""
    equal = (rows[1:] == rows[:-1]) & (values[1:] == values[:-1])
    run = np.concatenate(([0], np.cumsum(~equal)))
    tied = np.zeros(len(rows), bool)
    tied[:-1] |= equal
    tied[1:] |= equal
    ordered = indices.copy()
    ordered[tied] = indices[tied][np.lexsort((indices[tied], run[: len(rows)][tied]))]
    return ordered


def largest(left: sparse.csr_matrix, right: sparse.csr_matrix, k: int) -> sparse.csr_matrix:
    """`left @ right` with each row's `k` largest positive entries, strongest first; float32."""
    return sp_matmul_topn(left, right, top_n=k, sort=True, threshold=0.0, n_threads=2)


def strongest_items(user_items: sparse.csr_matrix, limit: int) -> sparse.csr_matrix:
    """The matrix with at most `limit` entries a row, the largest; ties to the lower column."""
    counts = np.diff(user_items.indptr)
    long = np.flatnonzero(counts > limit).astype(np.int32)
    if not len(long):
        return user_items
    at, lengths = entries_of(user_items.indptr, long)
    users = np.repeat(long, lengths)
    order = np.lexsort((user_items.indices[at], -user_items.data[at], users))
    within = np.arange(len(order)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    kept = np.ones(len(user_items.data), bool)
    kept[at[order[within >= limit]]] = False
    indptr = np.concatenate(([0], np.cumsum(np.minimum(counts, limit))))
    return sparse.csr_matrix((user_items.data[kept], user_items.indices[kept], indptr), shape=user_items.shape)
