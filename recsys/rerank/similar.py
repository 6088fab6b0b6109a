"""Items like one item: its neighbours in every item-to-item source, blended, then its category's popular items."""

from __future__ import annotations

from itertools import chain

import numpy as np
from numpy.typing import NDArray

from recsys.rerank.prepare import Model

_BLEND = (("content", 1.0), ("next", 0.7), ("previous", 0.7))


def similar_scores(
    model: Model, item_row: int, allowed: NDArray[np.bool_], *, n: int
) -> tuple[list[int], list[float], list[tuple[str, ...]]]:
    """(rows, scores, source names) of `n` allowed items of different titles, best first, or as many as there are.

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
    order = model.sources.popular_order[allowed[model.sources.popular_order]]
    leaf = int(model.items.leaf_row[item_row])
    same = order[model.items.leaf_row[order] == leaf] if leaf >= 0 else order[:0]
    ranked = sorted(total, key=lambda row: (-total[row], row))
    chosen: list[int] = []
    titles: set[int] = set()
    for row, name in chain(((r, "") for r in ranked), ((r, "category") for r in same), ((r, "popular") for r in order)):
        if len(chosen) == n:
            break
        title = int(model.items.title_row[row])
        if title not in titles:
            titles.add(title)
            if int(row) not in total:
                total[int(row)], sources[int(row)] = -float(len(chosen)), [name]
            chosen.append(int(row))
    return chosen, [total[row] for row in chosen], [tuple(sources[row]) for row in chosen]
