"""THE feature definition: training, evaluation and serving call `features` and nothing else.

`FEATURES` names the columns in order. Time is an argument; no clock is read here. Scores of different models are
compared within one request only, so a refit may change their scale.
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.candidates.merge import SOURCES
from recsys.candidates.retrieve import ITEM_TO_ITEM, SCORES, Candidates, Sources
from recsys.profiles.items import ItemTable
from recsys.profiles.timeline import Timeline
from recsys.profiles.user import PULSE_SESSIONS, UserProfile
from recsys.schema import MS_PER_DAY

Column = NDArray[np.float32]

FEATURES: Final[tuple[str, ...]] = (
    *(f"rank_{source}" for source in SOURCES),  # 1-based rank in the source's list; NaN = absent
    "n_sources",  # sources that propose the item
    "fused",  # merge score, share of the request's largest
    "fused_rank",  # place in the merge
    "als_score",  # z-score of the ALS inner product within the request
    "users_had",  # what users like this one have: share of max
    "users_had_raw",
    "users_alike",  # the same, and their items' kin: share of max
    *(f"{s}_{part}" for s in ITEM_TO_ITEM for part in ("total", "last", "last_share", "best", "ties")),
    "n_events",  # the user's strong events on the item
    "n_bought",  # purchases of the item
    "bought_share",  # its share of the user's strong events
    "own_weight",  # decayed weight of the item's events, share of the largest
    *(f"own_pulse_{half_life:g}" for half_life in PULSE_SESSIONS),  # share of late sessions that hold it, by half-life
    "sessions_since_item",  # newer sessions than the last one that holds it
    "days_since_item",  # since the user's last event on the item
    "own_due",  # days since / the user's own mean gap between events on it
    "item_due",  # days since / the item's mean gap over all users
    "in_last_session",  # 1 if the item is in the user's newest session
    "title_bought",  # strong events on items of the same title
    "leaf_affinity",
    "parent_affinity",
    "brand_affinity",
    "head_affinity",  # share of the user's items whose title starts with the same word: a brand or a line
    "in_last_leaf",  # 1 if the newest item is of the same leaf category, brand, first word
    "in_last_brand",
    "in_last_head",
    "days_since_leaf",  # since the user's last event in the leaf category
    "leaf_due",  # days since leaf / the category's mean gap
    "price",  # log of the mean paid
    "price_z",
    "price_gap",  # |price_z - the user's price level|
    "discount",
    "discount_match",  # item's mean discount * user's share of discounted purchases
    "popularity",  # log decayed events
    "n_7d",  # log
    "n_28d",  # log
    "trend",
    "n_users",  # log
    "repeat_rate",
    "category_repeat",
    "age_days",
    "mean_log_age",  # of the item's events, log days
    "newest_share",  # share of its users whose newest event it is
    "mean_user_events",  # log, of its users
    "share_of_leaf",  # of its leaf category's decayed events; brand, first word likewise
    "share_of_brand",
    "share_of_head",
    "head_popularity",  # log decayed events of all items with the same first word
    "kin_popularity",  # log, of items alike, weighted by likeness
    "n_into",  # log of the items that lead to it
    "user_events",  # log
    "user_items",  # log of distinct items
    "user_sessions",  # log
    "user_days_since",
    "user_repeat_share",
    "user_price_level",
    "user_discount_share",
    "user_popularity",  # mean popularity of the user's items, log
    "last_popularity",  # of the newest one, log
    "timeline_place",  # when in the log's course the item is taken, by the order of events alone; NaN for new users
    "timeline_from_newest",  # its place after that of the newest item, of the mean, of the latest-placed recent one
    "timeline_from_mean",
    "timeline_from_latest",
    "timeline_gap",  # |place - the user's moment|
    "timeline_crowd",  # log of its events by users at about this moment
    "timeline_crowd_share",  # their share of all its events
)


def feature_hash(names: tuple[str, ...] = FEATURES) -> str:
    """Identifies the definition; a bundle whose hash differs must not be served by this code."""
    return hashlib.blake2b("\n".join(names).encode(), digest_size=8).hexdigest()


def _share_of_max(values: Column) -> Column:
    top = values.max(initial=0)
    return values / top if top > 0 else values


def _z_score(values: Column) -> Column:
    if len(values) == 0:
        return values
    deviation = values.std()
    scaled: Column = (values - values.mean()) / (deviation if deviation > 0 else np.float32(1))
    return scaled


def _pair_features(rows: NDArray[np.int32], profile: UserProfile, items: ItemTable, time_ms: int) -> dict[str, Column]:
    """What the user did with each candidate itself; NaN where never."""
    n, m = len(rows), len(profile.items)
    nan = np.full(n, np.nan, np.float32)
    out = {"n_events": np.zeros(n, np.float32), "n_bought": np.zeros(n, np.float32)}
    out |= {"bought_share": np.zeros(n, np.float32), "own_weight": np.zeros(n, np.float32)}
    out |= {"in_last_session": np.zeros(n, np.float32)}
    out |= {f"own_pulse_{half_life:g}": np.zeros(n, np.float32) for half_life in PULSE_SESSIONS}
    out |= {"days_since_item": nan, "own_due": nan.copy(), "item_due": nan.copy(), "sessions_since_item": nan.copy()}
    if m:
        at = np.minimum(np.searchsorted(profile.items, rows), m - 1)
        own = profile.items[at] == rows
        at = at[own]
        days = ((time_ms - profile.last_ms[at]) / MS_PER_DAY).astype(np.float32)
        span = ((profile.last_ms[at] - profile.first_ms[at]) / MS_PER_DAY).astype(np.float32)
        out["n_events"][own] = profile.n_events[at]
        out["n_bought"][own] = profile.n_bought[at]
        out["bought_share"][own] = profile.n_events[at] / np.float32(profile.n_total)
        out["own_weight"][own] = profile.weight[at] / max(profile.weight.max(), np.finfo(np.float32).tiny)
        for half_life, average in zip(PULSE_SESSIONS, profile.pulse, strict=True):
            out[f"own_pulse_{half_life:g}"][own] = average[at]
        out["days_since_item"][own] = days
        out["sessions_since_item"][own] = profile.last_session[at]
        out["in_last_session"][own] = profile.last_ms[at] == profile.last_ms.max()
        with np.errstate(divide="ignore", invalid="ignore"):
            gap = span / (profile.n_events[at] - 1)
            out["own_due"][own] = np.where(gap > 0, days / gap, np.nan)
            out["item_due"][own] = days / items.gap_days[rows[own]]
    titles = items.title_row[profile.items]
    counts = np.bincount(titles, profile.n_events, int(items.title_row.max(initial=-1)) + 1)
    out["title_bought"] = counts[items.title_row[rows]].astype(np.float32)
    return out


def _affinity_features(
    rows: NDArray[np.int32], profile: UserProfile, items: ItemTable, time_ms: int
) -> dict[str, Column]:
    """How the user stands to each candidate's category, brand and price; NaN where there is none."""

    def lookup(values: NDArray[np.generic], key: NDArray[np.int32]) -> Column:
        if len(values) == 0:
            return np.full(len(key), np.nan, np.float32)
        return np.where(key >= 0, values[np.maximum(key, 0)], np.nan).astype(np.float32)

    leaf = items.leaf_row[rows]
    last = lookup(profile.leaf_last_ms > 0, leaf)
    since = (time_ms - lookup_ms(profile.leaf_last_ms, leaf)) / MS_PER_DAY
    days_since_leaf = np.where(last > 0, since, np.nan).astype(np.float32)
    price = items.paid[rows]
    heads = np.bincount(items.head_row[profile.items], minlength=int(items.head_row.max(initial=-1)) + 1)
    newest = profile.recent_items[:1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "leaf_affinity": lookup(profile.leaf_affinity, leaf),
            "parent_affinity": lookup(profile.parent_affinity, items.parent_row[rows]),
            "brand_affinity": lookup(profile.brand_affinity, items.brand_row[rows]),
            "head_affinity": (heads[items.head_row[rows]] / max(len(profile.items), 1)).astype(np.float32),
            "in_last_leaf": _same(items.leaf_row, rows, newest),
            "in_last_brand": _same(items.brand_row, rows, newest),
            "in_last_head": _same(items.head_row, rows, newest),
            "days_since_leaf": days_since_leaf,
            "leaf_due": days_since_leaf / lookup(items.category_gap_days, leaf),
            "price": np.log(price),
            "price_z": items.price_z[rows],
            "price_gap": np.abs(items.price_z[rows] - np.float32(profile.price_level)),
            "discount": items.discount[rows],
            "discount_match": items.discount[rows] * np.float32(profile.discount_share),
            "category_repeat": lookup(items.category_repeat, leaf),
        }


