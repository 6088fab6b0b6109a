"""From scores to places: one item per title, caps per category and brand, and on wish less of the same.

Greedy in score order, so the best item is always first. Items that a cap held back fill the end of the slate
when nothing else is left: a full slate beats a diverse but short one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.candidates.neighbours import Neighbours
from recsys.profiles.items import ItemTable


@dataclass(frozen=True, slots=True)
class DiversityConfig:
    """Largest share of a slate from one leaf category or one brand, and what an unlike item is worth.

    A brand that holds more than `label_share` of the catalogue ("store brand") is a label and is not capped.
    `trade_off` is 1 - lambda of `marginal_relevance`: 0 keeps the ranker's order, 1 looks at likeness alone.
    """

    category_share: float = 0.8
    brand_share: float = 0.8
    label_share: float = 0.1
    trade_off: float = 0.0


def diversify(
    order: NDArray[np.int64],
    rows: NDArray[np.int32],
    items: ItemTable,
    *,
    n: int,
    config: DiversityConfig,
    depth: int | None = None,
    alike: Neighbours | None = None,
) -> list[int]:
    """Positions of the chosen candidates, best first; `order` are positions by descending score.

    Caps are shares of `n`; `depth` positions are returned (default `n`), so that what follows the slate keeps its
    rules too. With `config.trade_off` above 0 and items `alike` known, `marginal_relevance` reorders first.
    """
    wanted = n if depth is None else depth
    if config.trade_off > 0 and alike is not None:
        order = marginal_relevance(order, rows, items, n=n, trade_off=config.trade_off, alike=alike)
    category_cap = max(int(np.ceil(config.category_share * n)), 1)
    brand_cap = max(int(np.ceil(config.brand_share * n)), 1)
    titles: set[int] = set()
    categories: dict[int, int] = {}
    brands: dict[int, int] = {}
    chosen: list[int] = []
    held_back: list[int] = []
    for at in order.tolist():
        row = int(rows[at])
        title = int(items.title_row[row])
        if title in titles:
            continue
        leaf, brand = int(items.leaf_row[row]), int(items.brand_row[row])
        over = (leaf >= 0 and categories.get(leaf, 0) >= category_cap) or (
            brand >= 0 and brands.get(brand, 0) >= brand_cap and items.brand_share[brand] <= config.label_share
        )
        if over:
            held_back.append(at)
            continue
        titles.add(title)
        categories[leaf] = categories.get(leaf, 0) + 1
        brands[brand] = brands.get(brand, 0) + 1
        chosen.append(at)
        if len(chosen) == wanted:
            return chosen
    for at in held_back:
        title = int(items.title_row[rows[at]])
        if title not in titles and len(chosen) < wanted:
            titles.add(title)
            chosen.append(at)
    return chosen


def marginal_relevance(
    order: NDArray[np.int64],
    rows: NDArray[np.int32],
    items: ItemTable,
    *,
    n: int,
    trade_off: float,
    alike: Neighbours,
) -> NDArray[np.int64]:
    """`order` with the `n` best by maximal marginal relevance first (Carbonell and Goldstein 1998).

    Each pick maximises (1 - trade_off) * relevance - trade_off * likeness to the most alike item picked before,
    among the first candidates of their titles; ties keep their order. Relevance is NDCG's own discount of the place in
    the order, 1 / log2(1 + place): a ranker's scores have no unit, and an order that rules have changed keeps its word.
    Likeness is the picked item's content similarity, 0 beyond its stored neighbours. Chosen by measurement:
    docs/decisions/0006-slate.md.

    Hot path: `benchmarks/diversity_curve.py`; n steps of O(candidates + neighbours).
    """
    _, first = np.unique(items.title_row[rows[order]], return_index=True)
    places = np.sort(first)
    row = rows[order[places]]
    # One slot more than candidates: what is no candidate is written there and never read.
    slot_of = np.full(alike.n_items, len(row), np.int32)
    slot_of[row] = np.arange(len(row))
    gain = np.append((1 - trade_off) * _relevance(len(row)), 0.0)
    worth = gain.copy()
    indices, values = np.asarray(alike.indices), np.asarray(alike.values)  # a mapped file slices ten times slower
    starts, stops = alike.indptr[row].tolist(), alike.indptr[row + 1].tolist()
    picked: list[int] = []
    for _ in range(min(n, len(row))):
        best = int(worth[:-1].argmax())
        picked.append(best)
        worth[best] = -np.inf
        neighbours = slice(starts[best], stops[best])
        near = slot_of[indices[neighbours]]
        penalty = np.multiply(values[neighbours], trade_off, dtype=np.float64)
        worth[near] = np.minimum(worth[near], gain[near] - penalty)
    first_places = places[picked]
    rest = np.ones(len(order), bool)
    rest[first_places] = False
    return np.concatenate([order[first_places], order[rest]])


def marginal_relevance_reference(
    order: NDArray[np.int64],
    rows: NDArray[np.int32],
    items: ItemTable,
    *,
    n: int,
    trade_off: float,
    alike: Neighbours,
) -> NDArray[np.int64]:
    """The slow, obvious form of `marginal_relevance`, kept for the test that holds them equal."""
    left: dict[int, int] = {}  # title -> place of its first candidate
    for place, at in enumerate(order.tolist()):
        left.setdefault(int(items.title_row[rows[at]]), place)
    relevance = dict(zip(left.values(), _relevance(len(left)).tolist(), strict=True))
    picked: list[int] = []
    while left and len(picked) < n:
        worth = {}
        for title, place in left.items():
            like = 0.0
            for before in picked:
                indices, values = alike.row(int(rows[order[before]]))
                for index, value in zip(indices.tolist(), values.tolist(), strict=True):
                    if index == rows[order[place]]:
                        like = max(like, value)
            worth[title] = (1 - trade_off) * relevance[place] - trade_off * like
        best = min(worth, key=lambda title: (-worth[title], left[title]))
        picked.append(left.pop(best))
    rest = [place for place in range(len(order)) if place not in picked]
    return order[np.array(picked + rest, np.int64)]


def _relevance(n: int) -> NDArray[np.float64]:
    """What each of `n` places is worth (Järvelin and Kekäläinen 2002)."""
    worth: NDArray[np.float64] = 1 / np.log2(np.arange(2, n + 2))
    return worth
