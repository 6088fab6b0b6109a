"""Whatever the rows: none is lost, ids are unique, the order is total, the bytes are the same twice."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from offline_jobs.ingest import ingest
from recsys.errors import DataError
from recsys.schema import EVENT_TYPES, QUARANTINE_REASONS

SCHEMA = pa.schema(
    {
        "event_id": pa.string(),
        "user_id": pa.string(),
        "item_id": pa.string(),
        "event_type": pa.string(),
        "event_time": pa.timestamp("us", "UTC"),
        "quantity": pa.float64(),
        "price": pa.float64(),
    }
)
text = st.text(st.characters(codec="utf-8"), max_size=4) | st.none()
number = st.floats() | st.none()
time = st.none() | st.datetimes(datetime(1, 1, 1), datetime(9999, 1, 1)).map(lambda t: t.replace(tzinfo=UTC))
row = st.fixed_dictionaries(
    {
        "event_id": st.sampled_from(["1", "2", "3"]) | text,
        "user_id": st.just("u") | text,
        "item_id": st.just("i") | text,
        "event_type": st.sampled_from(EVENT_TYPES) | text,
        "event_time": st.just(datetime(2024, 1, 1, tzinfo=UTC)) | time,
        "quantity": st.just(1.0) | number,
        "price": st.just(1.0) | number,
    }
)


@contextmanager
def source(rows: list[dict[str, Any]]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), folder / "e.parquet")
        (folder / "m.toml").write_text('[events]\npath = "e.parquet"\n')
        yield folder


@settings(max_examples=10, deadline=None)
@given(st.lists(row, min_size=1, max_size=12))
def test_no_row_is_lost(rows: list[dict[str, Any]]) -> None:
    """Events kept plus events refused are the rows read; what is kept is sound, unique and ordered."""
    with source(rows) as folder:
        try:
            info = ingest("tables", folder / "m.toml", folder / "log")
        except DataError as error:
            assert "none of" in str(error)
            return
        kept = pq.read_table(folder / "log" / "events.parquet").to_pylist()
        refused = pq.read_table(folder / "log" / "quarantine.parquet").to_pylist()
        assert len(kept) == info.n_events
        assert len(kept) + sum(r["table"] == "events" for r in refused) == len(rows)
        assert len(refused) == sum(info.quarantined.values())
        assert {r["reason"] for r in refused} <= set(QUARANTINE_REASONS)
        keys = [(e["event_time"], e["event_id"].encode()) for e in kept]
        assert keys == sorted(keys)
        assert len({e["event_id"] for e in kept}) == len(kept)
        assert all(e["quantity"] > 0 and (e["price"] is None or e["price"] >= 0) for e in kept)
        assert info.start_ms < info.end_ms


@settings(max_examples=3, deadline=None)
@given(st.lists(row, min_size=2, max_size=12), st.randoms(use_true_random=False))
def test_same_rows_same_bytes(rows: list[dict[str, Any]], random: Any) -> None:
    """Two runs over the same rows, in any order, give byte-identical files."""
    good = {"event_id": "g", "user_id": "u", "item_id": "i", "event_type": "view", "quantity": 1.0, "price": None}
    rows = [*rows, good | {"event_time": datetime(2024, 1, 1, tzinfo=UTC)}]
    shuffled = random.sample(rows, len(rows))
    with source(rows) as one, source(shuffled) as two:
        for folder in (one, two):
            ingest("tables", folder / "m.toml", folder / "log")
        for name in ("events.parquet", "items.parquet", "quarantine.parquet", "log.json"):
            assert (one / "log" / name).read_bytes() == (two / "log" / name).read_bytes()
