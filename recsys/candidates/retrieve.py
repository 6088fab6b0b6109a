"""From a profile to merged candidates: score each source, mask, take its best, merge in a fixed order.

Invariant: no candidate is masked, none repeats, and the order depends only on ranks, sources and rows.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from recsys.candidates.foldin import ItemFactors
from recsys.candidates.neighbours import Neighbours, NeighbourScores, score
from recsys.profiles.items import ItemTable
from recsys.profiles.user import UserProfile

SOURCES: Final = ("als", "next", "previous", "content", "repurchase", "category", "popular")
"""Source names; their order breaks ties when ranks are equal."""

QUOTAS: Final = (80, 80, 40, 60, 80, 40, 30)
MAX_CANDIDATES: Final = 300
SESSION_DECAY: Final = np.float32(0.8)
"""How much less a recent item counts per session that lies after it, in the similarity sources."""
N_CATEGORIES: Final = 10
"""A profile's strongest leaf categories whose popular items are proposed."""


@dataclass(frozen=True, slots=True)
class Sources:
    """All candidate models, fitted on events before one `as_of`.

    `popular_order` int32 (n_items,): rows by decayed popularity. `category_indptr`, `category_order`: the same
    within each leaf category.
    """

    als: ItemFactors
    next: Neighbours
    previous: Neighbours
    content: Neighbours
    popular_order: NDArray[np.int32]
    category_indptr: NDArray[np.int64]
    category_order: NDArray[np.int32]

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Every array by name, for saving."""
        flat: dict[str, NDArray[np.generic]] = {}
        for part, kind in _PARTS.items():
            for f in fields(kind):
                flat[f"{part}_{f.name}"] = getattr(getattr(self, part), f.name)
        return flat | {name: getattr(self, name) for name in _PLAIN}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> Sources:
        """Inverse of `arrays`."""
        parts: dict[str, Any] = {
            part: kind(**{f.name: arrays[f"{part}_{f.name}"] for f in fields(kind)}) for part, kind in _PARTS.items()
        }
        return cls(**parts | {name: arrays[name] for name in _PLAIN})


_PARTS: Final[dict[str, type]] = {
    "als": ItemFactors,
    "next": Neighbours,
    "previous": Neighbours,
    "content": Neighbours,
}
_PLAIN: Final = ("popular_order", "category_indptr", "category_order")


@dataclass(frozen=True, slots=True)
class Scored:
    """Every source's opinion of every item for one profile; arrays (n_items,)."""

    als: NDArray[np.float32]
    next: NeighbourScores
    previous: NeighbourScores
    content: NeighbourScores


@dataclass(frozen=True, slots=True)
class Candidates:
    """Merged candidates: `rows` int32 (n,); `ranks` float32 (n, n_sources), 1-based, NaN = not proposed."""

    rows: NDArray[np.int32]
    ranks: NDArray[np.float32]
    scored: Scored


def popularity_orders(
    items: ItemTable,
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]:
    """(order of all items, bounds per leaf category, order within categories) by decayed popularity."""
    order = np.argsort(-items.popularity, kind="stable").astype(np.int32)
    leaf = items.leaf_row[order]
    within = order[np.argsort(leaf, kind="stable")]
    counts = np.bincount(leaf[leaf >= 0], minlength=len(items.rebuy))
    bounds = np.concatenate(([0], np.cumsum(counts))) + int((leaf < 0).sum())
    return order, bounds.astype(np.int64), within


def score_sources(sources: Sources, profile: UserProfile) -> Scored:
    """Score every item by each model. Hot path: `benchmarks/serve_path.py`."""
    weight = SESSION_DECAY ** profile.recent_session.astype(np.float32)
    recent, session = profile.recent_items, profile.recent_session
    factor = sources.als.user_factor(profile.items, profile.weight)
    return Scored(
        als=sources.als.scores(factor),
        next=score(sources.next, recent, weight, session),
        previous=score(sources.previous, recent, weight, session),
        content=score(sources.content, recent, weight, session),
    )


