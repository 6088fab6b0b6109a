"""Sparse behaviour carried over to items whose texts are alike: what is said of one item holds a little for its kin.

With `S = I + weight * C²`, C the cosine of the texts (its `k` strongest per item), `bridge` turns transitions F into
S F S: what followed an item like mine, and items like it. User kNN compares profiles with S Sᵀ (soft cosine:
Sidorov et al. 2014).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from recsys.candidates.neighbours import Neighbours
from recsys.candidates.topk import largest, top_k


@dataclass(frozen=True, slots=True)
class SmoothingConfig:
    """`k` alike items per item with `weight` times their squared cosine; `bridged` neighbours kept per item."""

    k: int = 20
    weight: float = 0.3
    bridged: int = 100


def spread(content: Neighbours, config: SmoothingConfig) -> sparse.csr_matrix:
    """S, float32 (n_items, n_items), ones on its diagonal and at most `k` more entries a row."""
    alike = content.strongest(config.k)
    squared = sparse.csr_matrix(
        (config.weight * alike.values**2, alike.indices, alike.indptr), shape=(alike.n_items, alike.n_items)
    )
    identity = sparse.identity(alike.n_items, dtype=np.float32, format="csr")
    return sparse.csr_matrix(identity + squared.astype(np.float32))


def bridge(transitions: Neighbours, alike: sparse.csr_matrix, config: SmoothingConfig) -> Neighbours:
    """S F S with the strongest `bridged` entries per item, off the diagonal.

    Time: 2 k products per entry of F kept on the way; memory: twice `bridged` entries an item.
    """
    onward = largest(transitions.matrix(), alike, 2 * config.bridged)
    return top_k(alike, onward, config.bridged)
