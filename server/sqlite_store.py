"""A worker's view of the embedded store: it reads the SQLite file itself and hands what is new to the one writer.

Invariant: `catch_up` misses no commit. `PRAGMA data_version` changes when any other connection, of this process or
another, has committed; only then are the tables asked for what came after the last sequence number and version.
WAL lets it see what is committed without waiting for the writer.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from recsys.schema import EVENT_TYPES
from recsys.slate import ItemUpdate
from server.errors import StoreError
from server.event_store import Listener, Numbered, Writer
from server.store_file import connect_reader
from server.stored_event import StoredEvent

_OF_USER: Final = """
SELECT seq, event_id, user_id, item_id, event_type, event_time_ms, query, attribution_token, position, quantity, price
FROM events WHERE user_id = ? AND event_type = ? ORDER BY event_time_ms DESC, seq DESC
"""
_NEWS: Final = """
SELECT seq, event_id, user_id, item_id, event_type, event_time_ms, query, attribution_token, position, quantity, price
FROM events WHERE seq > ? ORDER BY seq LIMIT ?
"""
_OVERLAYS: Final = """
SELECT item_id, price, CASE WHEN available IS NULL AND stock IS NULL THEN NULL
                            ELSE coalesce(available, 1) AND coalesce(stock, 1) > 0 END AS visible, version
FROM item_overlay WHERE version > ? ORDER BY version, item_id
"""
_LAST: Final = "SELECT coalesce((SELECT max(seq) FROM events), 0), coalesce((SELECT max(version) FROM item_overlay), 0)"
MAX_NEWS: Final = 5_000
"""Events told of one by one; a worker that is further behind forgets its users and reads them again."""


class SqliteStore:
    """Reads on the event loop. `writer` is the one of this file, in whatever process it is."""

    def __init__(self, path: Path, writer: Writer) -> None:
        self.listener = Listener()
        self._path = path
        self._writer = writer
        self._reader = connect_reader(path)
        self._data_version = -1
        self._last_seq, self._last_overlay = map(int, self._reader.execute(_LAST).fetchone())

    async def append(self, events: Sequence[StoredEvent]) -> int:
        """Make events durable; how many were not there before."""
        return await self._writer.append(events)

    async def overlay(self, updates: Sequence[ItemUpdate]) -> int:
        """Make item updates durable; the overlay's version."""
        return await self._writer.overlay(updates)

    async def catch_up(self) -> None:
        """Tell the listener of what was committed since the last call.

        # Hot path: 4 µs where nothing was (benchmarks/catch_up.py).
        """
        try:
            (data_version,) = self._reader.execute("PRAGMA data_version").fetchone()
            if data_version == self._data_version:
                return
            events = self._reader.execute(_NEWS, (self._last_seq, MAX_NEWS + 1)).fetchall()
            items = self._reader.execute(_OVERLAYS, (self._last_overlay,)).fetchall()
            if len(events) > MAX_NEWS:
                last_seq = int(self._reader.execute(_LAST).fetchone()[0])
        except sqlite3.Error as error:
            raise StoreError("events could not be read from disk; try again later") from error
        self._data_version = data_version
        if len(events) > MAX_NEWS:
            self._last_seq = last_seq
            self.listener.on_gap()
        else:
            for seq, *values in events:
                self._last_seq = seq
                self.listener.on_event(seq, StoredEvent(*values))
        if items:
            self._last_overlay = int(items[-1][3])
            self.listener.on_items([_shown(row) for row in items])

    async def of_user(self, user_id: str) -> Mapping[str, Iterator[Numbered]]:
        """A user's events by type, the newest event time first, read from disk as they are consumed."""
        return {kind: self._newest(user_id, kind) for kind in EVENT_TYPES}

    async def overlays(self) -> list[ItemUpdate]:
        """Every updated item; read in a thread, as there may be many."""
        return await asyncio.to_thread(_read_overlays, self._path)

    async def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def _newest(self, user_id: str, kind: str) -> Iterator[Numbered]:
        try:
            for seq, *values in self._reader.execute(_OF_USER, (user_id, kind)):
                yield seq, StoredEvent(*values)
        except sqlite3.Error as error:
            raise StoreError("events could not be read from disk; try again later") from error


def _read_overlays(path: Path) -> list[ItemUpdate]:
    try:
        with closing(connect_reader(path)) as reader:
            return [_shown(row) for row in reader.execute(_OVERLAYS, (0,))]
    except sqlite3.Error as error:
        raise StoreError("item updates could not be read from disk; try again later") from error


def _shown(row: tuple[str, float | None, int | None, int]) -> ItemUpdate:
    item_id, price, visible, _version = row
    return ItemUpdate(item_id, price, None if visible is None else bool(visible))
