"""Events and item updates on disk: SQLite, one writer thread, group commit.

A second connection reads on the event loop: WAL lets it see what is committed without waiting for the writer.

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

from recsys.slate import ItemUpdate
from server.errors import OverloadedError, StoreError
from server.store_file import connect, connect_reader
from server.stored_event import StoredEvent

_SELECT: Final = """
SELECT seq, event_id, user_id, item_id, event_type, event_time_ms, query, attribution_token, position, quantity,
       price FROM events WHERE user_id = ? AND event_type = ? ORDER BY event_time_ms DESC, seq DESC
"""
_OVERLAYS: Final = """
SELECT item_id, price, CASE WHEN available IS NULL AND stock IS NULL THEN NULL
                            ELSE coalesce(available, 1) AND coalesce(stock, 1) > 0 END AS visible
FROM item_overlay
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
        on_new: Callable[[int, StoredEvent], None] = lambda _seq, _event: None,
        max_waiting: int = 20_000,
    ) -> None:
        self._path = path
        self.on_new = on_new
        self._max_waiting = max_waiting
        self._waiting = 0
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._connection = connect(path)
        self._reader = connect_reader(path)
        self._thread = threading.Thread(target=self._write, name="slatewright-store", daemon=True)
        self.commits = 0
        self._thread.start()

    def newest(self, user_id: str, event_type: str) -> Iterator[tuple[int, StoredEvent]]:
        """(seq, event) of one user and type, the newest event time first, read from disk as it is consumed.

        Raises StoreError when the disk cannot be read.
        """
        try:
            for seq, *values in self._reader.execute(_SELECT, (user_id, event_type)):
                yield seq, StoredEvent(*values)
        except sqlite3.Error as error:
            raise StoreError("events could not be read from disk; try again later") from error

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
                self.on_new(seq, event)

        await self._submit(work, size=len(events), then=tell)

    async def overlay(self, updates: Sequence[ItemUpdate]) -> tuple[int, list[ItemUpdate]]:
        """Make item updates durable: the overlay's version, and what these items now are. Raises like `append`."""

        def work(connection: sqlite3.Connection) -> tuple[int, list[ItemUpdate]]:
            query = "SELECT coalesce(max(version), 0) FROM item_overlay"
            version = int(connection.execute(query).fetchone()[0]) + (1 if updates else 0)
            rows = [(u.item_id, u.price, u.available, u.stock, version) for u in updates]
            connection.executemany(_UPSERT, rows)
            touched = [(item_id,) for item_id in dict.fromkeys(u.item_id for u in updates)]
            return version, [
                _shown(connection.execute(f"{_OVERLAYS} WHERE item_id = ?", i).fetchone()) for i in touched
            ]

        found: tuple[int, list[ItemUpdate]] = await self._submit(work, size=len(updates), then=lambda _found: None)
        return found

    async def overlays(self) -> list[ItemUpdate]:
        """Every updated item's price, and as `available` whether it may be shown, stock included."""

        def work(connection: sqlite3.Connection) -> list[ItemUpdate]:
            return [_shown(row) for row in connection.execute(f"{_OVERLAYS} ORDER BY item_id")]

        found: list[ItemUpdate] = await self._submit(work, size=0, then=lambda _rows: None)
        return found

    def close(self) -> None:
        """Commit what waits, then close the file."""
        self._jobs.put(None)
        self._thread.join()
        self._reader.close()

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


def _shown(row: tuple[str, float | None, int | None]) -> ItemUpdate:
    item_id, price, visible = row
    return ItemUpdate(item_id, price, None if visible is None else bool(visible))
