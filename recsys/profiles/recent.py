"""Events since the bundle, appended to a history: the one way in which new behaviour is seen.

Serving appends what `RecordEvents` accepted; training and evaluation append the log's events between
the model's `as_of` and the request. Both call `with_recent`, so neither can know more than the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recsys.ids import IdMap
from recsys.profiles.items import ItemTable
from recsys.profiles.store import History, concat
from recsys.schema import EVENT_TYPES
from recsys.slate import RecentEvent

_CODES = {name: code for code, name in enumerate(EVENT_TYPES)}


def with_recent(history: History, recent: History, *, time_ms: int) -> History:
    """`history` and `recent` together as seen at `time_ms`: events at or after it are invisible."""
    if len(recent) == 0:
        return history.before(time_ms)
    merged = concat(history, recent)
    order = np.argsort(merged.time_ms, kind="stable")
    stop = int(np.searchsorted(merged.time_ms[order], time_ms, side="left"))
    return merged.take(order[:stop])


def from_events(events: Sequence[RecentEvent], ids: IdMap, items: ItemTable) -> History:
    """Recent events as arrays, in the order given; impressions and events of unknown items are left out."""
    rows, categories, kept = [], [], []
    for event in events:
        if event.event_type == "impression":
            continue
        row = ids.row(event.item_id) if event.item_id else -1
        category = int(items.leaf_row[row]) if row >= 0 else items.queries.category_of(event.query)
        if row >= 0 or not event.item_id:
            rows.append(row)
            categories.append(category)
            kept.append(event)
    prices = [np.nan if e.price is None else e.price for e in kept]
    return History(
        np.array(rows, np.int32),
        np.array(categories, np.int32),
        np.array([e.time_ms for e in kept], np.int64),
        np.array([_CODES[e.event_type] for e in kept], np.int8),
        np.array([e.quantity for e in kept], np.float32),
        np.array(prices, np.float32),
        np.full(len(kept), np.nan, np.float32),
    )
