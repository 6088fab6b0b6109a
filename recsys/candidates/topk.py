"""Top K of a sparse product per row, without ever holding the product: offline only (`sparse_dot_topn`)."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sparse_dot_topn import sp_matmul_topn

from recsys.candidates.neighbours import Neighbours


def top_k(left: sparse.csr_matrix, right: sparse.csr_matrix, k: int) -> Neighbours:
    """Each row's `k` largest positive entries of `left @ right` off the diagonal, strongest first.

    Memory: k entries a row. A row's result does not depend on the number of threads.
    """
    product = largest(left, right, k + 1)
    rows = np.repeat(np.arange(product.shape[0]), np.diff(product.indptr))
    keep = (rows != product.indices) & (product.data > 0)
    rows, indices, values = rows[keep], product.indices[keep], product.data[keep]
    counts = np.bincount(rows, minlength=product.shape[0])
    starts = np.concatenate(([0], np.cumsum(counts)))[:-1]
    within = np.arange(len(rows)) - np.repeat(starts, counts)
    chosen = within < k
    indptr = np.concatenate(([0], np.cumsum(np.minimum(counts, k)))).astype(np.int64)
    return Neighbours(indptr, indices[chosen].astype(np.int32), values[chosen].astype(np.float32))


def largest(left: sparse.csr_matrix, right: sparse.csr_matrix, k: int) -> sparse.csr_matrix:
    """`left @ right` with each row's `k` largest positive entries, strongest first; float32."""
    return sp_matmul_topn(left, right, top_n=k, sort=True, threshold=0.0, n_threads=2)
