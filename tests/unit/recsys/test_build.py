"""Item statistics at odd times: what a log may hold and a fit must read right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import ibis
import pyarrow as pa
import pytest

from recsys.profiles.build import item_statistics

AS_OF = datetime(2024, 3, 1, tzinfo=UTC)
AS_OF_MS = int(AS_OF.timestamp() * 1000)
MICROSECOND = timedelta(microseconds=1)


def _statistics(rows: list[tuple[str, str, str, datetime, float | None]], taken: list[str]) -> dict[str, dict]:
    names = ("user_id", "item_id", "event_type", "event_time", "price")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    table = pa.table(
        {
            **columns,
            "list_price": pa.nulls(len(rows), pa.float64()),
            "cancelled_time": pa.nulls(len(rows), pa.timestamp("us", "UTC")),
        }
    )
    table = table.set_column(3, "event_time", table["event_time"].cast(pa.timestamp("us", "UTC")))
    con = ibis.duckdb.connect()
    found = item_statistics(con.create_table("events", table), AS_OF_MS, taken).to_pyarrow().to_pylist()
    con.disconnect()
    return {row["item_id"]: row for row in found}


def test_microseconds_are_read_and_the_edge_is_exact() -> None:
    """An event a microsecond before `as_of` counts, one at it does not, and times keep whole milliseconds."""
    found = _statistics(
        [
            ("u", "a", "purchase", AS_OF - MICROSECOND, 2.5),
            ("u", "b", "purchase", AS_OF, 2.5),
            ("v", "a", "purchase", datetime(2024, 1, 1, 17, 19, 50, 251_126, tzinfo=UTC), 3.5),
        ],
        ["purchase"],
    )
    assert set(found) == {"a"}
    assert found["a"]["first_ms"] == 1_704_129_590_251
    assert found["a"]["paid_milli"] == 6_000


def test_only_taking_makes_a_repeat() -> None:
    """Views on many days are no repurchase; purchases on two days are one."""
    day = timedelta(days=1)
    found = _statistics(
        [
            *(("u", "viewed", "view", AS_OF - n * day, None) for n in range(1, 6)),
            *(("u", "bought", "purchase", AS_OF - n * day, 1.0) for n in (1, 4)),
        ],
        ["purchase"],
    )
    assert (found["viewed"]["n_rebuyers"], found["viewed"]["n_gaps"]) == (0, 0)
    assert (found["bought"]["n_rebuyers"], found["bought"]["gap_ms"]) == (1, 3 * 86_400_000)


@pytest.mark.parametrize("price", [1e18, 1e308])
def test_an_absurd_price_does_not_end_a_build(price: float) -> None:
    """Sums are of integers; a price beyond them is clipped, not a crash."""
    assert _statistics([("u", "a", "purchase", AS_OF - MICROSECOND, price)], ["purchase"])["a"]["n_paid"] == 1


def test_the_builders_know_no_file(tmp_path: Path) -> None:
    """The statistics are an expression: they run on whatever engine holds the table."""
    con = ibis.duckdb.connect(tmp_path / "shop.duckdb")
    empty = con.create_table(
        "events",
        schema=ibis.schema(
            {
                "user_id": "string",
                "item_id": "string",
                "event_type": "string",
                "event_time": "timestamp('UTC', 6)",
                "price": "float64",
                "list_price": "float64",
                "cancelled_time": "timestamp('UTC', 6)",
            }
        ),
    )
    assert item_statistics(empty, AS_OF_MS, ["purchase"]).to_pyarrow().num_rows == 0
    con.disconnect()
