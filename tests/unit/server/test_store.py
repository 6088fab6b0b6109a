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
    assert heard == []
    assert [e.event_id for _, e in again.newest("u", "click")] == ["c", "b", "a"]
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
    shown = [ItemUpdate("a", 1.0, None), ItemUpdate("b", None, False)]
    assert await store.overlay([ItemUpdate("a", price=1.0), ItemUpdate("b", stock=0)]) == (1, shown)
    assert await store.overlay([ItemUpdate("a", available=False)]) == (2, [ItemUpdate("a", 1.0, False)])
    assert (await store.overlay([ItemUpdate("b", stock=2)]))[0] == 3
    assert await store.overlay([]) == (3, [])
    assert await store.overlays() == [ItemUpdate("a", 1.0, False), ItemUpdate("b", None, True)]
    store.close()


@pytest.mark.parametrize(
    ("sent", "visible"),
    [
        ([{"available": False}, {"stock": 7}], False),
        ([{"stock": 7}, {"available": False}], False),
        ([{"stock": 0}, {"available": True}], False),
        ([{"available": False}, {"stock": 7}, {"available": True}], True),
        ([{"stock": 0}, {"available": True}, {"stock": 1}], True),
        ([{"price": 2.0}], None),
    ],
    ids=str,
)
async def test_an_item_is_visible_when_available_and_in_stock(tmp_path: Path, sent: list[Any], visible: Any) -> None:
    """Both facts count as last sent, in whatever order they came; where neither is, the catalogue decides."""
    store, _ = opened(tmp_path / "e")
    for fields in sent:
        _, shown = await store.overlay([ItemUpdate("a", **fields)])
    assert shown[0].available is visible
    assert (await store.overlays())[0].available is visible
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


async def test_an_older_file_is_upgraded(tmp_path: Path) -> None:
    """Version 1 is served on: its events are found, and stock alone decides about an item it hid for its stock."""
    store, _ = opened(tmp_path / "e")
    await store.append([event("a")])
    await store.overlay([ItemUpdate("x", stock=0)])
    store.close()
    with sqlite3.connect(tmp_path / "e") as connection:
        connection.executescript(
            "DROP INDEX events_of_user; UPDATE item_overlay SET available = 0; PRAGMA user_version = 1"
        )
    connection.close()
    again, _ = opened(tmp_path / "e")
    assert [e.event_id for _, e in again.newest("u", "click")] == ["a"]
    assert (await again.overlay([ItemUpdate("x", stock=3)]))[1] == [ItemUpdate("x", None, True)]
    again.close()
