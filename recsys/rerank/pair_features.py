"""What features say of a user and a candidate together: the user's own events on it, and on what it belongs to.

Invariant: time is an argument; nothing here knows in which order features stand (`features.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.candidates.accumulate import sums_by_key
from recsys.kernel import blank_slots
from recsys.profiles.items import ItemTable
from recsys.profiles.user import PULSE_SESSIONS, UserProfile
from recsys.schema import MS_PER_DAY

Column = NDArray[np.float32]


def own_features(
    rows: NDArray[np.int32], profile: UserProfile, items: ItemTable, time_ms: int
) -> tuple[NDArray[np.intp], dict[str, NDArray[np.generic]]]:
    """What the user did with the candidates that are their own items: (positions of these (k,), columns (k,))."""
    m = len(profile.items)
    if m == 0:
        return np.empty(0, np.intp), {}
    at = np.minimum(np.searchsorted(profile.items, rows), m - 1)
    own = np.flatnonzero(profile.items[at] == rows)
    if len(own) == 0:
        return own, {}
    at = at[own]
    days = ((time_ms - profile.last_ms[at]) / MS_PER_DAY).astype(np.float32)
    span = ((profile.last_ms[at] - profile.first_ms[at]) / MS_PER_DAY).astype(np.float32)
    n_events = profile.n_events[at]
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = span / (n_events - 1)
        known: dict[str, NDArray[np.generic]] = {
            "n_events": n_events,
            "n_bought": profile.n_bought[at],
            "bought_share": n_events / np.float32(profile.n_total),
            "own_weight": profile.weight[at] / max(profile.weight.max(), np.finfo(np.float32).tiny),
            "in_last_session": profile.last_ms[at] == profile.last_ms.max(),
            "days_since_item": days,
            "own_due": np.where(gap > 0, days / gap, np.nan),
            "item_due": days / items.gap_days[rows[own]],
            "sessions_since_item": profile.last_session[at],
        }
    for half_life, average in zip(PULSE_SESSIONS, profile.pulse, strict=True):
        known[f"own_pulse_{half_life:g}"] = average[at]
    return own, known


def of_key(values: NDArray[np.generic], key: NDArray[np.int32]) -> Column:
    """`values` by key, NaN where the key is -1."""
    if len(values) == 0:
        return np.full(len(key), np.nan, np.float32)
    return np.where(key >= 0, values[np.maximum(key, 0)], np.nan).astype(np.float32)


def affinity_features(
    rows: NDArray[np.int32], profile: UserProfile, items: ItemTable, time_ms: int
) -> dict[str, Column | float]:
    """How the user stands to each candidate's title, category, brand and price; NaN where there is none."""
    leaf = items.leaf_row[rows]
    brand, head = items.brand_row[rows], items.head_row[rows]
    last_ms = profile.leaf_last_ms[leaf] if len(profile.leaf_last_ms) else np.zeros(len(rows), np.int64)
    met = (leaf >= 0) & (last_ms > 0)
    days_since_leaf = np.where(met, (time_ms - last_ms) / MS_PER_DAY, np.nan).astype(np.float32)
    price_z, discount = items.price_z[rows], items.discount[rows]
    newest = int(profile.recent_items[0]) if len(profile.recent_items) else -1
    heads: Column | float = 0.0
    titles: Column | float = 0.0
    if len(profile.items):
        slots = blank_slots(len(items.title_row))
        each = np.full(len(profile.items), 1 / len(profile.items), np.float32)
        heads = sums_by_key(items.head_row, profile.items, each, rows, slots)
        titles = sums_by_key(items.title_row, profile.items, profile.n_events, rows, slots)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "leaf_affinity": of_key(profile.leaf_affinity, leaf),
            "parent_affinity": of_key(profile.parent_affinity, items.parent_row[rows]),
            "brand_affinity": of_key(profile.brand_affinity, brand),
            "head_affinity": heads,
            "title_bought": titles,
            "in_last_leaf": _same(leaf, items.leaf_row, newest),
            "in_last_brand": _same(brand, items.brand_row, newest),
            "in_last_head": _same(head, items.head_row, newest),
            "days_since_leaf": days_since_leaf,
            "leaf_due": days_since_leaf / of_key(items.category_gap_days, leaf),
            "price_gap": np.abs(price_z - np.float32(profile.price_level)),
            "discount_match": discount * np.float32(profile.discount_share),
        }


def _same(key: NDArray[np.int32], of_item: NDArray[np.int32], newest: int) -> Column | float:
    """1 where a candidate's `key` is known and that of the newest item, a row or -1."""
    if newest < 0 or of_item[newest] < 0:
        return 0.0
    same: Column = key == of_item[newest]
    return same
