"""The one writer of events and item updates on disk: SQLite, one thread, group commit.

Invariant: a call of `append` or `overlay` that returns speaks of a committed transaction (`synchronous=FULL`);
an error means that nothing of it was kept. `event_id` is unique: a repeat is not stored twice.
All calls waiting when the writer gets to them share one commit. Workers read the file themselves (`sqlite_store.py`).
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from recsys.slate import ItemUpdate
from server.errors import OverloadedError, StoreError
from server.store_file import connect
from server.stored_event import StoredEvent

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

    def __init__(self, path: Path, *, max_waiting: int = 20_000) -> None:
        self._max_waiting = max_waiting
        self.waiting = 0
        """Events and updates that wait for the disk."""
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._connection = connect(path)
        self._thread = threading.Thread(target=self._write, name="slatewright-store", daemon=True)
        self.commits = 0
        self._thread.start()

    async def append(self, events: Sequence[StoredEvent]) -> int:
        """Make events durable; how many were not there before.

        Raises
        ------
        StoreError
            The disk refused; nothing of this call was kept.
        OverloadedError
            Too many events wait for the disk.
        """

        def work(connection: sqlite3.Connection) -> int:
            received_ms = time.time_ns() // 1_000_000
            return sum(connection.execute(_INSERT, e.row(received_ms=received_ms)).rowcount for e in events)

        fresh: int = await self._submit(work, size=len(events))
        return fresh

    async def overlay(self, updates: Sequence[ItemUpdate]) -> int:
        """Make item updates durable; the overlay's version. Raises like `append`."""

        def work(connection: sqlite3.Connection) -> int:
            query = "SELECT coalesce(max(version), 0) FROM item_overlay"
            version = int(connection.execute(query).fetchone()[0]) + (1 if updates else 0)
            connection.executemany(_UPSERT, [(u.item_id, u.price, u.available, u.stock, version) for u in updates])
            return version

        version: int = await self._submit(work, size=len(updates))
        return version

    def close(self) -> None:
        """Commit what waits, then close the file."""
        self._jobs.put(None)
        self._thread.join()

    async def _submit(self, work: Callable[[sqlite3.Connection], Any], *, size: int) -> Any:
        if self.waiting + size > self._max_waiting:
            raise OverloadedError(f"{self.waiting} events wait for the disk; expected fewer; try again later")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self.waiting += size

        def on_loop(result: Any, error: Exception | None) -> None:
            self.waiting -= size
            if not future.done():  # else the caller has left
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
