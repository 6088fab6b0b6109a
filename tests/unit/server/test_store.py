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
from server.sqlite_store import SqliteStore
from server.store import Store
from server.stored_event import StoredEvent


def event(event_id: str, **fields: Any) -> StoredEvent:
    known = {"user_id": "u", "item_id": "i", "event_type": "click", "time_ms": 1_000}
    return StoredEvent(event_id, **(known | fields))


class Opened:
    """The writer, and a worker's view of the same file with what it was told of."""

    def __init__(self, path: Path, **settings: Any) -> None:
        self.writer = Store(path, **settings)
        self.view = SqliteStore(path, self.writer)
        self.heard: list[str] = []
        self.shown: list[ItemUpdate] = []
        self.view.listener.on_event = lambda _seq, e: self.heard.append(e.event_id)
        self.view.listener.on_items = self.shown.extend
        self.connection = self.writer._connection

    async def append(self, *events: StoredEvent) -> int:
        """Keep events and hear of them; how many were new."""
        fresh = await self.view.append(events)
        await self.view.catch_up()
        return fresh

    async def overlay(self, *updates: ItemUpdate) -> int:
        """Keep updates and have them shown; the version."""
        version = await self.view.overlay(updates)
        await self.view.catch_up()
        return version

    async def clicks(self) -> list[str]:
        """Ids of user u's clicks, the newest first."""
        return [e.event_id for _, e in (await self.view.of_user("u"))["click"]]

    async def close(self) -> None:
        """Let go."""
        await self.view.close()
        self.writer.close()


async def test_a_repeat_is_kept_once(tmp_path: Path) -> None:
    """Within a call, over calls and over restarts, an event_id is stored and heard of once."""
    store = Opened(tmp_path / "e")
    assert await store.append(event("a"), event("b"), event("a")) == 2
    assert await store.append(event("a", item_id="other"), event("c")) == 1
    assert store.heard == ["a", "b", "c"]
    await store.close()
    again = Opened(tmp_path / "e")
    assert await again.append(event("b")) == 0
    assert again.heard == []
    assert await again.clicks() == ["c", "b", "a"]
    await again.close()


async def test_every_view_hears_of_every_commit_once(tmp_path: Path) -> None:
    """A view that did not write hears all the same, in the order of commits, from its opening on; quiet is quiet."""
    store = Opened(tmp_path / "e")
    await store.append(event("before"))
    late = SqliteStore(tmp_path / "e", store.writer)
    heard: list[Any] = []
    late.listener.on_event = lambda seq, e: heard.append((seq, e))
    late.listener.on_items = heard.append
    for n in range(3):
        await store.append(event(f"{n}a"), event(f"{n}b", price=1.5, query="q"))
        await store.overlay(ItemUpdate("x", price=float(n)))
        await late.catch_up()
        await late.catch_up()
    assert [e if isinstance(e, list) else e[1].event_id for e in heard] == [
        *("0a", "0b", [ItemUpdate("x", 0.0)], "1a", "1b", [ItemUpdate("x", 1.0)], "2a", "2b", [ItemUpdate("x", 2.0)])
    ]
    assert heard[1][1] == event("0b", price=1.5, query="q")
    await late.close()
    await store.close()


