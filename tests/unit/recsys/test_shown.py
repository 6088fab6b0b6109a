"""Reading what was shown: only the window, compact, one request a key, no doubtful position."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recsys.errors import DataError, SchemaError
from recsys.events import Events, load_events
from recsys.schema import EVENT_TYPES
from recsys.shown import Acts, Shown, read_shown

T0 = datetime(2024, 1, 1, tzinfo=UTC)
T0_MS = int(T0.timestamp() * 1000)
TIME = pa.timestamp("us", "UTC")
TEXTS = ("event_id", "user_id", "item_id", "event_type", "query", "placement", "attribution_token")


def row(ms: float, user: str, item: str, kind: str = "impression", **more: Any) -> dict[str, Any]:
    position = {"position": 1} if kind == "impression" else {}
    time = {"event_time": T0 + timedelta(milliseconds=ms)}
    return {"user_id": user, "item_id": item, "event_type": kind} | time | position | more


def log_of(folder: Path, rows: list[dict[str, Any]]) -> Path:
    """A log with these events, in their order."""
    numbers = [(n, pa.float64()) for n in ("quantity", "price", "list_price")]
    schema = pa.schema(
        [(n, pa.string()) for n in TEXTS]
        + [("event_time", TIME), ("cancelled_time", TIME), ("position", pa.int32()), *numbers]
    )
    numbered = [{"event_id": f"e{n}"} | r for n, r in enumerate(rows)]
    pq.write_table(pa.Table.from_pylist(numbered, schema=schema), folder / "events.parquet", row_group_size=3)
    pq.write_table(pa.table({"item_id": pa.array(["a", "b", "c"])}), folder / "items.parquet")
    return folder


def read(folder: Path, rows: list[dict[str, Any]], *, from_ms: int = 0, before_ms: int = 1_000) -> tuple[Events, Shown]:
    log = log_of(folder, rows)
    events = load_events(log)
    return events, read_shown(log, events, from_ms=T0_MS + from_ms, before_ms=T0_MS + before_ms)


def test_only_the_window_is_read(tmp_path: Path) -> None:
    """Impressions and responses before it, and at or after its end, are invisible; so is one cancelled by its end."""
    at = [-1, 0, 500, 999.999, 1_000]
    rows = [row(ms, "u", "a") for ms in at] + [row(ms, "u", "b", "click") for ms in at]
    rows += [row(10, "u", "c", "purchase", cancelled_time=T0 + timedelta(milliseconds=ms)) for ms in (999, 1_000)]
    _, shown = read(tmp_path, rows)
    assert (shown.impressions.time_ms - T0_MS).tolist() == [0, 500, 999]
    assert (shown.responses.time_ms - T0_MS).tolist() == [0, 500, 999, 10]
    assert [EVENT_TYPES[c] for c in shown.responses.type_code] == ["click"] * 3 + ["purchase"]


def test_rows_are_the_logs_own(tmp_path: Path) -> None:
    """Users and items have the rows `load_events` gives them; an absent position is 0."""
    events, shown = read(tmp_path, [row(1, "zoë", "c", position=7), row(2, "al", "a", position=None)])
    assert [events.users.id(r) for r in shown.impressions.user_row] == ["zoë", "al"]
    assert [events.items.id(r) for r in shown.impressions.item_row] == ["c", "a"]
    assert shown.position.tolist() == [7, 0]


def test_a_request_is_a_users_token_or_moment(tmp_path: Path) -> None:
    """Same user and token: one request at whatever time; without a token user, time and placement; a response without
    a token has none.
    """
    rows = [
        row(1, "u", "a", attribution_token="t"),
        row(9, "u", "b", attribution_token="t", placement="home"),
        row(1, "v", "a", attribution_token="t"),  # another user's
        row(5, "u", "a", placement="home"),
        row(5, "u", "b", placement="home", attribution_token=""),
        row(5, "u", "c", placement="cart"),
        row(6, "u", "c", placement="home"),
        row(7, "u", "a", "click", attribution_token="t"),
        row(7, "u", "a", "click"),
    ]
    _, shown = read(tmp_path, rows)
    request = shown.impressions.request.tolist()
    assert request[0] == request[1]
    assert request[3] == request[4]
    assert len(set(request)) == 5
    assert shown.responses.request.tolist() == [request[0], 0]


def test_bytes_per_impression(tmp_path: Path) -> None:
    """An impression costs 29 bytes and a response 25, whatever the length of its token."""
    rows = [row(n, "u", "a", attribution_token="t" * 4_000) for n in range(50)]
    _, shown = read(tmp_path, [*rows, row(60, "u", "a", "click", attribution_token="t" * 4_000)])

    def cost(acts: Acts) -> int:
        return sum(getattr(acts, name).nbytes for name in Acts.__slots__)  # type: ignore[attr-defined]

    assert cost(shown.impressions) + shown.position.nbytes == 29 * 50
    assert cost(shown.responses) == 25


def test_a_negative_position_is_named(tmp_path: Path) -> None:
    """The error says how many, which, what is expected and what to do; outside the window nobody minds."""
    rows = [row(1, "u", "a"), row(2, "u", "b", position=-3)]
    with pytest.raises(
        DataError, match=r"1 of 2 impressions have a negative position, the first -3; expected 1 .*correct"
    ):
        read(tmp_path, rows)
    read(tmp_path, rows, before_ms=2)


def test_a_log_without_impressions(tmp_path: Path) -> None:
    """Nothing is shown, and responses are not read at all."""
    _, shown = read(tmp_path, [row(1, "u", "a", "click")])
    assert (len(shown.impressions), len(shown.responses), shown.position.dtype) == (0, 0, np.int32)


def test_a_log_of_before_these_columns(tmp_path: Path) -> None:
    """A file without the columns is told to be ingested again."""
    log = log_of(tmp_path, [row(1, "u", "a")])
    events = load_events(log)
    table = pq.read_table(log / "events.parquet")
    pq.write_table(table.drop_columns(["position"]), log / "events.parquet")
    with pytest.raises(SchemaError, match=r"lacks position.*ingest again"):
        read_shown(log, events, from_ms=0, before_ms=1)
    (log / "events.parquet").write_bytes(b"not parquet")
    with pytest.raises(DataError, match="ingest the log again"):
        read_shown(log, events, from_ms=0, before_ms=1)
