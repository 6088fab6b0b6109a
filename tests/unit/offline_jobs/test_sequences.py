"""Ordered logs: pseudo-times keep the order and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from offline_jobs.ingest import ingest
from recsys.errors import DataError, SchemaError
from recsys.events import load_events, read_log
from recsys.schema import MS_PER_DAY


def test_right_aligned_days(tmp_path: Path) -> None:
    """Each user's last event is a day before the end, each earlier one a day before the next."""
    (tmp_path / "sequences.txt").write_text("a 5 6 7\nb 7\n\nc 6 6\n")
    info = ingest("sequences", tmp_path, tmp_path / "log")
    events = load_events(tmp_path / "log")
    days_left = (info.end_ms - events.time_ms) // MS_PER_DAY
    assert [(events.users.id(u), int(d)) for u, d in zip(events.user_row, days_left, strict=True)] == [
        ("a", 3),
        ("a", 2),
        ("a", 1),
        ("b", 1),
        ("c", 2),
        ("c", 1),
    ]
    assert [events.items.id(i) for i in events.item_row] == ["5", "6", "7", "7", "6", "6"]
    assert read_log(tmp_path / "log").info.clock == "ordinal"
    assert len(load_events(tmp_path / "log", before_ms=info.end_ms - MS_PER_DAY)) == 3


def test_a_long_history_does_not_overflow(tmp_path: Path) -> None:
    """Ten thousand steps go back before 1973 and keep their order."""
    (tmp_path / "sequences.txt").write_text("u " + " ".join(str(i % 7) for i in range(10_000)) + "\n")
    ingest("sequences", tmp_path / "sequences.txt", tmp_path / "log")
    events = load_events(tmp_path / "log")
    assert (np.diff(events.time_ms) == MS_PER_DAY).all()
    assert [events.items.id(i) for i in events.item_row[:8]] == ["0", "1", "2", "3", "4", "5", "6", "0"]


def test_catalogue_texts(tmp_path: Path) -> None:
    """The first category path counts, entities and tags are resolved, a missing title falls back."""
    (tmp_path / "sequences.txt").write_text("a 1 2 3\nb\n")
    items = {
        "item_id": [1, 2],
        "title": ["Soap &amp; Glory 1&quot;", None],
        "categories": [["Beauty > Bath > Soap", "Other > X"], []],
        "description": ["Soft.<br>Very <!-- .css {a:b} --> soft", " "],
    }
    pq.write_table(pa.table(items), tmp_path / "items.parquet")
    info = ingest("sequences", tmp_path, tmp_path / "log")
    assert dict(info.quarantined) == {"missing_item": 1, "unknown_item": 1}
    one, two = pq.read_table(tmp_path / "log" / "items.parquet").to_pylist()
    assert (one["title"], one["category"]) == ('Soap & Glory 1"', ["Beauty", "Bath", "Soap"])
    assert (one["description"], two["title"], two["description"]) == ("Soft. Very soft", "Item 2", None)


def test_unusable_sources(tmp_path: Path) -> None:
    """A missing file, an empty one and a catalogue without ids each say what was expected."""
    with pytest.raises(DataError, match=r"sequences\.txt is missing"):
        ingest("sequences", tmp_path, tmp_path / "log")
    (tmp_path / "sequences.txt").write_bytes(b"")
    with pytest.raises(DataError, match="expected"):
        ingest("sequences", tmp_path, tmp_path / "log")
    (tmp_path / "sequences.txt").write_bytes(b"\xff\xfe\x00binary\n" * 9)
    with pytest.raises(DataError, match="expected"):
        ingest("sequences", tmp_path, tmp_path / "log")
    (tmp_path / "sequences.txt").write_text("a 1\n")
    pq.write_table(pa.table({"asin": ["1"]}), tmp_path / "items.parquet")
    with pytest.raises(SchemaError, match="lacks item_id; it has asin"):
        ingest("sequences", tmp_path, tmp_path / "log")
