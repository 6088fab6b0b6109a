"""Online Retail: cancellations keep their time, goods are told from fees, titles are readable."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from offline_jobs.datasets.online_retail import readable_title
from offline_jobs.ingest import ingest
from recsys.events import load_events

MAY = [datetime(2011, 5, d) for d in range(1, 10)]
Line = tuple[str, str, float, datetime, float, float | None]


def ms(day: int) -> int:
    return int(MAY[day].replace(tzinfo=UTC).timestamp() * 1000)


def write(folder: Path, lines: Sequence[Line]) -> Path:
    """Raw lines of (invoice, code, quantity, time, price, user)."""
    names = ("InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID")
    rows = [dict(zip(names, line, strict=True), Description="RED  MUG", Country="France") for line in lines]
    schema = pa.schema(
        {
            "InvoiceNo": pa.string(),
            "StockCode": pa.string(),
            "Description": pa.string(),
            "Quantity": pa.float64(),
            "InvoiceDate": pa.timestamp("us"),
            "UnitPrice": pa.float64(),
            "CustomerID": pa.float64(),
            "Country": pa.string(),
        }
    )
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / "online_retail.parquet")
    return folder


def test_a_cancellation_does_not_leak_into_the_past(tmp_path: Path) -> None:
    """Before the cancellation the purchase is visible, after it is not; the line itself is quarantined."""
    lines: list[Line] = [
        ("1", "10001", 6, MAY[0], 2.0, 7),
        ("C2", "10001", -6, MAY[4], 2.0, 7),
        ("3", "10002", 1, MAY[5], 2.0, 7),
    ]
    info = ingest("online_retail", write(tmp_path, lines), tmp_path / "log")
    assert (info.n_events, dict(info.quarantined)) == (2, {"cancelled": 1})
    events = load_events(tmp_path / "log")
    assert [events.visible(ms(day)).sum() for day in (0, 1, 4, 5, 6)] == [0, 1, 1, 0, 1]
    assert len(load_events(tmp_path / "log", before_ms=ms(3))) == 1


def test_the_latest_earlier_purchases_are_cancelled_first(tmp_path: Path) -> None:
    """Units come off the latest purchase; one that keeps a unit stays as it was ordered."""
    lines: list[Line] = [
        ("1", "10001", 5, MAY[0], 2.0, 7),
        ("2", "10001", 3, MAY[1], 2.0, 7),
        ("C3", "10001", -4, MAY[2], 2.0, 7),
        ("4", "10001", 1, MAY[3], 2.0, 7),
    ]
    ingest("online_retail", write(tmp_path, lines), tmp_path / "log")
    rows = pq.read_table(tmp_path / "log" / "events.parquet").to_pylist()
    assert [(r["session_id"], r["quantity"], r["cancelled_time"] is not None) for r in rows] == [
        ("1", 5.0, False),
        ("2", 3.0, True),
        ("4", 1.0, False),
    ]


def test_reasons_of_lines_that_are_no_purchase(tmp_path: Path) -> None:
    """Fees, strangers' cancellations, lines without a user and corrections each have their reason."""
    lines: list[Line] = [
        ("1", "10001a", 5, MAY[0], 2.0, 7),
        ("1", "POST", 1, MAY[0], 18.0, 7),
        ("C2", "10001A", -1, MAY[1], 2.0, 8),
        ("3", "10001A", 1, MAY[1], 2.0, None),
        ("4", "10001A", -9, MAY[1], 0.0, 7),
    ]
    info = ingest("online_retail", write(tmp_path, lines), tmp_path / "log")
    assert dict(info.quarantined) == {
        "bad_quantity": 1,
        "cancellation_without_purchase": 1,
        "missing_user": 1,
        "not_a_product": 1,
    }
    assert info.n_read["events"] == 5


def test_identical_lines_are_two_purchases(tmp_path: Path) -> None:
    """Two identical lines of one invoice are real and get two ids; a zero price is unknown."""
    lines: list[Line] = [("1", "10001", 1, MAY[0], 2.0, 7)] * 2 + [("2", "10001", 1, MAY[1], 0.0, 7)]
    ingest("online_retail", write(tmp_path, lines), tmp_path / "log")
    rows = pq.read_table(tmp_path / "log" / "events.parquet").to_pylist()
    assert [r["event_id"] for r in rows] == ["1-10001-1", "1-10001-2", "2-10001-1"]
    assert [r["price"] for r in rows] == [2.0, 2.0, None]


@pytest.mark.parametrize(
    ("raw", "readable"),
    [
        ("WHITE HANGING HEART T-LIGHT HOLDER", "White Hanging Heart T-Light Holder"),
        ("SET/6 RED  SPOTTY CUPS", "Set of 6 Red Spotty Cups"),
        ("S/4 CACTI CANDLES", "Set of 4 Cacti Candles"),
        ("POLYESTER FILLER PAD 45x30cm", "Polyester Filler Pad 45x30cm"),
        ("*USB OFFICE MIRROR BALL", "USB Office Mirror Ball"),
        ("FOLK ART CARD,PACK/12", "Folk Art Card, Pack of 12"),
        ("", ""),
    ],
)
def test_readable_title(raw: str, readable: str) -> None:
    """Upper-case descriptions become titles without losing a word."""
    assert readable_title(raw) == readable
