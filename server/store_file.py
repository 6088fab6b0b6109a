"""The file behind `store.py`: its tables, how it is opened, how an older one becomes a current one.

Invariant: a file of a later version, or one that is not ours, is left as it is.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from recsys.errors import ConfigError

_SCHEMA_VERSION: Final = 2
_SCHEMA: Final = """
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE, user_id TEXT NOT NULL,
    item_id TEXT NOT NULL, event_type TEXT NOT NULL, event_time_ms INTEGER NOT NULL,
    query TEXT NOT NULL, attribution_token TEXT NOT NULL, position INTEGER NOT NULL,
    quantity REAL NOT NULL, price REAL, received_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE item_overlay (
    item_id TEXT PRIMARY KEY, price REAL, available INTEGER, stock INTEGER, version INTEGER NOT NULL
    -- available, stock: as last sent; `visible` below says what they mean together
) STRICT;
"""
_INDEX: Final = "CREATE INDEX events_of_user ON events (user_id, event_type, event_time_ms);"
_VERSIONS: Final = "CREATE INDEX IF NOT EXISTS overlay_versions ON item_overlay (version);"
"""What finds the newest updates; an older slatewright can do with or without it."""
_UNSHADOW: Final = "UPDATE item_overlay SET available = NULL WHERE stock IS NOT NULL;"
"""Version 1 kept in `available` what stock made of it."""
_UPGRADES: Final = {
    0: f"{_SCHEMA} {_INDEX}",
    1: " ".join((_UNSHADOW, _INDEX)),
}
"""Schema version -> what makes it the current one."""


def connect(path: Path) -> sqlite3.Connection:
    """The writing connection, the file made or upgraded. Raises ConfigError where it is not ours or damaged."""
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=2.0)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version in _UPGRADES:
            connection.executescript(f"BEGIN; {_UPGRADES[version]} PRAGMA user_version = {_SCHEMA_VERSION}; COMMIT;")
        elif version != _SCHEMA_VERSION:
            connection.close()
            raise ConfigError(
                f"{path} has schema version {version}; expected {_SCHEMA_VERSION}; "
                "serve it with the version of slatewright that wrote it"
            )
        connection.execute(_VERSIONS)
    except sqlite3.Error as error:
        raise ConfigError(_unusable(path, error)) from error
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads: it sees what is committed, without waiting for the writer."""
    reader = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=2.0)
    reader.execute("PRAGMA query_only = ON")
    return reader


def _unusable(path: Path, error: sqlite3.Error) -> str:
    return (
        f"{path} is not a usable event store ({error}); expected a SQLite file of slatewright; "
        "check the disk, or move the file away to start without its events"
    )