def _best(
    values: NDArray[np.float32], rows: NDArray[np.int32], allowed: NDArray[np.bool_], k: int
) -> NDArray[np.int32]:
    """Up to `k` allowed rows with the largest positive values, ties to the lower row; `rows` ascending."""
    rows = rows[allowed[rows]]
    chosen = values[rows]
    positive = chosen > 0
    rows, chosen = rows[positive], chosen[positive]
    if len(rows) > k:
        threshold = np.partition(chosen, len(rows) - k)[len(rows) - k]
        keep = chosen >= threshold
        rows, chosen = rows[keep], chosen[keep]
    return rows[np.argsort(-chosen, kind="stable")][:k]


def _first_allowed(order: NDArray[np.int32], allowed: NDArray[np.bool_], k: int) -> NDArray[np.int32]:
    """First `k` allowed rows of an order, looking at ever longer prefixes."""
    looked = 4 * k
    while True:
        prefix = order[:looked]
        found = prefix[allowed[prefix]]
        if len(found) >= k or looked >= len(order):
            return found[:k]
        looked *= 4


def _popular_in_categories(
    sources: Sources, profile: UserProfile, allowed: NDArray[np.bool_], k: int
) -> NDArray[np.int32]:
    """Popular items of the categories just searched for and of the strongest ones, dealt round by round."""
    affinity = profile.leaf_affinity
    liked = np.flatnonzero(affinity > 0)
    liked = liked[np.argsort(-affinity[liked], kind="stable")]
    liked = np.concatenate([profile.searched, liked[~np.isin(liked, profile.searched)]])[:N_CATEGORIES]
    each = max(k // max(len(liked), 1), 1) + 1
    found: list[NDArray[np.int32]] = []
    depth: list[NDArray[np.int64]] = []
    for leaf in liked.tolist():
        start, stop = int(sources.category_indptr[leaf]), int(sources.category_indptr[leaf + 1])
        rows = _first_allowed(sources.category_order[start:stop], allowed, each)
        found.append(rows)
        depth.append(np.arange(len(rows)))
    if not found:
        return np.empty(0, np.int32)
    return np.concatenate(found)[np.argsort(np.concatenate(depth), kind="stable")][:k]


def propose(
    sources: Sources,
    scored: Scored,
    profile: UserProfile,
    allowed: NDArray[np.bool_],
    *,
    quotas: tuple[int, ...] = QUOTAS,
) -> dict[str, NDArray[np.int32]]:
    """Each source's own list, best first, of rows where `allowed` is true."""
    every = np.arange(len(allowed), dtype=np.int32)
    k = dict(zip(SOURCES, quotas, strict=True))
    own_order = np.argsort(-profile.weight, kind="stable")
    own = profile.items[own_order]
    lists = {
        "als": _best(scored.als, every, allowed, k["als"]) if len(profile.items) else np.empty(0, np.int32),
        "repurchase": own[allowed[own]][: k["repurchase"]],
        "category": _popular_in_categories(sources, profile, allowed, k["category"]),
        "popular": _first_allowed(sources.popular_order, allowed, k["popular"]),
    }
    for name in ("next", "previous", "content"):
        part: NeighbourScores = getattr(scored, name)
        lists[name] = _best(part.total, part.touched, allowed, k[name])
    return lists


def retrieve(
    sources: Sources,
    profile: UserProfile,
    allowed: NDArray[np.bool_],
    *,
    quotas: tuple[int, ...] = QUOTAS,
    limit: int = MAX_CANDIDATES,
) -> Candidates:
    """Merged candidates, by best rank over the sources, then source, then row; at most `limit`."""
    scored = score_sources(sources, profile)
    lists = propose(sources, scored, profile, allowed, quotas=quotas)
    rows = np.concatenate([lists[name] for name in SOURCES])
    source = np.repeat(np.arange(len(SOURCES)), [len(lists[name]) for name in SOURCES])
    rank = np.concatenate([np.arange(1, len(lists[name]) + 1) for name in SOURCES])
    distinct, inverse = np.unique(rows, return_inverse=True)
    ranks = np.full((len(distinct), len(SOURCES)), np.nan, np.float32)
    ranks[inverse, source] = rank
    best = np.full(len(distinct), np.iinfo(np.int64).max)
    np.minimum.at(best, inverse, rank * len(SOURCES) + source)
    order = np.argsort(best, kind="stable")[:limit]
    return Candidates(distinct[order].astype(np.int32), ranks[order], scored)