def _same(key: NDArray[np.int32], rows: NDArray[np.int32], newest: NDArray[np.int32]) -> Column:
    """1 where a candidate shares a key that is known with the newest item."""
    if len(newest) == 0:
        return np.zeros(len(rows), np.float32)
    same: Column = ((key[rows] == key[newest[0]]) & (key[rows] >= 0)).astype(np.float32)
    return same


def lookup_ms(values: NDArray[np.int64], key: NDArray[np.int32]) -> NDArray[np.int64]:
    """Times by category row; 0 where the row is -1."""
    if len(values) == 0:
        return np.zeros(len(key), np.int64)
    return np.where(key >= 0, values[np.maximum(key, 0)], 0)


def features(
    candidates: Candidates, profile: UserProfile, items: ItemTable, sources: Sources, *, time_ms: int
) -> NDArray[np.float32]:
    """Feature matrix of one request, float32 (n_candidates, len(FEATURES)), C-contiguous.

    Hot path: `benchmarks/serve_path.py`; cost grows with the number of candidates only.
    """
    rows = candidates.rows
    columns: dict[str, Column | float] = _source_features(candidates)
    columns |= _pair_features(rows, profile, items, time_ms)
    columns |= _affinity_features(rows, profile, items, time_ms)
    for name in _LOGGED:
        columns[name] = np.log1p(getattr(items, name)[rows])
    for name in _AS_THEY_ARE:
        columns[name] = getattr(items, name)[rows]
    columns["kin_popularity"] = sources.kin_popularity[rows]
    columns["n_into"] = sources.n_into[rows]
    popularity = np.log1p(items.popularity[profile.items])
    columns["user_popularity"] = float(popularity.mean()) if len(popularity) else np.nan
    newest = profile.recent_items[:1]
    columns["last_popularity"] = float(np.log1p(items.popularity[newest[0]])) if len(newest) else np.nan
    columns["user_events"] = float(np.log1p(profile.n_total))
    columns["user_items"] = float(np.log1p(len(profile.items)))
    columns["user_sessions"] = float(np.log1p(profile.n_sessions))
    columns["user_days_since"] = profile.days_since_last
    columns["user_repeat_share"] = profile.repeat_share
    columns["user_price_level"] = profile.price_level
    columns["user_discount_share"] = profile.discount_share
    columns |= _timeline_features(rows, profile, sources.timeline)
    matrix = np.empty((len(rows), len(FEATURES)), np.float32)
    for i, name in enumerate(FEATURES):
        matrix[:, i] = columns[name]
    return matrix


