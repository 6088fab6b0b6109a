"""What lists do beyond being right: how much of the catalogue they show, how obvious, how alike and how unequal.

`lists` are int32 (n, width), rows of items best first, padded with -1. Figures per list are float64 (n,), NaN for an
empty list (and for the diversity of a list of one).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

HEAD_SHARE = 0.2
"""The most popular fifth of the catalogue is the head, the rest the long tail."""


def exposures(lists: NDArray[np.int32], n_items: int) -> NDArray[np.int64]:
    """How often each item is shown, int64 (n_items,)."""
    return np.bincount(lists[lists >= 0], minlength=n_items)


def coverage(shown: NDArray[np.int64]) -> float:
    """Share of the catalogue that appears in any list."""
    return float((shown > 0).mean()) if len(shown) else 0.0


def gini(shown: NDArray[np.int64]) -> float:
    """Gini coefficient of exposure over the whole catalogue (Shani and Gunawardana 2011): 0 equal, 1 one item alone."""
    n, total = len(shown), float(shown.sum())
    if total == 0:
        return float("nan")
    ascending = np.sort(shown)
    return float(((2 * np.arange(1, n + 1) - n - 1) * ascending).sum() / (n * total))


def lorenz(shown: NDArray[np.int64], n_points: int = 101) -> NDArray[np.float64]:
    """Share of all exposure held by the least shown 0 … 100 % of the items, at `n_points` even steps."""
    cumulative = np.concatenate(([0.0], np.cumsum(np.sort(shown)))) / max(float(shown.sum()), 1.0)
    return np.interp(np.linspace(0, len(shown), n_points), np.arange(len(shown) + 1), cumulative)


def _mean(lists: NDArray[np.int32], values: NDArray[Any]) -> NDArray[np.float64]:
    """Mean of each list's item values."""
    real = lists >= 0
    with np.errstate(divide="ignore", invalid="ignore"):
        means: NDArray[np.float64] = np.where(real, values[lists], 0).sum(axis=1, dtype=np.float64) / real.sum(axis=1)
    return means


def novelty(lists: NDArray[np.int32], n_users: NDArray[np.float32], population: int) -> NDArray[np.float64]:
    """Mean self-information in bits, -log2 of the share of users who know the item (Castells et al. 2011)."""
    return _mean(lists, -np.log2((n_users.astype(np.float64) + 1) / (population + 1)))


def popularity(lists: NDArray[np.int32], n_users: NDArray[np.float32]) -> NDArray[np.float64]:
    """Average recommendation popularity, ARP: mean number of users who know the listed items (Yin et al. 2012)."""
    return _mean(lists, n_users)


def long_tail(n_users: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Mask (n_items,) of the items outside the most popular fifth of the catalogue; ties to the lower row."""
    tail = np.ones(len(n_users), bool)
    tail[np.argsort(-n_users, kind="stable")[: int(np.ceil(HEAD_SHARE * len(n_users)))]] = False
    return tail


def tail_share(lists: NDArray[np.int32], tail: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of a list from the long tail; its mean is APLT (Abdollahpouri et al. 2019)."""
    return _mean(lists, tail)


def diversity(lists: NDArray[np.int32], vectors: Any) -> NDArray[np.float64]:
    """Intra-list diversity: mean of 1 - cosine over all pairs of a list (Smyth and McClave 2001, Ziegler et al. 2005).

    `vectors` is a CSR matrix (n_items, n_terms) of rows of length one, or zero for an item without text, which then is
    unlike every other. From |Σv|² = Σ|v|² + 2 Σ_pairs v·w; `diversity_reference` does it pair by pair.
    """
    real = lists >= 0
    counts = real.sum(axis=1)
    indptr = np.concatenate(([0], np.cumsum(counts)))
    members = sparse.csr_matrix(
        (np.ones(int(indptr[-1]), vectors.dtype), lists[real], indptr), (len(lists), vectors.shape[0])
    )
    sums = members @ vectors
    squares = np.asarray(sums.multiply(sums).sum(axis=1), np.float64).ravel()
    own = members @ np.asarray(vectors.multiply(vectors).sum(axis=1), np.float64).ravel()
    with np.errstate(divide="ignore", invalid="ignore"):
        diverse: NDArray[np.float64] = 1 - (squares - own) / (counts * (counts - 1))
    return np.where(counts > 1, diverse, np.nan)


def diversity_reference(ranked: NDArray[np.int32], vectors: Any) -> float:
    """The slow, obvious form of `diversity` for one list."""
    rows = [vectors[int(row)].toarray().ravel().astype(np.float64) for row in ranked if row >= 0]
    pairs = [1 - float(rows[i] @ rows[j]) for i in range(len(rows)) for j in range(i)]
    return float(np.mean(pairs)) if pairs else float("nan")
