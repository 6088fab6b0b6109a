"""Items like one item: its neighbours in every item-to-item source, blended, then its category's popular items."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.rerank.prepare import Model

_BLEND = (("content", 1.0), ("next", 0.7), ("previous", 0.7))


def similar_scores(
    model: Model, item_row: int, allowed: NDArray[np.bool_], *, n: int
) -> tuple[NDArray[np.int32], NDArray[np.float64], list[tuple[str, ...]]]:
    """(rows, scores, source names) of allowed items, best first, at most `n` and as many as there are.

    A source's similarities count as shares of its strongest. Items of the same category, then all by popularity,
    follow with scores below every neighbour.
    """
    total: dict[int, float] = {}
    sources: dict[int, list[str]] = {}
    for name, weight in _BLEND:
        indices, values = getattr(model.sources, name).row(item_row)
        for row, value in zip(indices.tolist(), (values / values.max(initial=1e-9)).tolist(), strict=True):
            if allowed[row]:
                total[row] = total.get(row, 0.0) + weight * value
                sources.setdefault(row, []).append(name)
    ranked = sorted(total, key=lambda row: (-total[row], row))[:n]
    leaf = int(model.items.leaf_row[item_row])
    order = model.sources.popular_order
    for name, rows in (
        ("category", order[model.items.leaf_row[order] == leaf] if leaf >= 0 else ()),
        ("popular", order),
    ):
        for row in rows:
            if len(ranked) >= n:
                break
            if allowed[row] and int(row) not in total:
                total[int(row)] = -float(len(ranked))
                sources[int(row)] = [name]
                ranked.append(int(row))
    return (
        np.array(ranked, np.int32),
        np.array([total[row] for row in ranked]),
        [tuple(sources[row]) for row in ranked],
    )
