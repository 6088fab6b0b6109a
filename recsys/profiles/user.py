"""One user's profile at one moment, computed from the history alone: the same code offline and online.

Weights decay with a half-life of 90 days (taste is slower than demand) and depend on the event's type
(`EVENT_WEIGHTS`); a dislike bars its item and takes from its category what a purchase gives. On an ordinal log a
"day" is one step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    fresh = (history.type_code == _SEARCH) & (history.category_row >= 0) & (age_days <= SEARCH_FRESH_DAYS)
    newest_first = history.category_row[fresh][::-1]
    _, first_at = np.unique(newest_first, return_index=True)
    searched: NDArray[np.int32] = newest_first[np.sort(first_at)][:N_SEARCHED]
    return searched


def _nan_mean(values: NDArray[np.float32]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _shares(rows: NDArray[np.int32], weights: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    known = rows >= 0
    sums = np.bincount(rows[known], weights[known], size).astype(np.float32)
    total = float(np.abs(weights).sum())
    return sums / total if total > 0 else sums


def _pulse(item: NDArray[np.intp], session: NDArray[np.intp], m: int) -> NDArray[np.float32]:
    """Exponential moving averages over the user's sessions, newest first, of whether a session holds each item.

    A session counts an item once: what a basket holds says more of a habit than how many events it has (Hu, He, Gao,
    Zhang 2020, "Modeling personalized item frequency information for next-basket recommendation").
    """
    if m == 0:
        return np.empty((len(PULSE_SESSIONS), 0), np.float32)
    n_sessions = int(session.max()) + 1
    held = np.unique(item * n_sessions + session)
    row, ago = held // n_sessions, held % n_sessions
    averages = []
    for half_life in PULSE_SESSIONS:
        fade = 0.5 ** (1 / half_life)
        whole = (1 - fade**n_sessions) / (1 - fade)
        averages.append(np.bincount(row, fade**ago, m) / whole)
    return np.array(averages, np.float32)


def user_profile(history: History, items: ItemTable, *, time_ms: int) -> UserProfile:
    """Profile of a user whose visible events are `history` (all before `time_ms`).

    Hot path: `benchmarks/serve_path.py`. Cost grows with the history's length and the number of categories.
    """
    taken = np.unique(history.item_row[items.taken_types[history.type_code] & (history.item_row >= 0)])
    disliked = np.unique(history.item_row[history.type_code == _DISLIKE])
    history = history.newest(MAX_HISTORY)
    n_categories, n_brands = len(items.rebuy), len(items.brand_share)
    age_days = ((time_ms - history.time_ms) / MS_PER_DAY).astype(np.float32)
    decay = np.exp2(-age_days / np.float32(HALF_LIFE_DAYS))
    strength = _WEIGHTS[history.type_code]
    strong = (strength > 0) & (history.item_row >= 0)
    rows, times, ages = history.item_row[strong], history.time_ms[strong], age_days[strong]
    decayed = (strength * decay)[strong]
    bought = history.type_code[strong] == _PURCHASE

    distinct, first_at, inverse = np.unique(rows, return_index=True, return_inverse=True)
    m = len(distinct)
    last_at = np.zeros(m, np.int64)
    last_at[inverse] = np.arange(len(rows))  # the newest event of each item wins
    n_bought = np.bincount(inverse, bought, m).astype(np.float32)

    newest = np.argsort(-last_at, kind="stable")[:N_RECENT]
    steps = np.flatnonzero(np.diff(times) > 0)
    session_of = len(steps) - np.searchsorted(steps, np.arange(len(times)), side="left")

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
    n_purchases = float(n_bought.sum())
    return UserProfile(
        items=distinct.astype(np.int32),
        weight=np.bincount(inverse, decayed, m).astype(np.float32),
        n_events=np.bincount(inverse, minlength=m).astype(np.float32),
        n_bought=n_bought,
        pulse=_pulse(inverse, session_of, m),
        first_ms=times[first_at],
        last_ms=times[last_at],
        last_session=session_of[last_at].astype(np.int32),
        taken=taken,
        disliked=disliked[disliked >= 0],
        searched=_searched(history, age_days),
        recent_items=distinct[newest].astype(np.int32),
        recent_session=session_of[last_at[newest]].astype(np.int32),
        leaf_affinity=leaf_weighted,
        parent_affinity=_shares(parents, influence, n_categories),
        brand_affinity=_shares(brands, influence, n_brands),
        leaf_last_ms=leaf_last,
        price_level=_nan_mean(items.price_z[rows[bought]]),
        discount_share=float((known_discounts > 0).mean()) if len(known_discounts) else np.nan,
        n_total=len(rows),
        n_sessions=len(steps) + 1 if len(times) else 0,
        days_since_last=float(ages[-1]) if len(ages) else float("nan"),
        repeat_share=1 - float((n_bought > 0).sum()) / n_purchases if n_purchases else np.nan,
    )
