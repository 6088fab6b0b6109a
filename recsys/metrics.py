"""Ranking metrics per request, and what they amount to over many: means with bootstrap intervals.

Definitions: Järvelin and Kekäläinen 2002 (NDCG, binary gains), Castells et al. 2011 (novelty as self-information).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its 95 % percentile-bootstrap interval over requests."""

    mean: float
    low: float
    high: float


def hit_rate(ranked: NDArray[np.int32], wanted: NDArray[np.int32], k: int) -> float:
    """1 where any of the first `k` is wanted, else 0."""
    return float(np.isin(ranked[:k], wanted).any())


def recall(ranked: NDArray[np.int32], wanted: NDArray[np.int32], k: int) -> float:
    """Share of the wanted items among the first `k`."""
    return float(np.isin(ranked[:k], wanted).sum()) / len(wanted)


def ndcg(ranked: NDArray[np.int32], wanted: NDArray[np.int32], k: int) -> float:
    """Discounted gain of the first `k` over that of the best possible order of min(k, wanted) items."""
    gains = np.isin(ranked[:k], wanted) / np.log2(np.arange(2, min(k, len(ranked)) + 2))
    ideal = (1 / np.log2(np.arange(2, min(k, len(wanted)) + 2))).sum()
    return float(gains.sum() / ideal)


def coverage(lists: Sequence[NDArray[np.int32]], n_items: int) -> float:
    """Share of the catalogue that appears in any list."""
    return len(np.unique(np.concatenate(lists))) / n_items if lists else 0.0


def novelty(ranked: NDArray[np.int32], n_users: NDArray[np.float32], population: int) -> float:
    """Mean self-information in bits, -log2 of the share of users who know the item; higher is less obvious.

    NaN for an empty list.
    """
    if len(ranked) == 0:
        return float("nan")
    share = (n_users[ranked] + 1) / (population + 1)
    return float(-np.log2(share).mean())


def bootstrap(values: NDArray[np.float64], *, seed: int = 7, n_resamples: int = 1_000) -> Interval:
    """Mean of `values` (n,) and the 95 % percentile interval of resampled means.

    For a paired comparison pass the differences of two systems on the same requests.
    """
    if len(values) == 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng(seed)
    means = np.empty(n_resamples)
    for i in range(n_resamples):
        means[i] = values[rng.integers(0, len(values), len(values))].mean()
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(values.mean()), float(low), float(high))
