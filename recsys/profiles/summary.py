"""The coarse view of a profile: shares and levels, never dates, counts of things bought, or anything sensitive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recsys.profiles.store import History
from recsys.profiles.user import UserProfile
from recsys.slate import UserStatus

N_TOP = 5
_DAY_PARTS = ((5, "night"), (12, "morning"), (17, "afternoon"), (22, "evening"), (24, "night"))


def summarise(
    profile: UserProfile,
    history: History,
    *,
    category_names: Sequence[str],
    brands: Sequence[str],
    item_id: Any,
    status: UserStatus,
    queries: Sequence[str],
    wall_clock: bool,
) -> Mapping[str, Any]:
    """Aggregates as plain values; `item_id` maps a row to its external id."""

    def top(shares: np.ndarray[Any, Any], name: Any) -> list[tuple[str, float]]:
        order = np.argsort(-shares, kind="stable")[:N_TOP]
        return [(name(int(row)), round(float(shares[row]), 4)) for row in order if shares[row] > 0]

    def known(value: float) -> float | None:
        return round(value, 3) if np.isfinite(value) else None

    return {
        "status": status,
        "n_events": profile.n_total,
        "top_categories": top(profile.leaf_affinity, lambda row: category_names[row]),
        "top_brands": top(profile.brand_affinity, lambda row: brands[row]),
        "price_level": known(profile.price_level),
        "discount_share": known(profile.discount_share),
        "repeat_share": known(profile.repeat_share),
        "searches": list(queries)[-N_TOP:],
        "active_hours": _day_part(history) if wall_clock else None,
        "last_item_ids": [item_id(int(row)) for row in profile.recent_items[:N_TOP]],
    }


def _day_part(history: History) -> str | None:
    """The part of the day with most of the events, where more than half fall into one."""
    if len(history) < 10:
        return None
    hours = history.time_ms // 3_600_000 % 24
    ends = np.array([end for end, _ in _DAY_PARTS])
    names = [name for _, name in _DAY_PARTS]
    parts = [names[i] for i in np.searchsorted(ends, hours, side="right")]
    best = max(sorted(set(parts)), key=parts.count)
    return best if parts.count(best) > len(parts) / 2 else None
