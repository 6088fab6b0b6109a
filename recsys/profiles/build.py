"""Builders of histories and item profiles. Nothing at or after `as_of` is visible to any of them.

Aggregates over the whole log are Ibis expressions: DuckDB runs them on one machine, Spark could on many.
Sums are of integers, so the result does not depend on the order in which rows are read.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ibis
import numpy as np
from numpy.typing import NDArray

from recsys.catalogue import Catalogue
from recsys.events import Events, visible_events
from recsys.profiles.items import (
    REBUY_PRIOR,
    REBUY_THRESHOLD,
    ItemTable,
    parent_rows,
    price_z_scores,
)
from recsys.profiles.queries import QueryIndex
from recsys.profiles.store import Histories, History
from recsys.schema import EVENT_TYPES, EVENT_WEIGHTS, MS_PER_DAY

HALF_LIFE_DAYS = 28.0
WEIGHTS = np.array([EVENT_WEIGHTS[t] for t in EVENT_TYPES], np.float32)
TABLE_MEMORY = "1GB"
"""What the table engine may hold; beyond it aggregates spill to a temporary folder."""
_IMPRESSION = EVENT_TYPES.index("impression")
_PURCHASE = EVENT_TYPES.index("purchase")


def wanted_types(type_code: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Which event types count as taking an item: purchases where there are any, else every strong event."""
    mask = np.zeros(len(EVENT_TYPES), bool)
    mask[_PURCHASE] = True
    return mask if bool((type_code == _PURCHASE).any()) else WEIGHTS > 0


def item_statistics(events: Any, as_of_ms: int, taken: Sequence[str]) -> Any:
    """Ibis expression: one row per item seen before `as_of_ms`, counts and sums as integers.

    `taken` are the event types that count as taking an item. Columns: item_id, n_events, n_7d, n_28d, n_prev_28d,
    first_ms, discount_permille, n_discounts, paid_milli (thousandths of the currency), n_paid, n_users, n_takers,
    n_rebuyers (took it on more than one day), gap_ms, n_gaps.
    """
    strong = [t for t, w in EVENT_WEIGHTS.items() if w > 0]
    seen = events.filter(events.event_type.isin(strong) & events.item_id.notnull())
    seen = visible_events(seen, datetime.fromtimestamp(as_of_ms / 1000, UTC))
    # DuckDB's epoch has a fraction, other engines' has none: floor is the millisecond on both.
    seen = seen.mutate(time_ms=(seen.event_time.epoch_seconds().cast("float64") * 1000).floor().cast("int64"))
    age = as_of_ms - seen.time_ms
    discount = (1000 * (1 - seen.price / seen.list_price.nullif(0))).clip(0, 1000).round().cast("int64")
    seen = seen.mutate(
        is_7d=(age <= 7 * MS_PER_DAY).cast("int64"),
        is_28d=(age <= 28 * MS_PER_DAY).cast("int64"),
        is_prev=((age > 28 * MS_PER_DAY) & (age <= 56 * MS_PER_DAY)).cast("int64"),
        permille=discount,
        milli=(1000 * seen.price).clip(0, 10**12).round().cast("int64"),
    )
    items = seen.group_by("item_id").agg(
        n_events=seen.count(),
        n_7d=seen.is_7d.sum(),
        n_28d=seen.is_28d.sum(),
        n_prev_28d=seen.is_prev.sum(),
        first_ms=seen.time_ms.min(),
        discount_permille=seen.permille.sum(),
        n_discounts=seen.permille.count(),
        paid_milli=seen.milli.sum(),
        n_paid=seen.milli.count(),
    )
    pairs = seen.select("user_id", "item_id").distinct()
    users = pairs.group_by("item_id").agg(n_users=pairs.count())
    repeats = _repeats(seen.filter(seen.event_type.isin(taken)))
    joined = items.left_join(users, "item_id").drop("item_id_right").left_join(repeats, "item_id").drop("item_id_right")
    return joined.fill_null(dict.fromkeys(("n_takers", "n_rebuyers", "gap_ms", "n_gaps"), 0))


