"""One user's profile at one moment, computed from the history alone: the same code offline and online.

Weights decay with a half-life of 90 days (taste is slower than demand) and depend on the event's type
(`EVENT_WEIGHTS`); a dislike bars its item and takes from its category what a purchase gives. On an ordinal log a
"day" is one step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.kernel import kernel
from recsys.profiles.items import ItemTable
from recsys.profiles.store import MAX_HISTORY, History
from recsys.schema import EVENT_TYPES, EVENT_WEIGHTS, MS_PER_DAY

HALF_LIFE_DAYS = 90.0
N_RECENT = 20
"""Distinct newest items that similarity sources start from."""
N_SEARCHED = 3
SEARCH_FRESH_DAYS = 1.0
"""How long a search says what its user is looking for now."""
PULSE_SESSIONS = (3.0, 10.0, 30.0)
"""Half-lives, in sessions, of the moving averages that say how regularly an item is taken."""
SEARCH_WEIGHT = 2.0
"""What a search adds to the affinity of the category its words point to."""

_WEIGHTS = np.array([EVENT_WEIGHTS[t] for t in EVENT_TYPES], np.float32)
_AFFINITY_WEIGHTS = _WEIGHTS.copy()
_AFFINITY_WEIGHTS[EVENT_TYPES.index("search")] = SEARCH_WEIGHT
_AFFINITY_WEIGHTS[EVENT_TYPES.index("dislike")] = -EVENT_WEIGHTS["purchase"]
_SEARCH = EVENT_TYPES.index("search")
_PURCHASE = EVENT_TYPES.index("purchase")
_DISLIKE = EVENT_TYPES.index("dislike")


@dataclass(frozen=True, slots=True)
class UserProfile:
    """What ranking knows of a user. `m` distinct items with a positive weight, ascending by row.

    `session` counts distinct event times from the newest (0) to older ones, capped by the history's length.
    """

    items: NDArray[np.int32]  # (m,)
    weight: NDArray[np.float32]  # (m,) decayed event weight
    n_events: NDArray[np.float32]  # (m,) events with a positive weight
    n_bought: NDArray[np.float32]  # (m,) purchases
    pulse: NDArray[np.float32]  # (len(PULSE_SESSIONS), m) moving averages of "the session holds the item"
    first_ms: NDArray[np.int64]  # (m,)
    last_ms: NDArray[np.int64]  # (m,)
    last_session: NDArray[np.int32]  # (m,) sessions after the last one that holds the item
    taken: NDArray[np.int32]  # every item ever taken (`ItemTable.taken_types`), however long ago
    disliked: NDArray[np.int32]  # every item ever disliked
    searched: NDArray[np.int32]  # leaf categories searched for within a day, newest first, at most N_SEARCHED
    recent_items: NDArray[np.int32]  # (at most N_RECENT,) newest first, distinct
    recent_session: NDArray[np.int32]  # sessions before the newest one, of each recent item
    leaf_affinity: NDArray[np.float32]  # (n_categories,) shares, may be negative after dislikes
    parent_affinity: NDArray[np.float32]  # (n_categories,)
    brand_affinity: NDArray[np.float32]  # (n_brands,)
    leaf_last_ms: NDArray[np.int64]  # (n_categories,) newest strong event in the category; 0 = never
    price_level: float  # mean price z-score of what was bought; NaN where unknown
    discount_share: float  # share of purchases made below the list price; NaN where unknown
    n_total: int
    n_sessions: int
    days_since_last: float  # NaN without events
    repeat_share: float  # share of purchases of an item bought before; NaN without purchases


def _searched(history: History, age_days: NDArray[np.float32]) -> NDArray[np.int32]:
    searches = history.type_code == _SEARCH
    if not searches.any():
        return np.empty(0, np.int32)
    fresh = searches & (history.category_row >= 0) & (age_days <= SEARCH_FRESH_DAYS)
    newest_first = history.category_row[fresh][::-1]
    _, first_at = np.unique(newest_first, return_index=True)
    searched: NDArray[np.int32] = newest_first[np.sort(first_at)][:N_SEARCHED]
    return searched


def _nan_mean(values: NDArray[np.float32]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


@kernel
def _shares(rows: NDArray[np.int32], weights: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Sums of weights by row (-1: none), as shares of what all weigh; float32 (size,)."""
    sums, total = np.zeros(size, np.float64), 0.0
    for i in range(len(rows)):
        total += abs(weights[i])
        if rows[i] >= 0:
            sums[rows[i]] += weights[i]
    shares = np.zeros(size, np.float32)
    for row in range(size):
        if sums[row] != 0:
            shares[row] = sums[row] / total
    return shares


@dataclass(frozen=True, slots=True)
class _ByItem:
    """Strong events summed by item; fields as in `UserProfile`, `last_at` int64 (m,) is each item's newest event."""

    items: NDArray[np.int32]
    last_at: NDArray[np.int64]
    first_ms: NDArray[np.int64]
    weight: NDArray[np.float32]
    n_events: NDArray[np.float32]
    n_bought: NDArray[np.float32]
    pulse: NDArray[np.float32]


