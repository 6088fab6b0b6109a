"""A log with some users or items hidden, as if nobody had met them yet: what cold start is measured on.

Invariant: the arrays and the file of what is left hold the same events.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from offline_jobs.train_candidates import FitInput
from recsys.events import EVENTS_FILE, Events

TIME: Final = pa.timestamp("us", "UTC")
_ARRAYS: Final = ("user_row", "item_row", "time_ms", "cancelled_ms", "type_code", "quantity", "price", "list_price")


def drawn(n: int, share: float, *, seed: int) -> NDArray[np.bool_]:
    """Mask (n,) of a seeded `share` of n, at least one."""
    chosen = np.zeros(n, bool)
    chosen[np.random.default_rng(seed).choice(n, max(round(share * n), 1), replace=False)] = True
    return chosen


def kept_events(events: Events, keep: NDArray[np.bool_]) -> Events:
    """The events of a mask, in order; rows of users and items keep their meaning."""
    position = np.cumsum(keep) - 1
    searches = keep[events.search_at]
    arrays: dict[str, Any] = {name: getattr(events, name)[keep] for name in _ARRAYS}
    return replace(
        events,
        **arrays,
        search_at=position[events.search_at[searches]],
        search_query=[query for query, kept in zip(events.search_query, searches, strict=True) if kept],
    )


@contextmanager
def hidden(
    source: FitInput,
    *,
    users: NDArray[np.bool_] | None = None,
    items: NDArray[np.bool_] | None = None,
    items_before_ms: int = 0,
) -> Iterator[FitInput]:
    """The log as if the hidden users did not exist and nobody had met the hidden items before `items_before_ms`.

    Item profiles are aggregated from the log's file, so a filtered copy of it lies in a temporary folder meanwhile.
    The catalogue stays: that a new item exists, and its text, is known.
    """
    events = source.events
    gone = np.zeros(len(events), bool)
    table = pq.read_table(source.log.directory / EVENTS_FILE)
    rule = pa.array(np.zeros(len(table), bool))
    if users is not None:
        gone |= users[events.user_row]
        names = [events.users.id(int(row)) for row in np.flatnonzero(users)]
        rule = pc.or_(rule, pc.is_in(table["user_id"].cast(pa.string()), pa.array(names, pa.string())))
    if items is not None:
        gone |= (events.item_row >= 0) & items[events.item_row] & (events.time_ms < items_before_ms)
        names = [events.items.id(int(row)) for row in np.flatnonzero(items)]
        before = pc.less(table["event_time"].cast(TIME).cast(pa.int64()), items_before_ms * 1000)
        met = pc.is_in(table["item_id"].cast(pa.string()).fill_null(""), pa.array(names, pa.string()))
        rule = pc.or_(rule, pc.and_(met, before))
    left = table.filter(pc.invert(rule))
    with tempfile.TemporaryDirectory(prefix="slatewright-hidden-") as folder:
        pq.write_table(left, Path(folder) / EVENTS_FILE)
        yield FitInput(replace(source.log, directory=Path(folder)), kept_events(events, ~gone), source.catalogue)