async def test_a_view_far_behind_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound it tells of a gap instead of each event, and goes on from there."""
    monkeypatch.setattr("server.sqlite_store.MAX_NEWS", 3)
    store = Opened(tmp_path / "e")
    gaps: list[bool] = []
    store.view.listener.on_gap = lambda: gaps.append(True)
    await store.append(*(event(str(n)) for n in range(4)))
    assert (gaps, store.heard) == ([True], [])
    await store.append(event("next"))
    assert (gaps, store.heard) == ([True], ["next"])
    await store.close()


async def test_the_file_is_durable_by_configuration(tmp_path: Path) -> None:
    """WAL with synchronous=FULL: every commit is synced before it is acknowledged."""
    store = Opened(tmp_path / "e")
    connection = store.connection
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    await store.close()


async def test_waiting_calls_share_a_commit(tmp_path: Path) -> None:
    """A hundred calls at once need far fewer than a hundred commits, and all are kept."""
    store = Opened(tmp_path / "e")
    await asyncio.gather(*(store.append(event(str(n))) for n in range(100)))
    assert len(store.heard) == 100
    assert store.writer.commits < 60
    await store.close()


async def test_a_caller_that_leaves_changes_nothing(tmp_path: Path) -> None:
    """An event whose caller was cancelled is on disk and heard of all the same."""
    store = Opened(tmp_path / "e")
    task = asyncio.create_task(store.append(event("a")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await store.append(event("b"))
    assert store.heard == ["a", "b"]
    await store.close()


async def test_a_locked_file_acknowledges_nothing(tmp_path: Path) -> None:
    """StoreError while the disk refuses; afterwards the same call succeeds."""
    store = Opened(tmp_path / "e")
    store.connection.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(tmp_path / "e", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="nothing was kept"):
        await store.append(event("a"))
    other.execute("ROLLBACK")
    other.close()
    assert store.heard == []
    await store.append(event("a"))
    assert store.heard == ["a"]
    await store.close()


async def test_a_full_disk_acknowledges_nothing(tmp_path: Path) -> None:
    """When pages run out the whole call is undone, and the store works again once there is room."""
    store = Opened(tmp_path / "e")
    pages = store.connection.execute("PRAGMA page_count").fetchone()[0]
    store.connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError):
        await store.append(*(event(str(n), query="q" * 500) for n in range(200)))
    assert store.heard == []
    store.connection.execute("PRAGMA max_page_count = 100000")
    await store.append(event("a"))
    assert store.heard == ["a"]
    assert store.connection.execute("SELECT count(*) FROM events").fetchone()[0] == 1
    await store.close()


async def test_too_many_waiting_events_are_refused(tmp_path: Path) -> None:
    """The queue before the disk is bounded."""
    store = Opened(tmp_path / "e", max_waiting=3)
    with pytest.raises(OverloadedError):
        await store.append(*(event(str(n)) for n in range(4)))
    await store.close()


async def test_the_overlay_replays_to_what_was_shown(tmp_path: Path) -> None:
    """One row per item that equals all its updates in turn; the version grows with every call."""
    store = Opened(tmp_path / "e")
    assert await store.overlay(ItemUpdate("a", price=1.0), ItemUpdate("b", stock=0)) == 1
    assert store.shown == [ItemUpdate("a", 1.0, None), ItemUpdate("b", None, False)]
    assert await store.overlay(ItemUpdate("a", available=False)) == 2
    assert store.shown[2:] == [ItemUpdate("a", 1.0, False)]
    assert await store.overlay(ItemUpdate("b", stock=2)) == 3
    assert await store.overlay() == 3
    assert store.shown[3:] == [ItemUpdate("b", None, True)]
    assert await store.view.overlays() == [ItemUpdate("a", 1.0, False), ItemUpdate("b", None, True)]
    await store.close()


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
    store = Opened(tmp_path / "e")
    for fields in sent:
        await store.overlay(ItemUpdate("a", **fields))
    assert store.shown[-1].available is visible
    assert (await store.view.overlays())[0].available is visible
    await store.close()


@pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_damaged_file_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    """ConfigError with the path and the remedy; the file is left alone."""
    (tmp_path / "e").write_bytes(content)
    with pytest.raises(ConfigError, match="move the file away"):
        Store(tmp_path / "e")
    assert (tmp_path / "e").read_bytes() == content


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """A file of a later version is not touched."""
    with sqlite3.connect(tmp_path / "e") as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(ConfigError, match="schema version 9"):
        Store(tmp_path / "e")


async def test_an_older_file_is_upgraded(tmp_path: Path) -> None:
    """Version 1 is served on: its events are found, and stock alone decides about an item it hid for its stock."""
    store = Opened(tmp_path / "e")
    await store.append(event("a"))
    await store.overlay(ItemUpdate("x", stock=0))
    await store.close()
    with sqlite3.connect(tmp_path / "e") as connection:
        connection.executescript(
            "DROP INDEX events_of_user; UPDATE item_overlay SET available = 0; PRAGMA user_version = 1"
        )
    connection.close()
    again = Opened(tmp_path / "e")
    assert await again.clicks() == ["a"]
    await again.overlay(ItemUpdate("x", stock=3))
    assert again.shown == [ItemUpdate("x", None, True)]
    await again.close()
