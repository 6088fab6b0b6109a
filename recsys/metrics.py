"""Ranking metrics: the definition per request, the same over many requests at once, and intervals that compare systems.

Binary gains throughout, as trec_eval defines them: precision@k divides by k however short the list, AP@k by all wanted
items. NDCG: Järvelin and Kekäläinen 2002. `at_k` is the fast path; the functions above it are its slow reference, and
tests hold both equal to each other and to `ir_measures`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

N_RESAMPLES = 2_000
N_COMPARED = 10_000
"""Resamples behind a p-value, which cannot fall below 2 / N_COMPARED."""
_CHUNK = 4_000_000
"""Entries of resampling weights held at once: 32 MB."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its 95 % percentile-bootstrap interval over requests."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Mean difference of two systems on the same requests, its 95 % interval, p-value, and p after Holm."""

    mean: float
    low: float
    high: float
    p: float
    p_holm: float


def hit_rate(ranked: NDArray[np.int32], wanted: NDArray[np.int32], k: int) -> float:
    """1 where any of the first `k` is wanted, else 0."""
    return float(np.isin(ranked[:k], wanted).any())


def recall(ranked: NDArray[np.int32], wanted: NDArray[np.int32], k: int) -> float:
    """Share of the wanted items among the first `k`."""
    return float(np.isin(ranked[:k], wanted).sum()) / len(wanted)


def precision(ranked: NDArray[np.int32], wanted: NDArray[np.int32], k: int) -> float:
    """Share of `k` places that hold a wanted item."""
    return float(np.isin(ranked[:k], wanted).sum()) / k


def average_precision(ranked: NDArray[np.int32], wanted: NDArray[np.int32], k: int) -> float:
    """Sum of the precision at each hit among the first `k`, over the number of wanted items; its mean is MAP@k."""
    found = np.isin(ranked[:k], wanted)
    return float((np.cumsum(found)[found] / (np.flatnonzero(found) + 1)).sum()) / len(wanted)


def reciprocal_rank(ranked: NDArray[np.int32], wanted: NDArray[np.int32], k: int) -> float:
    """One over the rank of the first hit among the first `k`, 0 without one; its mean is MRR@k."""
    found = np.flatnonzero(np.isin(ranked[:k], wanted))
    return 1 / (int(found[0]) + 1) if len(found) else 0.0


def ndcg(ranked: NDArray[np.int32], wanted: NDArray[np.int32], k: int) -> float:
    """Discounted gain of the first `k` over that of the best possible order of min(k, wanted) items."""
    gains = np.isin(ranked[:k], wanted) / np.log2(np.arange(2, min(k, len(ranked)) + 2))
    ideal = (1 / np.log2(np.arange(2, min(k, len(wanted)) + 2))).sum()
    return float(gains.sum() / ideal)


def hits(lists: NDArray[np.int32], wanted: Sequence[NDArray[np.int32]]) -> NDArray[np.bool_]:
    """Which places hold a wanted item: bool (n, width) for `lists` (n, width), padded with -1."""
    size = int(max(lists.max(initial=-1), max((int(w.max(initial=-1)) for w in wanted), default=-1))) + 1
    lengths = [len(rows) for rows in wanted]
    if size == 0 or sum(lengths) == 0:
        return np.zeros(lists.shape, bool)
    keys = np.sort(np.repeat(np.arange(len(wanted)), lengths) * size + np.concatenate(wanted))
    probes = np.arange(len(lists))[:, None] * size + lists
    at = np.minimum(np.searchsorted(keys, probes), len(keys) - 1)
    found: NDArray[np.bool_] = (keys[at] == probes) & (lists >= 0)
    return found


def at_k(found: NDArray[np.bool_], n_wanted: NDArray[np.int64], k: int) -> dict[str, NDArray[np.float64]]:
    """Every metric at `k` per request: `hr@k`, `recall@k`, `precision@k`, `map@k`, `mrr@k`, `ndcg@k`, each (n,).

    `found` are `hits` (n, width >= k or the whole list), `n_wanted` (n,) the number of wanted items, each at least 1.
    """
    found = found[:, :k]
    places = np.arange(1, found.shape[1] + 1)
    so_far = np.cumsum(found, axis=1)
    total = found.sum(axis=1)
    first = np.where(total > 0, found.argmax(axis=1) + 1, np.inf) if found.shape[1] else np.full(len(found), np.inf)
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discounts)[np.minimum(n_wanted, k) - 1]
    return {
        f"hr@{k}": (total > 0).astype(np.float64),
        f"recall@{k}": total / n_wanted,
        f"precision@{k}": total / k,
        f"map@{k}": (found * so_far / places).sum(axis=1) / n_wanted,
        f"mrr@{k}": 1 / first,
        f"ndcg@{k}": (found * discounts[: found.shape[1]]).sum(axis=1) / ideal,
    }


def _weights(n: int, seed: int, n_resamples: int) -> Iterator[NDArray[np.float64]]:
    """How often each of `n` requests is in each resample, in chunks float64 (at most n_resamples, n)."""
    rng = np.random.default_rng(seed)
    step = max(_CHUNK // max(n, 1), 1)
    for start in range(0, n_resamples, step):
        m = min(step, n_resamples - start)
        drawn = rng.integers(0, n, (m, n)) + n * np.arange(m)[:, None]
        yield np.bincount(drawn.ravel(), minlength=m * n).reshape(m, n).astype(np.float64)


def resampled_means(
    values: NDArray[np.float64], *, seed: int = 7, n_resamples: int = N_RESAMPLES
) -> NDArray[np.float64]:
    """Means of bootstrap resamples of requests, float64 (n_resamples, m), for `values` (n, m).

    All columns share the same resamples, so a difference of two columns is a paired comparison. NaN means that a figure
    has no meaning for the request; it is left out of its column's means.
    """
    known = np.isfinite(values)
    partial = ~known.all(axis=0)
    filled = np.where(known, values, 0.0)
    out = []
    for weights in _weights(len(values), seed, n_resamples):
        means = weights @ filled / len(values)
        if partial.any():
            with np.errstate(divide="ignore", invalid="ignore"):
                means[:, partial] *= len(values) / (weights @ known[:, partial].astype(np.float64))
        out.append(means)
    return np.concatenate(out)


def intervals(values: NDArray[np.float64], *, seed: int = 7, n_resamples: int = N_RESAMPLES) -> list[Interval]:
    """Mean and 95 % percentile interval of each column of `values` (n, m); NaN entries are left out."""
    columns = values.shape[1]
    out = [Interval(float("nan"), float("nan"), float("nan"))] * columns
    usable = np.flatnonzero(np.isfinite(values).any(axis=0)) if len(values) else np.empty(0, np.int64)
    if len(usable) == 0:
        return out
    means = resampled_means(values[:, usable], seed=seed, n_resamples=n_resamples)
    low, high = np.nanpercentile(means, [2.5, 97.5], axis=0)
    centre = np.nanmean(values[:, usable], axis=0)
    for i, column in enumerate(usable.tolist()):
        out[column] = Interval(float(centre[i]), float(low[i]), float(high[i]))
    return out


def bootstrap(values: NDArray[np.float64], *, seed: int = 7, n_resamples: int = N_RESAMPLES) -> Interval:
    """Mean of `values` (n,) and the 95 % percentile interval of resampled means.

    For a paired comparison pass the differences of two systems on the same requests.
    """
    return intervals(np.asarray(values, np.float64)[:, None], seed=seed, n_resamples=n_resamples)[0]


def compare(differences: NDArray[np.float64], *, seed: int = 7, n_resamples: int = N_COMPARED) -> list[Comparison]:
    """Paired comparisons, one a column of `differences` (n, m), with Holm's correction over the columns.

    The p-value is twice the smaller share of resampled means on either side of zero, one added to both counts (Davison
    and Hinkley 1997, §4.2): the level at which the percentile interval first touches zero.
    """
    if differences.size == 0:
        return []
    means = resampled_means(differences, seed=seed, n_resamples=n_resamples)
    at_most, at_least = (means <= 0).sum(axis=0) + 1, (means >= 0).sum(axis=0) + 1
    p = np.minimum(2 * np.minimum(at_most, at_least) / (len(means) + 1), 1.0)
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    rows = zip(differences.mean(axis=0), low, high, p, holm(p), strict=True)
    return [Comparison(*map(float, row)) for row in rows]


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjusted p-values (m,) that keep the family-wise error (Holm 1979, step-down)."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