def _by_item(
    rows: NDArray[np.int32],
    times: NDArray[np.int64],
    decayed: NDArray[np.float32],
    bought: NDArray[np.bool_],
    session: NDArray[np.int64],
) -> _ByItem:
    """One user's strong events, oldest first, by item.

    `pulse` are exponential moving averages over the user's sessions, newest first, of whether a session holds each
    item. A session counts an item once: what a basket holds says more of a habit than how many events it has (Hu, He,
    Gao, Zhang 2020, "Modeling personalized item frequency information for next-basket recommendation").
    """
    order = np.argsort(rows, kind="stable")
    fade = 0.5 ** (1 / np.array(PULSE_SESSIONS))
    n_sessions = int(session[0]) + 1 if len(session) else 0
    whole = (1 - fade**n_sessions) / (1 - fade)
    return _ByItem(*_tally(order, rows, times, decayed, bought, session, fade, whole))


@kernel
def _tally(
    order: NDArray[np.int64],
    rows: NDArray[np.int32],
    times: NDArray[np.int64],
    decayed: NDArray[np.float32],
    bought: NDArray[np.bool_],
    session: NDArray[np.int64],
    fade: NDArray[np.float64],
    whole: NDArray[np.float64],
) -> tuple[Any, ...]:
    """The fields of `_ByItem`; `order` are the events by item, oldest first within one."""
    n = len(order)
    items, last_at, first_ms = np.empty(n, np.int32), np.empty(n, np.int64), np.empty(n, np.int64)
    sums, pulse = np.zeros((3, n), np.float64), np.zeros((len(fade), n), np.float64)
    m = -1
    for i in range(n):
        at = order[i]
        same = i > 0 and rows[order[i - 1]] == rows[at]
        if not same:
            m += 1
            items[m], first_ms[m] = rows[at], times[at]
        last_at[m] = at
        sums[0, m] += decayed[at]
        sums[1, m] += 1
        sums[2, m] += bought[at]
        if not same or session[order[i - 1]] != session[at]:
            for p in range(len(fade)):
                pulse[p, m] += fade[p] ** session[at]
    m += 1
    for p in range(len(fade)):
        pulse[p] /= whole[p]
    summed = sums[:, :m].astype(np.float32)
    averages = pulse[:, :m].astype(np.float32)
    return items[:m].copy(), last_at[:m].copy(), first_ms[:m].copy(), summed[0], summed[1], summed[2], averages


def _distinct(rows: NDArray[np.int32]) -> NDArray[np.int32]:
    """The distinct of a few rows, ascending; -1 is none."""
    ordered: NDArray[np.int32] = np.sort(rows)
    found: NDArray[np.int32] = ordered[(np.diff(ordered, prepend=-1) != 0) & (ordered >= 0)]
    return found


def user_profile(history: History, items: ItemTable, *, time_ms: int) -> UserProfile:
    """Profile of a user whose visible events are `history` (all before `time_ms`).

    Hot path: `benchmarks/serve`. Cost grows with the history's length and the number of categories.
    """
    taken = _distinct(history.item_row[items.taken_types[history.type_code]])
    disliked = _distinct(history.item_row[history.type_code == _DISLIKE])
    history = history.newest(MAX_HISTORY)
    n_categories, n_brands = len(items.rebuy), len(items.brand_share)
    age_days = ((time_ms - history.time_ms) / MS_PER_DAY).astype(np.float32)
    decay = np.exp2(-age_days / np.float32(HALF_LIFE_DAYS))
    strength = _WEIGHTS[history.type_code]
    strong = (strength > 0) & (history.item_row >= 0)
    rows, times, ages = history.item_row[strong], history.time_ms[strong], age_days[strong]
    decayed = (strength * decay)[strong]
    bought = history.type_code[strong] == _PURCHASE

    steps = np.flatnonzero(np.diff(times) > 0)
    session_of = len(steps) - np.searchsorted(steps, np.arange(len(times)), side="left")
    found = _by_item(rows, times, decayed, bought, session_of)
    newest = np.argsort(-found.last_at, kind="stable")[:N_RECENT]

    influence = _AFFINITY_WEIGHTS[history.type_code] * decay
    leaf_weighted = _shares(history.category_row, influence, n_categories)
    on_item = history.item_row >= 0
    parents = np.where(on_item, items.parent_row[history.item_row], -1).astype(np.int32)
    brands = np.where(on_item, items.brand_row[history.item_row], -1).astype(np.int32)
    leaf_last = np.zeros(n_categories, np.int64)
    leaves = history.category_row[strong]
    leaf_last[leaves[leaves >= 0]] = times[leaves >= 0]  # ascending in time: the newest stays

    discounts = history.discount[strong][bought]
    known_discounts = discounts[np.isfinite(discounts)]
    n_purchases = float(found.n_bought.sum())
    return UserProfile(
        items=found.items,
        weight=found.weight,
        n_events=found.n_events,
        n_bought=found.n_bought,
        pulse=found.pulse,
        first_ms=found.first_ms,
        last_ms=times[found.last_at],
        last_session=session_of[found.last_at].astype(np.int32),
        taken=taken,
        disliked=disliked,
        searched=_searched(history, age_days),
        recent_items=found.items[newest],
        recent_session=session_of[found.last_at[newest]].astype(np.int32),
        leaf_affinity=leaf_weighted,
        parent_affinity=_shares(parents, influence, n_categories),
        brand_affinity=_shares(brands, influence, n_brands),
        leaf_last_ms=leaf_last,
        price_level=_nan_mean(items.price_z[rows[bought]]),
        discount_share=float((known_discounts > 0).mean()) if len(known_discounts) else np.nan,
        n_total=len(rows),
        n_sessions=len(steps) + 1 if len(times) else 0,
        days_since_last=float(ages[-1]) if len(ages) else float("nan"),
        repeat_share=1 - float((found.n_bought > 0).sum()) / n_purchases if n_purchases else np.nan,
    )
