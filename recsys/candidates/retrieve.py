"""From a profile to merged candidates: score each source, mask, take its best, merge.

Invariant: no candidate is masked, and a source's list for a shorter quota is the beginning of that for a longer one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from recsys.candidates import user_knn
from recsys.candidates.accumulate import largest, look_up
from recsys.candidates.foldin import ItemFactors
from recsys.candidates.merge import MAX_CANDIDATES, SOURCES, merge
from recsys.candidates.neighbours import Neighbours, NeighbourScores, score
from recsys.candidates.user_knn import UserNeighbours, UserScores
from recsys.kernel import blank_slots
from recsys.profiles.items import ItemTable
from recsys.profiles.timeline import Timeline
from recsys.profiles.user import UserProfile

ITEM_TO_ITEM: Final = ("next", "previous", "together", "content", "bridged")
"""Sources that are `Neighbours`, scored from the user's recent items."""
SCORES: Final = (
    *("als", "users_had", "users_alike"),
    *(f"{name}_{part}" for name in ITEM_TO_ITEM for part in ("total", "last", "best", "ties")),
)
"""Rows of `Candidates.scores`: what the models say of a pair, whether or not they propose it."""
SESSION_DECAY: Final = np.float32(0.8)
"""How much less a recent item counts per session that lies after it, in the item-to-item sources."""
N_CATEGORIES: Final = 10
"""A profile's strongest leaf categories whose popular items are proposed."""


@dataclass(frozen=True, slots=True)
class Sources:
    """All candidate models, fitted on events before one `as_of`.

    `popular_order` int32 (n_items,): rows by decayed popularity. `category_indptr`, `category_order`: the same
    within each leaf category. `kin_popularity`, `n_into` float32 (n_items,): log of the popularity of an item's kin by
    content, weighted by likeness, and of the number of items that lead to it. `quotas` int64 and `fusion` float64
    (n_sources,): the longest list of each source and its weight in the merge, both 0 where it is off. `timeline` is
    no source; features read it.
    """

    als: ItemFactors
    users: UserNeighbours
    next: Neighbours
    previous: Neighbours
    together: Neighbours
    content: Neighbours
    bridged: Neighbours
    popular_order: NDArray[np.int32]
    category_indptr: NDArray[np.int64]
    category_order: NDArray[np.int32]
    kin_popularity: NDArray[np.float32]
    n_into: NDArray[np.float32]
    timeline: Timeline
    quotas: NDArray[np.int64]
    fusion: NDArray[np.float64]

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Every array by name, for saving; nested parts join their names with an underscore."""
        return _flatten(self)

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> Sources:
        """Inverse of `arrays`."""
        parts: dict[str, Any] = {"als": _unflatten(ItemFactors, "als_", arrays)}
        kin = {name: _unflatten(Neighbours, f"users_{name}_", arrays) for name in ("kernel", "alike")}
        parts["users"] = _unflatten(UserNeighbours, "users_", arrays, **kin)
        parts |= {name: _unflatten(Neighbours, f"{name}_", arrays) for name in ITEM_TO_ITEM}
        parts["timeline"] = _unflatten(Timeline, "timeline_", arrays)
        whole: Sources = _unflatten(cls, "", arrays, **parts)
        return whole


def _flatten(part: Any, prefix: str = "") -> dict[str, NDArray[np.generic]]:
    flat: dict[str, NDArray[np.generic]] = {}
    for f in fields(part):
        value = getattr(part, f.name)
        flat |= {prefix + f.name: value} if isinstance(value, np.ndarray) else _flatten(value, f"{prefix}{f.name}_")
    return flat


def _unflatten(kind: Any, prefix: str, arrays: dict[str, NDArray[np.generic]], **parts: Any) -> Any:
    return kind(**{f.name: arrays[prefix + f.name] for f in fields(kind) if f.name not in parts} | parts)


@dataclass(frozen=True, slots=True)
class Scored:
    """Every source's opinion for one profile: its ALS factor float32 (d,), and the scores of what the others reach."""

    als: NDArray[np.float32]
    users: UserScores
    items: dict[str, NeighbourScores]

    def at(self, rows: NDArray[np.int32], sources: Sources) -> NDArray[np.float32]:
        """The scores of some distinct rows, float32 (len(SCORES), len(rows)); 0 where a source does not reach one."""
        out = np.zeros((len(SCORES), len(rows)), np.float32)
        slots = blank_slots(len(sources.popular_order))
        out[0] = sources.als.scores(self.als, rows)
        look_up(self.users.had_rows, self.users.had[None], rows, slots, out[1:2])
        look_up(self.users.alike_rows, self.users.alike[None], rows, slots, out[2:3])
        for i, name in enumerate(ITEM_TO_ITEM):
            part = self.items[name]
            look_up(part.rows, part.values, rows, slots, out[3 + 4 * i : 7 + 4 * i])
        return out