_LOGGED: Final = ("popularity", "n_7d", "n_28d", "n_users", "head_popularity")
_AS_THEY_ARE: Final = (
    *("trend", "repeat_rate", "age_days", "mean_log_age", "newest_share", "mean_user_events"),
    *("share_of_leaf", "share_of_brand", "share_of_head"),
)


def _timeline_features(rows: NDArray[np.int32], profile: UserProfile, timeline: Timeline) -> dict[str, Column]:
    """Where each candidate stands on the timeline beside the user's recent items; NaN where order does not tell."""
    place, mine = timeline.place[rows], timeline.place[profile.recent_items]
    known = mine[np.isfinite(mine)]
    nan = np.float32(np.nan)
    moment = timeline.moment(profile.recent_items, profile.recent_session)
    crowd = np.full(len(rows), nan, np.float32)
    share = crowd
    if not np.isfinite(moment):
        place = crowd  # early or late says nothing of a user who is nowhere
    else:
        crowd = timeline.crowd[rows, np.searchsorted(timeline.bounds, np.float32(moment))]
        share = crowd / np.maximum(timeline.crowd[rows].sum(axis=1), np.float32(1e-6))
    return {
        "timeline_place": place,
        "timeline_from_newest": place - (mine[0] if len(mine) else nan),
        "timeline_from_mean": place - (known.mean() if len(known) else nan),
        "timeline_from_latest": place - (known.max() if len(known) else nan),
        "timeline_gap": np.abs(place - np.float32(moment)),
        "timeline_crowd": np.log1p(crowd),
        "timeline_crowd_share": share,
    }


def _source_features(candidates: Candidates) -> dict[str, Column | float]:
    """Ranks and scores of every source; scores as shares of the request's largest, so that a refit may rescale."""
    score = dict(zip(SCORES, candidates.scores, strict=True))
    columns: dict[str, Column | float] = {f"rank_{source}": candidates.ranks[:, i] for i, source in enumerate(SOURCES)}
    columns["n_sources"] = np.isfinite(candidates.ranks).sum(axis=1)
    columns["fused"] = _share_of_max(candidates.fused)
    columns["fused_rank"] = np.arange(1, len(candidates.rows) + 1, dtype=np.float32)
    columns["als_score"] = _z_score(score["als"])
    columns["users_had"] = _share_of_max(score["users_had"])
    columns["users_had_raw"] = score["users_had"]
    columns["users_alike"] = _share_of_max(score["users_alike"])
    for source in ITEM_TO_ITEM:
        columns[f"{source}_total"] = _share_of_max(score[f"{source}_total"])
        columns[f"{source}_last"] = score[f"{source}_last"]
        columns[f"{source}_last_share"] = _share_of_max(score[f"{source}_last"])
        columns[f"{source}_best"] = score[f"{source}_best"]
        columns[f"{source}_ties"] = score[f"{source}_ties"]
    return columns
