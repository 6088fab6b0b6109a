"""Approved pitches, kept with their provenance in one bounded SQLite file.

A look-up reads; it writes only to mark a row as used, at most once in `MARK_EVERY_S` a row. Only text
that passed the gate enters. A changed fact, policy, prompt or model changes the key, so stale copy is
never found again. A damaged file is put aside, never repaired and never fatal.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

_log = logging.getLogger(__name__)

_TABLE = """
CREATE TABLE IF NOT EXISTS copy (
  key TEXT PRIMARY KEY, item_id TEXT NOT NULL, fact_hash TEXT NOT NULL, kind TEXT NOT NULL,
  locale TEXT NOT NULL, audience TEXT NOT NULL, prompt_version TEXT NOT NULL, model TEXT NOT NULL,
  policy_version TEXT NOT NULL, text TEXT NOT NULL, fact_ids TEXT NOT NULL,
  written_s REAL NOT NULL, used_s REAL NOT NULL
) WITHOUT ROWID
"""
MARK_EVERY_S: Final = 3600.0
"""A row used again within this time is not marked again: eviction needs the hour, not the second."""
_INDEX = "CREATE INDEX IF NOT EXISTS copy_used_s ON copy (used_s)"


@dataclass(frozen=True, slots=True)
class CopyKey:
    """Everything a pitch depends on; `audience` holds the ids of the traits it was written for."""

    item_id: str
    fact_hash: str
    kind: str
    locale: str
    audience: tuple[str, ...]
    prompt_version: str
    model: str
    policy_version: str

    @property
    def digest(self) -> str:
        """A stable text key."""
        parts = [self.item_id, self.fact_hash, self.kind, self.locale, list(self.audience)]
        parts += [self.prompt_version, self.model, self.policy_version]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class CachedCopy:
    """One approved text and the facts it rests on."""

    text: str
    fact_ids: tuple[str, ...]


class CopyCache:
    """A map from `CopyKey` to approved copy; least recently used rows leave first. Thread-safe."""

    def __init__(
        self,
        path: Path | str = ":memory:",
        *,
        max_rows: int = 200_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = str(path)
        self._max_rows = max(1, max_rows)
        self._clock = clock
        self._lock = threading.RLock()
        self._db = self._open()
        self._rows = self._scalar("SELECT COUNT(*) FROM copy")

    def get(self, key: CopyKey) -> CachedCopy | None:
        """The approved copy of `key`, or None."""
        with self._lock:
            try:
                query = "SELECT text, fact_ids, used_s FROM copy WHERE key = ?"
                row = self._db.execute(query, (key.digest,)).fetchone()
                if row is None:
                    return None
                now = self._clock()
                if not 0 <= now - row[2] < MARK_EVERY_S:
                    self._db.execute("UPDATE copy SET used_s = ? WHERE key = ?", (now, key.digest))
                return CachedCopy(str(row[0]), tuple(json.loads(row[1])))
            except (sqlite3.DatabaseError, ValueError, TypeError) as error:
                self._start_anew(error)
                return None

    def put(self, key: CopyKey, copy: CachedCopy) -> None:
        """Keep approved copy, replacing what was there."""
        with self._lock:
            now = self._clock()
            values = (
                *(key.digest, key.item_id, key.fact_hash, key.kind, key.locale),
                *(json.dumps(list(key.audience)), key.prompt_version, key.model),
                *(key.policy_version, copy.text, json.dumps(list(copy.fact_ids))),
                *(now, now),
            )
            try:
                self._db.execute("INSERT OR REPLACE INTO copy VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", values)
                self._rows = self._scalar("SELECT COUNT(*) FROM copy")
                if self._rows > self._max_rows:
                    self._evict()
            except sqlite3.DatabaseError as error:
                self._start_anew(error)

    def forget(self, item_id: str) -> int:
        """Drop all copy of one item; the number of rows dropped."""
        with self._lock:
            try:
                return self._db.execute("DELETE FROM copy WHERE item_id = ?", (item_id,)).rowcount
            except sqlite3.DatabaseError as error:
                self._start_anew(error)
                return 0

    def __len__(self) -> int:
        with self._lock:
            return self._scalar("SELECT COUNT(*) FROM copy")

    def close(self) -> None:
        """Close the file; the cache is not usable afterwards."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> CopyCache:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _evict(self) -> None:
        spare = max(1, self._max_rows // 10)
        n_out = self._rows - self._max_rows + spare - 1
        self._db.execute(
            "DELETE FROM copy WHERE key IN (SELECT key FROM copy ORDER BY used_s, written_s LIMIT ?)",
            (max(1, n_out),),
        )

    def _scalar(self, query: str) -> int:
        return int(self._db.execute(query).fetchone()[0])

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            self._put_aside(error)
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        if self._path != ":memory:":
            Path(self._path).parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=5)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute(_TABLE)
            db.execute(_INDEX)
            db.execute("SELECT key, text, fact_ids, used_s FROM copy LIMIT 1").fetchone()
        except sqlite3.DatabaseError:
            db.close()
            raise
        return db

    def _start_anew(self, error: Exception) -> None:
        """A locked file loses this one access; a damaged one is put aside."""
        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            _log.warning("copy cache %s is locked; this access is skipped", self._path)
            return
        with suppress(sqlite3.Error):
            self._db.close()
        self._put_aside(error)
        self._db = self._connect()
        self._rows = 0

    def _put_aside(self, error: Exception) -> None:
        if self._path == ":memory:":
            return
        old = Path(self._path)
        aside = old.with_name(f"{old.name}.damaged-{time.time_ns()}")
        _log.warning("copy cache %s is unreadable (%s); moved to %s", old, error, aside.name)
        with suppress(FileNotFoundError):
            old.rename(aside)
        for tail in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                old.with_name(old.name + tail).unlink()
