"""Feedback as one table: the events of a server's store and of a log, each `event_id` once, nobody forgotten.

Invariant: users stand beside their pseudonym, and an event's token beside the id the exposure log has for it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import ibis
import pyarrow as pa
from ibis.backends import BaseBackend
from ibis.expr.types import Table

from offline_jobs.forgotten import without_forgotten
from recsys.errors import DataError
from recsys.events import EVENTS_FILE
from recsys.secret_key import pseudonym
from recsys.tombstones import Tombstones

STORE_FILE: Final = "events.sqlite"
_CHUNK: Final = 100_000
_TIME: Final = pa.timestamp("us", "UTC")
_SCHEMA: Final = pa.schema(
    {
        "event_id": pa.string(),
        "user_id": pa.string(),
        "item_id": pa.string(),
        "event_type": pa.string(),
        "event_time": _TIME,
        "quantity": pa.float64(),
        "price": pa.float64(),
        "query": pa.string(),
        "position": pa.int32(),
        "attribution_token": pa.string(),
    }
)
_QUERY: Final = (
    "SELECT event_id, user_id, item_id, event_type, event_time_ms, quantity, price, query, position, attribution_token "
    "FROM events ORDER BY seq"
)


def feedback(
    con: BaseBackend, *, store: Path | None, log_dir: Path | None, stones: Tombstones, clock: str
) -> tuple[Table, int]:
    """(events, forgotten rows): columns of `_SCHEMA`, `of_log` and `token_id`, which is null without a token.

    An id that both hold, or one holds twice, is kept once: the log's, then the earliest.
    """
    parts = []
    if log_dir is not None:
        events = con.read_parquet(log_dir / EVENTS_FILE)
        parts.append(events.select(**{n: events[n].cast(t) for n, t in _types().items()}).mutate(of_log=True))
    if store is not None:
        kept = con.create_table("store_events", schema=ibis.Schema.from_pyarrow(_SCHEMA))
        for batch in _from_store(store):
            con.insert("store_events", pa.Table.from_batches([batch]))
        parts.append(kept.mutate(of_log=False))
    both = parts[0] if len(parts) == 1 else parts[0].union(parts[1])
    first = ibis.window(group_by=both.event_id, order_by=[ibis.desc(both.of_log), both.event_time, both.user_id])
    once = both.mutate(at=ibis.row_number().over(first)).filter(ibis._.at == 0).drop("at")
    once = once.mutate(item_id=once.item_id.nullif(""))  # of a search
    kept, n_forgotten = without_forgotten(con, once, stones, clock=clock)
    token = ibis.ifelse(kept.attribution_token == "", ibis.null(str), kept.attribution_token)
    named = kept.mutate(token_id=token.hexdigest("sha256").left(32))
    return con.create_table("feedback", named, temp=True), n_forgotten


def users(con: BaseBackend, events: Table, key: bytes) -> Table:
    """Users of the events by pseudonym: `user_id`, `user`."""
    ids = [
        user_id for user_id in events.user_id.name("u").as_table().distinct().to_pyarrow()["u"].to_pylist() if user_id
    ]
    made = {"user_id": pa.array(ids, pa.string()), "user": pa.array([pseudonym(key, u) for u in ids], pa.string())}
    return con.create_table("users", pa.table(made), temp=True)


def _types() -> dict[str, str]:
    return {name: str(kind) for name, kind in ibis.Schema.from_pyarrow(_SCHEMA).items()}


def _from_store(path: Path) -> Iterator[pa.RecordBatch]:
    """The events of a server's SQLite file; the server may be running."""
    file = path / STORE_FILE if path.is_dir() else path
    if not file.exists():
        raise DataError(f"{file} is not there; name the {STORE_FILE} of a server's state folder, or that folder")
    try:
        with closing(sqlite3.connect(f"file:{file.absolute().as_posix()}?mode=ro", uri=True, timeout=30)) as reader:
            rows = reader.execute(_QUERY)
            while chunk := rows.fetchmany(_CHUNK):
                columns: list[list[Any]] = [list(column) for column in zip(*chunk, strict=True)]
                columns[4] = [datetime.fromtimestamp(ms / 1_000, UTC) for ms in columns[4]]
                yield pa.record_batch(
                    [pa.array(values, kind.type) for values, kind in zip(columns, _SCHEMA, strict=True)], schema=_SCHEMA
                )
    except sqlite3.Error as error:
        raise DataError(f"{file} cannot be read as a store of events ({error}); name another") from error
