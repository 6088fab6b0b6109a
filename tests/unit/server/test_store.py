"""Events and item updates on disk."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from recsys.errors import ConfigError
from recsys.slate import ItemUpdate
from server.errors import OverloadedError, StoreError
from server.recent import RecentIndex
from server.store import Store
from server.stored_event import StoredEvent


def event(event_id: str, **fields: Any) -> StoredEvent:
    known = {"user_id": "u", "item_id": "i", "event_type": "click", "time_ms": 1_000}
    return StoredEvent(event_id, **(known | fields))


def opened(path: Path, **settings: Any) -> tuple[Store, list[str]]:
    heard: list[str] = []
    return Store(path, on_new=lambda _seq, e: heard.append(e.event_id), **settings), heard


async def test_a_repeat_is_kept_once(tmp_path: Path) -> None:
    """Within a call, over calls and over restarts, an event_id is stored and heard of once."""
    store, heard = opened(tmp_path / "e")
    await store.append([event("a"), event("b"), event("a")])
    await store.append([event("a", item_id="other"), event("c")])
    assert heard == ["a", "b", "c"]
    store.close()
    again, heard = opened(tmp_path / "e")
    await again.append([event("b")])
    assert heard == ["a", "b", "c"]
    again.close()


async def test_the_file_is_durable_by_configuration(tmp_path: Path) -> None:
    """WAL with synchronous=FULL: every commit is synced before it is acknowledged."""
    store, _ = opened(tmp_path / "e")
    connection = store._connection
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    store.close()


async def test_waiting_calls_share_a_commit(tmp_path: Path) -> None:
    """A hundred calls at once need far fewer than a hundred commits, and all are kept."""
    store, heard = opened(tmp_path / "e")
    await asyncio.gather(*(store.append([event(str(n))]) for n in range(100)))
    assert len(heard) == 100
    assert store.commits < 60
    store.close()


async def test_a_caller_that_leaves_changes_nothing(tmp_path: Path) -> None:
    """An event whose caller was cancelled is on disk and heard of all the same."""
    store, heard = opened(tmp_path / "e")
    task = asyncio.create_task(store.append([event("a")]))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await store.append([event("b")])
    assert heard == ["a", "b"]
    store.close()


async def test_a_locked_file_acknowledges_nothing(tmp_path: Path) -> None:
    """StoreError while the disk refuses; afterwards the same call succeeds."""
    store, heard = opened(tmp_path / "e")
    store._connection.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(tmp_path / "e", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="nothing was kept"):
        await store.append([event("a")])
    other.execute("ROLLBACK")
    other.close()
    assert heard == []
    await store.append([event("a")])
    assert heard == ["a"]
    store.close()


async def test_a_full_disk_acknowledges_nothing(tmp_path: Path) -> None:
    """When pages run out the whole call is undone, and the store works again once there is room."""
    store, heard = opened(tmp_path / "e")
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError):
        await store.append([event(str(n), query="q" * 500) for n in range(200)])
    assert heard == []
    store._connection.execute("PRAGMA max_page_count = 100000")
    await store.append([event("a")])
    assert heard == ["a"]
    assert store._connection.execute("SELECT count(*) FROM events").fetchone()[0] == 1
    store.close()


async def test_too_many_waiting_events_are_refused(tmp_path: Path) -> None:
    """The queue before the disk is bounded."""
    store, _ = opened(tmp_path / "e", max_waiting=3)
    with pytest.raises(OverloadedError):
        await store.append([event(str(n)) for n in range(4)])
    store.close()


async def test_the_overlay_replays_to_what_was_shown(tmp_path: Path) -> None:
    """One row per item that equals all its updates in turn; the version grows with every call."""
    store, _ = opened(tmp_path / "e")
    assert await store.overlay([ItemUpdate("a", price=1.0), ItemUpdate("b", stock=0)]) == 1
    assert await store.overlay([ItemUpdate("a", available=False)]) == 2
    assert await store.overlay([ItemUpdate("b", available=True), ItemUpdate("a", stock=4)]) == 3
    assert await store.overlay([]) == 3
    assert await store.overlays() == [ItemUpdate("a", 1.0, True), ItemUpdate("b", None, True)]
    store.close()


@pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_damaged_file_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    """ConfigError with the path and the remedy; the file is left alone."""
    (tmp_path / "e").write_bytes(content)
    with pytest.raises(ConfigError, match="move the file away"):
        opened(tmp_path / "e")
    assert (tmp_path / "e").read_bytes() == content


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """A file of a later version is not touched."""
    with sqlite3.connect(tmp_path / "e") as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(ConfigError, match="schema version 9"):
        opened(tmp_path / "e")


def test_recent_events_come_by_time_and_by_what_the_bundle_knows() -> None:
    """Sorted by time, late arrivals included; sequence numbers say what a bundle has learnt."""
    index = RecentIndex()
    for seq, (event_id, time_ms) in enumerate([("a", 30), ("b", 10), ("c", 20)], start=1):
        index.add(seq, event(event_id, time_ms=time_ms, item_id=event_id))
    assert [e.item_id for e in index.events("u")] == ["b", "c", "a"]
    assert [e.item_id for e in index.events("u", after_seq=1)] == ["b", "c"]
    assert index.newest_ms("u") == 30
    assert index.events("nobody") == ()
    assert index.newest_ms("nobody") is None


def test_a_flood_of_impressions_pushes_out_nothing_else() -> None:
    """Bounds are per kind: a dislike and a purchase outlive thousands of impressions."""
    index = RecentIndex()
    index.add(1, event("d", event_type="dislike", item_id="bad"))
    index.add(2, event("p", event_type="purchase", item_id="good"))
    for seq in range(3, 5_000):
        index.add(seq, event(str(seq), event_type="impression"))
    kinds = [e.event_type for e in index.events("u")]
    assert kinds.count("dislike") == kinds.count("purchase") == 1
    assert len(kinds) < 400
