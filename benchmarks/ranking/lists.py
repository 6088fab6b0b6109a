"""From scores to lists of ten, and how good they are on the validation stage; in every peer's environment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.ranking.exchange import MS_PER_DAY, NO_ITEM, K, Lists, Stage

CHUNK: Final = 1024
"""Requests scored at once: bounds the dense requests x items block."""
POPULARITY_DAYS: Final = (7.0, 28.0, 90.0, 1e6)


def top(scores: NDArray[np.float32], k: int = K, *, above: float = -np.inf) -> Lists:
    """The `k` best columns of each row whose score is above `above`, best first, ties to the lower column."""
    k_here = min(k, scores.shape[1])
    best = np.argpartition(-scores, k_here - 1, axis=1)[:, :k_here]
    best.sort(axis=1)
    values = np.take_along_axis(scores, best, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    best, values = np.take_along_axis(best, order, axis=1), np.take_along_axis(values, order, axis=1)
    found = np.full((len(scores), k), NO_ITEM, np.int32)
    found[:, :k_here] = np.where(values > above, best, NO_ITEM)
    return found


def top_of(
    score: Callable[[slice], Any], had: sparse.csr_matrix, *, hide_had: Sequence[bool], above: float = -np.inf
) -> dict[bool, Lists]:
    """Lists of all requests, with and without the items had as asked; each chunk of requests is scored once.

    `score` gives the dense or sparse rows of a slice of requests.
    """
    parts: dict[bool, list[Lists]] = {hide: [] for hide in hide_had}
    for start in range(0, had.shape[0], CHUNK):
        part = slice(start, min(start + CHUNK, had.shape[0]))
        scores = score(part)
        scores = scores.toarray() if sparse.issparse(scores) else np.array(scores)
        for hide in sorted(parts):  # hiding changes the scores, so it goes last
            if hide:
                scores[had[part].nonzero()] = -np.inf
            parts[hide].append(top(scores, above=above))
    return {hide: np.concatenate(of) for hide, of in parts.items()}


def popular_order(stage: Stage, days: float) -> NDArray[np.int32]:
    """Items by events in the last `days` before the fit's end, then by all events, then by row."""
    recent = stage.train.time_ms >= stage.as_of_ms - days * MS_PER_DAY
    lately = np.bincount(stage.train.item[recent], minlength=stage.n_items)
    ever = np.bincount(stage.train.item, minlength=stage.n_items)
    return np.lexsort((-ever, -lately)).astype(np.int32)


def filled(lists: Lists, order: NDArray[np.int32], had: sparse.csr_matrix, *, hide_had: bool) -> Lists:
    """Short lists completed from `order`, nothing twice: what a system answers where it has no opinion."""
    complete = lists.copy()
    for at in np.flatnonzero((lists == NO_ITEM).any(axis=1)).tolist():
        own = lists[at][lists[at] != NO_ITEM]
        barred = own
        if hide_had:
            barred = np.concatenate([own, had.indices[had.indptr[at] : had.indptr[at + 1]]])
        prefix = order[: K + len(barred)]
        more = prefix[~np.isin(prefix, barred)][: K - len(own)]
        complete[at, len(own) : len(own) + len(more)] = more
    return complete


def hits(lists: Lists, wanted: sparse.csr_matrix) -> NDArray[np.bool_]:
    """Which places hold a wanted item: bool (n_requests, K)."""
    n_items = wanted.shape[1]
    row, item = wanted.nonzero()
    places = np.arange(len(lists))[:, None] * np.int64(n_items) + lists
    found: NDArray[np.bool_] = np.isin(places, row * np.int64(n_items) + item) & (lists != NO_ITEM)
    return found


def ndcg(lists: Lists, wanted: sparse.csr_matrix) -> NDArray[np.float64]:
    """NDCG@K of each request with a wanted item, NaN elsewhere; equals `recsys.metrics.ndcg` (tested)."""
    discount = 1 / np.log2(np.arange(2, K + 2))
    ideal = np.concatenate([[np.nan], np.cumsum(discount)])
    n_wanted = np.minimum(np.diff(wanted.indptr), K)
    found: NDArray[np.float64] = (hits(lists, wanted) * discount).sum(axis=1) / ideal[n_wanted]
    return found


def targets(wanted: sparse.csr_matrix, had: sparse.csr_matrix, reading: str) -> sparse.csr_matrix:
    """What a reading counts: every wanted item, or only items not had before."""
    if reading == "all":
        return wanted.tocsr()
    left = wanted.astype(np.int8) - wanted.astype(np.int8).multiply(had.astype(np.int8))
    left = left.tocsr()
    left.eliminate_zeros()
    return left.astype(bool)


def quality(lists: Lists, stage: Stage, reading: str) -> float:
    """Mean NDCG@K on a stage that carries its wanted items."""
    if stage.wanted is None:
        raise ValueError(f"stage {stage.name} carries no wanted items; choose on the validation stage")
    values = ndcg(lists, targets(stage.wanted, stage.had(), reading))
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def best_popularity(stage: Stage, *, hide_had: bool, reading: str) -> float:
    """Days of the popularity window that does best on validation."""
    empty, had = np.full((stage.n_requests, K), NO_ITEM, np.int32), stage.had()
    return best(
        POPULARITY_DAYS,
        lambda days: quality(filled(empty, popular_order(stage, days), had, hide_had=hide_had), stage, reading),
    )


def best(options: Iterable[Any], value: Callable[[Any], float]) -> Any:
    """The option of the largest value, the first one on ties."""
    scored = [(value(option), option) for option in options]
    return max(scored, key=lambda pair: pair[0])[1]