@dataclass(frozen=True, slots=True)
class Candidates:
    """Merged candidates in merge order: `rows` int32 (n,); `ranks` float32 (n, n_sources), 1-based, NaN = absent.

    `fused` float32 (n,) are the fusion scores, descending; `scores` float32 (len(SCORES), n), C-contiguous.
    """

    rows: NDArray[np.int32]
    ranks: NDArray[np.float32]
    fused: NDArray[np.float32]
    scores: NDArray[np.float32]


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
    """Ask each model. Hot path: `benchmarks/serve`."""
    weight = SESSION_DECAY ** profile.recent_session.astype(np.float32)
    recent, session = profile.recent_items, profile.recent_session
    return Scored(
        als=sources.als.user_factor(profile.items, profile.weight),
        users=user_knn.score(sources.users, *user_knn.query(profile.items, profile.weight, profile.last_ms)),
        items={name: score(getattr(sources, name), recent, weight, session) for name in ITEM_TO_ITEM},
    )


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
    """Popular items of the categories just searched for and of the strongest ones, dealt round by round.

    A category with few items leaves its turns to the others.
    """
    affinity = profile.leaf_affinity
    liked = np.flatnonzero(affinity > 0)
    liked = liked[np.argsort(-affinity[liked], kind="stable")]
    liked = np.concatenate([profile.searched, liked[~np.isin(liked, profile.searched)]])[:N_CATEGORIES]
    found: list[NDArray[np.int32]] = []
    depth: list[NDArray[np.int64]] = []
    for leaf in liked.tolist():
        start, stop = int(sources.category_indptr[leaf]), int(sources.category_indptr[leaf + 1])
        rows = _first_allowed(sources.category_order[start:stop], allowed, k)
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
    quotas: NDArray[np.int64],
) -> dict[str, NDArray[np.int32]]:
    """Each source's own list, best first, of rows where `allowed` is true."""
    k = dict(zip(SOURCES, quotas.tolist(), strict=True))
    own_order = np.argsort(-profile.weight, kind="stable")
    own = profile.items[own_order]
    lists = {
        "als": sources.als.best(scored.als, allowed, k["als"]),
        "users": largest(scored.users.alike, scored.users.alike_rows, allowed, k["users"])[0],
        "repurchase": own[allowed[own]][: k["repurchase"]],
        "category": _popular_in_categories(sources, profile, allowed, k["category"]),
        "popular": _first_allowed(sources.popular_order, allowed, k["popular"]),
    }
    for name, part in scored.items.items():
        lists[name] = largest(part.total, part.rows, allowed, k[name])[0]
    return lists


def retrieve(
    sources: Sources,
    profile: UserProfile,
    allowed: NDArray[np.bool_],
    *,
    quotas: NDArray[np.int64] | None = None,
    limit: int = MAX_CANDIDATES,
) -> Candidates:
    """Merged candidates by fusion score, at most `limit`; `quotas` in place of the fitted ones."""
    scored = score_sources(sources, profile)
    longest = sources.quotas if quotas is None else quotas
    lists = propose(sources, scored, profile, allowed, quotas=longest)
    rows, ranks, fused = merge(lists, sources.fusion, limit=limit, n_items=len(allowed))
    return Candidates(rows, ranks, fused, scored.at(rows, sources))
