"""Events and item updates on disk: SQLite, one writer thread, group commit.

Invariant: a future that `append` or `overlay` resolves speaks of a committed transaction (`synchronous=FULL`);
an error means that nothing of its call was kept. `event_id` is unique: a repeat is not stored twice.
All calls waiting when the writer gets to them share one commit.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from recsys.errors import ConfigError
from recsys.slate import ItemUpdate
from server.errors import OverloadedError, StoreError
from server.stored_event import StoredEvent

_SCHEMA_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE, user_id TEXT NOT NULL,
    item_id TEXT NOT NULL, event_type TEXT NOT NULL, event_time_ms INTEGER NOT NULL,
    query TEXT NOT NULL, attribution_token TEXT NOT NULL, position INTEGER NOT NULL,
    quantity REAL NOT NULL, price REAL, received_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE item_overlay (
    item_id TEXT PRIMARY KEY, price REAL, available INTEGER, stock INTEGER, version INTEGER NOT NULL
    -- available: what the item is after all its updates, stock included
) STRICT;
"""
_INSERT: Final = """
INSERT INTO events (event_id, user_id, item_id, event_type, event_time_ms, query,
                    attribution_token, position, quantity, price, received_ms)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (event_id) DO NOTHING
"""
_UPSERT: Final = """
INSERT INTO item_overlay (item_id, price, available, stock, version) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (item_id) DO UPDATE SET price = coalesce(excluded.price, price),
    available = coalesce(excluded.available, available),
    stock = coalesce(excluded.stock, stock), version = excluded.version
"""
_UNKEPT: Final = "could not be written to disk; nothing was kept; try again later"


@dataclass(slots=True)
class _Job:
    work: Callable[[sqlite3.Connection], Any]
    size: int
    deliver: Callable[[Any, Exception | None], None]


class Store:
    """One file; opened by one server at a time (the state folder is locked)."""

    def __init__(
        self,
        path: Path,
        *,
        on_new: Callable[[int, StoredEvent], None],
        max_waiting: int = 20_000,
    ) -> None:
        self._path = path
        self._on_new = on_new
        self._max_waiting = max_waiting
        self._waiting = 0
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._connection = _connect(path)
        self._thread = threading.Thread(target=self._write, name="slatewright-store")
        self.commits = 0
        try:
            for seq, event in self._events():
                on_new(seq, event)
        except sqlite3.Error as error:
            self._connection.close()
            raise ConfigError(_unusable(path, error)) from error
        self._thread.start()

    async def append(self, events: Sequence[StoredEvent]) -> None:
        """Make events durable; `on_new` hears of each new one, on the event loop, before this returns.

        Raises
        ------
        StoreError
            The disk refused; nothing of this call was kept.
        OverloadedError
            Too many events wait for the disk.
        """

        def work(connection: sqlite3.Connection) -> list[tuple[int, StoredEvent]]:
            new = []
            for event in events:
                cursor = connection.execute(_INSERT, event.row(received_ms=time.time_ns() // 1_000_000))
                if cursor.rowcount:
                    new.append((int(cursor.lastrowid or 0), event))
            return new

        def tell(new: list[tuple[int, StoredEvent]]) -> None:
            for seq, event in new:
                self._on_new(seq, event)

        await self._submit(work, size=len(events), then=tell)

    async def overlay(self, updates: Sequence[ItemUpdate]) -> int:
        """Make item updates durable; the version of the overlay afterwards. Raises like `append`."""

        def work(connection: sqlite3.Connection) -> int:
            query = "SELECT coalesce(max(version), 0) FROM item_overlay"
            version = int(connection.execute(query).fetchone()[0]) + (1 if updates else 0)
            rows = [(u.item_id, u.price, _available(u), u.stock, version) for u in updates]
            connection.executemany(_UPSERT, rows)
            return version

        version: int = await self._submit(work, size=len(updates), then=lambda _version: None)
        return version

    async def overlays(self) -> list[ItemUpdate]:
        """Every updated item's price and availability; to apply them equals applying each update in turn."""

        def work(connection: sqlite3.Connection) -> list[ItemUpdate]:
            query = "SELECT item_id, price, available FROM item_overlay ORDER BY item_id"
            return [
                ItemUpdate(item_id, price, None if available is None else bool(available))
                for item_id, price, available in connection.execute(query)
            ]

        found: list[ItemUpdate] = await self._submit(work, size=0, then=lambda _rows: None)
        return found

    def close(self) -> None:
        """Commit what waits, then close the file."""
        self._jobs.put(None)
        self._thread.join()

    async def _submit(
        self, work: Callable[[sqlite3.Connection], Any], *, size: int, then: Callable[[Any], None]
    ) -> Any:
        if self._waiting + size > self._max_waiting:
            raise OverloadedError(f"{self._waiting} events wait for the disk; expected fewer; try again later")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting += size

        def on_loop(result: Any, error: Exception | None) -> None:
            self._waiting -= size
            if error is None:  # even when the caller has left: what is on disk must be seen
                then(result)
            if not future.done():
                future.set_exception(error) if error else future.set_result(result)

        def deliver(result: Any, error: Exception | None) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(on_loop, result, error)

        self._jobs.put(_Job(work, size, deliver))
        return await future

    def _write(self) -> None:
        stopping = False
        while not stopping:
            batch = [self._jobs.get()]
            while not self._jobs.empty():
                batch.append(self._jobs.get())
            stopping = None in batch
            self._commit([job for job in batch if job is not None])
        self._connection.close()

    def _commit(self, jobs: Sequence[_Job]) -> None:
        if not jobs:
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            results = [job.work(self._connection) for job in jobs]
            self._connection.execute("COMMIT")
            self.commits += 1
        except Exception as error:  # whatever it is, the thread lives on and nothing is kept
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            for job in jobs:
                failure = StoreError(_UNKEPT)
                failure.__cause__ = error
                job.deliver(None, failure)
        else:
            for job, result in zip(jobs, results, strict=True):
                job.deliver(result, None)

    def _events(self) -> Iterator[tuple[int, StoredEvent]]:
        query = """SELECT seq, event_id, user_id, item_id, event_type, event_time_ms, query,
                          attribution_token, position, quantity, price FROM events ORDER BY seq"""
        for seq, *values in self._connection.execute(query):
            yield seq, StoredEvent(*values)


def _available(update: ItemUpdate) -> bool | None:
    if update.stock is None:
        return update.available
    return update.stock > 0 and update.available is not False


def _connect(path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=2.0)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version == 0:
            connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = 1; COMMIT;")
        elif version != _SCHEMA_VERSION:
            connection.close()
            raise ConfigError(
                f"{path} has schema version {version}; expected {_SCHEMA_VERSION}; "
                "serve it with the version of slatewright that wrote it"
            )
    except sqlite3.Error as error:
        raise ConfigError(_unusable(path, error)) from error
    return connection


def _unusable(path: Path, error: sqlite3.Error) -> str:
    return (
        f"{path} is not a usable event store ({error}); expected a SQLite file of slatewright; "
        "check the disk, or move the file away to start without its events"
    )