def _repeats(takings: Any) -> Any:
    """Ibis expression: one row per item taken, with n_takers, n_rebuyers, gap_ms and n_gaps.

    Days first, then users: counting distinct days within each pair of user and item would hold every pair at once.
    """
    takings = takings.mutate(day=(takings.time_ms / MS_PER_DAY).floor().cast("int64"))
    days = takings.group_by("user_id", "item_id", "day").agg(
        first_taken=takings.time_ms.min(), last_taken=takings.time_ms.max()
    )
    pairs = days.group_by("user_id", "item_id").agg(
        n_days=days.count(), first_taken=days.first_taken.min(), last_taken=days.last_taken.max()
    )
    return pairs.group_by("item_id").agg(
        n_takers=pairs.count(),
        n_rebuyers=(pairs.n_days > 1).cast("int64").sum(),
        gap_ms=(pairs.last_taken - pairs.first_taken).sum(),
        n_gaps=(pairs.n_days - 1).sum(),
    )


def _aligned_statistics(
    events_path: Path, catalogue: Catalogue, as_of_ms: int, taken: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """Columns of `item_statistics` aligned with the catalogue; zero where an item was not seen."""
    with tempfile.TemporaryDirectory(prefix="slatewright-spill-") as spill:
        con = ibis.duckdb.connect(memory_limit=TABLE_MEMORY, temp_directory=spill)
        try:
            table = item_statistics(con.read_parquet(events_path), as_of_ms, taken).to_pyarrow()
        finally:
            con.disconnect()
    rows = catalogue.ids.rows_of(table["item_id"].to_pylist())
    columns = {}
    for name in table.column_names[1:]:
        values = np.zeros(len(catalogue.ids))
        values[rows] = table[name].fill_null(0).to_numpy()
        columns[name] = values
    return columns


def build_items(
    events_path: Path, catalogue: Catalogue, events: Events, *, as_of_ms: int, catalogue_is_known: bool
) -> ItemTable:
    """Item profiles at `as_of_ms`. `events` are the log's events, aligned with `catalogue`.

    A catalogue is a snapshot of the log's end: at an earlier `as_of` (`catalogue_is_known` false) its availability is
    the future, so every item counts as available; prices that features read are those paid before `as_of`.
    """
    visible = events.visible(as_of_ms) & (events.item_row >= 0)
    taken_types = wanted_types(events.type_code[visible])
    taken = [name for name, is_taken in zip(EVENT_TYPES, taken_types, strict=True) if is_taken]
    stats = _aligned_statistics(events_path, catalogue, as_of_ms, taken)
    n_items, n_categories = len(catalogue.ids), len(catalogue.category_paths)
    age = (as_of_ms - events.time_ms[visible]) / MS_PER_DAY
    decayed = WEIGHTS[events.type_code[visible]] * 0.5 ** (age / HALF_LIFE_DAYS)
    popularity = np.bincount(events.item_row[visible], decayed, n_items).astype(np.float64)
    crowd = _crowd(
        events.user_row[visible],
        events.item_row[visible],
        events.time_ms[visible],
        weight=WEIGHTS[events.type_code[visible]],
        as_of_ms=as_of_ms,
        n_items=n_items,
    )

    leaf = catalogue.leaf_row
    has_leaf = leaf >= 0
    users, takers, rebuyers = stats["n_users"], stats["n_takers"], stats["n_rebuyers"]
    overall = float(rebuyers.sum() / max(takers.sum(), 1))

    def per_category(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(leaf[has_leaf], values[has_leaf], n_categories).astype(np.float64)

    category_repeat = (per_category(rebuyers) + REBUY_PRIOR * overall) / (per_category(takers) + REBUY_PRIOR)
    repeat_prior = np.where(has_leaf, category_repeat[leaf] if n_categories else overall, overall)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap_days = stats["gap_ms"] / stats["n_gaps"] / MS_PER_DAY
        category_gap = per_category(stats["gap_ms"]) / per_category(stats["n_gaps"]) / MS_PER_DAY
        discount = stats["discount_permille"] / stats["n_discounts"] / 1000
        paid = (stats["paid_milli"] / stats["n_paid"] / 1000).astype(np.float32)
    age_days = np.where(users > 0, (as_of_ms - stats["first_ms"]) / MS_PER_DAY, np.nan)

    def f32(values: NDArray[np.float64]) -> NDArray[np.float32]:
        return np.where(np.isfinite(values), values, np.nan).astype(np.float32)

    return ItemTable(
        leaf_row=leaf,
        parent_row=parent_rows(catalogue),
        brand_row=catalogue.brand_row,
        title_row=catalogue.title_row,
        head_row=catalogue.head_row,
        price=catalogue.price,
        paid=paid,
        available=catalogue.available if catalogue_is_known else np.ones(n_items, bool),
        n_events=f32(stats["n_events"]),
        n_users=f32(users),
        n_7d=f32(stats["n_7d"]),
        n_28d=f32(stats["n_28d"]),
        trend=f32(np.log((stats["n_28d"] + 1) / (stats["n_prev_28d"] + 1))),
        popularity=popularity.astype(np.float32),
        repeat_rate=f32((rebuyers + 5 * repeat_prior) / (takers + 5)),
        gap_days=f32(gap_days),
        discount=f32(discount),
        age_days=f32(age_days),
        **{name: f32(values) for name, values in crowd.items()},
        head_popularity=f32(_sum_by(catalogue.head_row, popularity)[catalogue.head_row]),
        share_of_leaf=f32(_share_within(leaf, popularity)),
        share_of_brand=f32(_share_within(catalogue.brand_row, popularity)),
        share_of_head=f32(_share_within(catalogue.head_row, popularity)),
        price_z=price_z_scores(paid, leaf),
        category_repeat=f32(category_repeat),
        category_gap_days=f32(category_gap),
        rebuy=category_repeat >= REBUY_THRESHOLD,
        taken_types=taken_types,
        rebuy_default=np.array([overall >= REBUY_THRESHOLD]),
        brand_share=f32(
            np.bincount(catalogue.brand_row[catalogue.brand_row >= 0]).astype(np.float64) / max(n_items, 1)
        ),
        queries=QueryIndex.build(catalogue.titles, leaf),
    )


def _crowd(
    user_row: NDArray[np.int32],
    item_row: NDArray[np.int32],
    time_ms: NDArray[np.int64],
    *,
    weight: NDArray[np.float32],
    as_of_ms: int,
    n_items: int,
) -> dict[str, NDArray[np.float64]]:
    """Who an item's events are by, and how old they are; only events with a positive weight count."""
    strong = weight > 0
    user_row, item_row, time_ms = user_row[strong], item_row[strong], time_ms[strong]
    age_days = (as_of_ms - time_ms) / MS_PER_DAY
    n_events = np.bincount(item_row, minlength=n_items)
    per_user = np.bincount(user_row)
    newest_ms = np.zeros(len(per_user), np.int64)
    np.maximum.at(newest_ms, user_row, time_ms)
    newest = time_ms == newest_ms[user_row]
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "mean_log_age": np.bincount(item_row, np.log1p(age_days), n_items) / n_events,
            "newest_share": np.bincount(item_row, newest, n_items) / (n_events + 5),
            "mean_user_events": np.bincount(item_row, np.log1p(per_user[user_row]), n_items) / n_events,
        }


def _sum_by(key: NDArray[np.int32], values: NDArray[np.floating]) -> NDArray[np.float64]:
    known = key >= 0
    return np.bincount(key[known], values[known], int(key.max(initial=-1)) + 1).astype(np.float64)


def _share_within(key: NDArray[np.int32], values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Each value's share of the sum over its key, shrunk by one event; NaN where the key is -1."""
    totals = np.append(_sum_by(key, values), np.nan)
    share: NDArray[np.float64] = values / (totals[key] + 1)
    return share


def build_histories(events: Events, items: ItemTable, *, as_of_ms: int, from_ms: int | None = None) -> Histories:
    """Histories of the events in [from_ms, as_of_ms), searches with the category their query points to."""
    chosen = events.visible(as_of_ms) & (events.type_code != _IMPRESSION)
    if from_ms is not None:
        chosen &= events.time_ms >= from_ms
    user_row, item_row = events.user_row[chosen], events.item_row[chosen]
    category = np.where(item_row >= 0, items.leaf_row[item_row], -1).astype(np.int32)
    target = np.cumsum(chosen) - 1  # position of each chosen event among the chosen
    known: dict[str, int] = {}
    for at, query in zip(events.search_at.tolist(), events.search_query, strict=True):
        if chosen[at]:
            if query not in known:
                known[query] = items.queries.category_of(query)
            category[target[at]] = known[query]
    price, list_price = events.price[chosen], events.list_price[chosen]
    with np.errstate(divide="ignore", invalid="ignore"):
        discount = np.clip(1 - price / list_price, 0, 1).astype(np.float32)
    indptr = np.zeros(len(events.users) + 1, np.int64)
    np.cumsum(np.bincount(user_row, minlength=len(events.users)), out=indptr[1:])
    return Histories(
        indptr,
        History(
            item_row,
            category,
            events.time_ms[chosen],
            events.type_code[chosen],
            events.quantity[chosen],
            price,
            discount,
        ),
    )
