"""Reading a log: rows of ids are stable, times milliseconds, the future invisible."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recsys.errors import DataError, SchemaError
from recsys.events import NEVER_MS, LogInfo, load_events, read_log, visible_events
from recsys.schema import EVENT_TYPES

T0 = datetime(2024, 1, 1, tzinfo=UTC)
T0_MS = int(T0.timestamp() * 1000)
TIME = pa.timestamp("us", "UTC")


def row(n: int, user: str, item: str | None, kind: str = "view", **more: Any) -> dict[str, Any]:
    time = T0 + timedelta(milliseconds=n, microseconds=999)
    return {"event_id": f"e{n}", "user_id": user, "item_id": item, "event_type": kind, "event_time": time, **more}


def write(folder: Path, rows: list[dict[str, Any]], items: tuple[str, ...] = ("a", "b")) -> Path:
    names = ("event_id", "user_id", "item_id", "event_type", "query")
    schema = pa.schema(
        [(n, pa.string()) for n in names]
        + [("event_time", TIME), ("cancelled_time", TIME)]
        + [(n, pa.float64()) for n in ("quantity", "price", "list_price")]
    )
    table = pa.Table.from_pylist(rows, schema=schema)
    pq.write_table(table, folder / "events.parquet", row_group_size=2)  # dictionaries differ by group
    pq.write_table(pa.table({"item_id": pa.array(items, pa.string())}), folder / "items.parquet")
    return folder


def test_rows_are_ids_in_order(tmp_path: Path) -> None:
    """Users and items get rows in ascending id order; events sort by user, then as in the file."""
    rows = [row(1, "zoë", "b"), row(2, "al", "a"), row(3, "zoë", None, "search", query="lamp"), row(4, "al", "b")]
    events = load_events(write(tmp_path, rows))
    assert (list(events.users), list(events.items)) == (["al", "zoë"], ["a", "b"])
    assert events.user_row.tolist() == [0, 0, 1, 1]
    assert events.item_row.tolist() == [0, 1, 1, -1]
    assert (events.time_ms - T0_MS).tolist() == [2, 4, 1, 3]
    assert [EVENT_TYPES[c] for c in events.type_code] == ["view", "view", "view", "search"]
    assert (events.search_at.tolist(), list(events.search_query)) == ([3], ["lamp"])
    assert [a.dtype.name for a in (events.user_row, events.item_row, events.time_ms, events.type_code)] == [
        "int32",
        "int32",
        "int64",
        "int8",
    ]


def test_numbers(tmp_path: Path) -> None:
    """Unknown prices are NaN."""
    events = load_events(write(tmp_path, [row(1, "u", "a", price=2.5, quantity=3.0)]))
    assert (events.price[0], events.quantity[0]) == (np.float32(2.5), np.float32(3))
    assert np.isnan(events.list_price[0])


def test_windows_keep_rows(tmp_path: Path) -> None:
    """A window hides events, never shifts the rows of users and items."""
    log = write(tmp_path, [row(1, "a", "a"), row(5, "b", "b"), row(9, "b", "a")])
    events = load_events(log, from_ms=T0_MS + 5, before_ms=T0_MS + 9)
    assert (len(events), len(events.users)) == (1, 2)
    assert events.user_row.tolist() == [1]


def test_cancelled_events_are_visible_until_cancelled(tmp_path: Path) -> None:
    """The array mask, the loaded window and the Ibis filter agree at every moment."""
    gone = T0 + timedelta(milliseconds=5)
    log = write(tmp_path, [row(1, "u", "a", cancelled_time=gone), row(7, "u", "b")])
    events = load_events(log)
    assert events.cancelled_ms.tolist() == [T0_MS + 5, NEVER_MS]
    con = ibis.duckdb.connect()
    table = con.read_parquet(log / "events.parquet")
    for at, expected in ((0, 0), (2, 1), (5, 1), (6, 0), (8, 1)):
        as_of = T0 + timedelta(milliseconds=at)
        seen = visible_events(table, as_of).count().to_pyarrow().as_py()
        window = len(load_events(log, before_ms=T0_MS + at))
        assert (int(events.visible(T0_MS + at).sum()), seen, window) == (expected,) * 3
    con.disconnect()


def test_damaged_logs(tmp_path: Path) -> None:
    """A missing log, a broken description, file or column each say what to do."""
    with pytest.raises(DataError, match=r"log\.json is missing; write one with"):
        read_log(tmp_path)
    (tmp_path / "log.json").write_text('{"name": "x"}')
    with pytest.raises(DataError, match="ingest again"):
        read_log(tmp_path)
    info = LogInfo("x", 0, 1, "sundial", None, "en", 1, 1, 1, {}, {})
    (tmp_path / "log.json").write_text(info.to_json())
    with pytest.raises(DataError, match="clock is 'sundial'; expected wall or ordinal"):
        read_log(tmp_path)
    with pytest.raises(DataError, match="cannot read"):
        load_events(tmp_path)
    (tmp_path / "events.parquet").write_bytes(b"no")
    with pytest.raises(DataError, match="cannot read"):
        load_events(tmp_path)
    pq.write_table(pa.table({"user_id": ["u"]}), tmp_path / "events.parquet")
    with pytest.raises(SchemaError, match="lacks item_id, event_type"):
        load_events(tmp_path)
