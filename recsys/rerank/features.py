"""THE feature definition: training, evaluation and serving call `features` and nothing else.

`FEATURES` names the columns in order. Time is an argument; no clock is read here. Scores of different models are
compared within one request only, so a refit may change their scale.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.candidates.merge import SOURCES
from recsys.candidates.retrieve import ITEM_TO_ITEM, SCORES, Candidates, Sources
from recsys.profiles.items import ItemTable
from recsys.profiles.timeline import Timeline
from recsys.profiles.user import PULSE_SESSIONS, UserProfile
from recsys.rerank.pair_features import Column, affinity_features, of_key, own_features

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


def static_features(items: ItemTable, sources: Sources) -> NDArray[np.float32]:
    """What features say of an item whoever asks: float32 (n_items, len(STATIC)), computed once per fit."""
    columns: dict[str, Column] = {name: np.log1p(getattr(items, name)) for name in _LOGGED}
    columns |= {name: getattr(items, name) for name in _AS_THEY_ARE}
    columns |= {"kin_popularity": sources.kin_popularity, "n_into": sources.n_into}
    with np.errstate(divide="ignore", invalid="ignore"):
        columns["price"] = np.log(items.paid)
    leaf = items.leaf_row
    columns["category_repeat"] = of_key(items.category_repeat, leaf)
    return np.stack([columns[name] for name in STATIC], axis=1)


def features(
    candidates: Candidates,
    profile: UserProfile,
    items: ItemTable,
    sources: Sources,
    static: NDArray[np.float32],
    *,
    time_ms: int,
) -> NDArray[np.float32]:
    """Feature matrix of one request, float32 (n_candidates, len(FEATURES)), C-contiguous.

    `static` is `static_features` of these items and sources. Hot path: `benchmarks/serve`; cost grows with the number
    of candidates only, and is mostly numpy's per call: so columns that are made alike are made at once.
    """
    rows, ranks = candidates.rows, candidates.ranks
    columns = np.empty((len(FEATURES), len(rows)), np.float32)  # a feature a row: numpy writes along rows
    columns[: len(SOURCES)] = ranks.T
    columns[_SHARES] = _shares_of_max(candidates.scores[_SHARED])
    columns[_RAW] = candidates.scores[_SCORED]
    columns[_STATIC] = static[rows].T
    columns[_OF_USER] = np.array(_user_features(profile, items), np.float32)[:, None]
    single: dict[str, Column | float] = {
        "n_sources": np.isfinite(ranks).sum(axis=1),
        "fused": _shares_of_max(candidates.fused[None])[0],
        "fused_rank": np.arange(1, len(rows) + 1, dtype=np.float32),
        "als_score": _z_score(candidates.scores[SCORES.index("als")]),
    }
    single |= affinity_features(rows, profile, items, time_ms)
    single |= _timeline_features(rows, profile, sources.timeline)
    for name, column in single.items():
        columns[_AT[name]] = column
    columns[_OWN] = _UNKNOWN[:, None]
    own, known = own_features(rows, profile, items, time_ms)
    for name, values in known.items():
        columns[_AT[name], own] = values
    return np.ascontiguousarray(columns.T)


STATIC: Final = (
    *("popularity", "n_7d", "n_28d", "n_users", "head_popularity"),
    *("trend", "repeat_rate", "age_days", "mean_log_age", "newest_share", "mean_user_events"),
    *("share_of_leaf", "share_of_brand", "share_of_head", "price_z", "discount"),
    *("kin_popularity", "n_into", "price", "category_repeat"),
)
"""Features that depend on the item alone."""
_LOGGED: Final = STATIC[:5]
_AS_THEY_ARE: Final = STATIC[5:16]
_BY_USER: Final = (
    *("user_events", "user_items", "user_sessions", "user_days_since", "user_repeat_share", "user_price_level"),
    *("user_discount_share", "user_popularity", "last_popularity"),
)
_PAIR: Final = (
    *("n_events", "n_bought", "bought_share", "own_weight", "in_last_session"),
    *(f"own_pulse_{half_life:g}" for half_life in PULSE_SESSIONS),
    *("days_since_item", "own_due", "item_due", "sessions_since_item"),
)
_UNKNOWN: Final = np.array([0] * (5 + len(PULSE_SESSIONS)) + [np.nan] * 4, np.float32)
"""`_PAIR` of an item the user never acted on."""
_TIMELINE: Final = tuple(name for name in FEATURES if name.startswith("timeline_"))
_AT: Final = {name: at for at, name in enumerate(FEATURES)}


def _positions(names: Sequence[str]) -> NDArray[np.intp]:
    return np.array([_AT[name] for name in names], np.intp)


_STATIC: Final = _positions(STATIC)
_OF_USER: Final = _positions(_BY_USER)
_OWN: Final = _positions(_PAIR)
# Scores of sources: which rows of `Candidates.scores` become shares of the largest, which stay as they are.
_AS_SHARE: Final = {name: f"{name}_share" if name.endswith("_last") else name for name in SCORES} | {"als": ""}
_AS_SHARE_OF: Final = [(i, _AS_SHARE[name]) for i, name in enumerate(SCORES) if _AS_SHARE[name] in _AT]
_SHARED: Final = np.array([i for i, _ in _AS_SHARE_OF if not SCORES[i].endswith(("_best", "_ties"))], np.intp)
_SHARES: Final = _positions([_AS_SHARE[SCORES[i]] for i in _SHARED])
_AS_SCORED: Final = {
    name: "users_had_raw" if name == "users_had" else name
    for name in SCORES
    if name == "users_had" or name.endswith(("_last", "_best", "_ties"))
}
_SCORED: Final = np.array([SCORES.index(name) for name in _AS_SCORED], np.intp)
_RAW: Final = _positions(list(_AS_SCORED.values()))


def _shares_of_max(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows (p, n) as shares of each row's largest; as they are where that is not positive."""
    top = values.max(axis=1, initial=0, keepdims=True)
    top[top <= 0] = 1
    shares: NDArray[np.float32] = values / top
    return shares


def _z_score(values: Column) -> Column:
    if len(values) == 0:
        return values
    deviation = values.std()
    scaled: Column = (values - values.mean()) / (deviation if deviation > 0 else np.float32(1))
    return scaled


def _user_features(profile: UserProfile, items: ItemTable) -> list[float]:
    """`_BY_USER` of one user."""
    popularity = np.log1p(items.popularity[profile.items])
    newest = profile.recent_items[:1].tolist()
    return [
        *(math.log1p(count) for count in (profile.n_total, len(profile.items), profile.n_sessions)),
        *(profile.days_since_last, profile.repeat_share, profile.price_level, profile.discount_share),
        float(popularity.mean()) if len(popularity) else math.nan,
        float(np.log1p(items.popularity[newest[0]])) if newest else math.nan,
    ]


def _timeline_features(rows: NDArray[np.int32], profile: UserProfile, timeline: Timeline) -> dict[str, Column | float]:
    """Where each candidate stands on the timeline beside the user's recent items; NaN where order does not tell."""
    if not timeline.crowd.shape[1]:  # of a log whose clock says it better
        return dict.fromkeys(_TIMELINE, float("nan"))
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
