"""A person's rows out of the event store, and the proof that nothing is left.

Invariant: what was removed is in no byte of the file: rows are deleted, then the file is written anew (VACUUM) and its
log is emptied, because a deleted row stays on its page, and a page that was once split keeps what moved away.
"""

from __future__ import annotations

import mmap
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from recsys.errors import ConfigError
from recsys.secret_key import FILE as KEY_FILE
from recsys.tombstones import FILE as TOMBSTONES_FILE

WAIT_S: Final = 30.0
"""For a running server's turn with the file."""
MIN_SCANNED_BYTES: Final = 6
"""A shorter id stands in other words and numbers by chance, so that its bytes prove nothing."""


def erase_events(path: Path, user_ids: Sequence[str]) -> dict[str, int]:
    """Events removed by user. A running server waits meanwhile and may refuse events; it loses none.

    Raises ConfigError where the file cannot be changed.
    """
    if not path.exists():
        return dict.fromkeys(user_ids, 0)
    try:
        with closing(_connect(path)) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("BEGIN IMMEDIATE")
            removed = {u: connection.execute("DELETE FROM events WHERE user_id = ?", (u,)).rowcount for u in user_ids}
            connection.execute("COMMIT")
            connection.execute("VACUUM")
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.Error as error:
        raise ConfigError(
            f"{path} could not be cleaned ({error}); check the disk, then run the command again"
        ) from error
    if busy:
        raise ConfigError(f"{path} is being read, so that its log still holds removed rows; run the command again")
    return removed


def left_in(path: Path, user_id: str) -> int:
    """Events of a user that are there now."""
    if not path.exists():
        return 0
    with closing(_connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM events WHERE user_id = ?", (user_id,)).fetchone()[0])


@dataclass(frozen=True, slots=True)
class Traces:
    """Where an id stands in the bytes of a folder; `others`: rows of other people that contain it as part of theirs."""

    files: tuple[str, ...]
    others: int
    n_files: int


def traces(state_dir: Path, user_id: str) -> Traces | None:
    """Search every file but the key and the tombstones, which hold hashes; None for an id too short to say."""
    wanted = user_id.encode("utf-8", "surrogatepass")
    if len(wanted) < MIN_SCANNED_BYTES:
        return None
    searched = list(_searched(state_dir))
    found = tuple(str(path.relative_to(state_dir)) for path in searched if _holds(path, wanted))
    return Traces(found, _others(state_dir / "events.sqlite", user_id) if found else 0, len(searched))


def _searched(state_dir: Path) -> Iterator[Path]:
    for path in sorted(state_dir.rglob("*")):
        if path.is_file() and path.name not in {KEY_FILE, TOMBSTONES_FILE}:
            yield path


def _holds(path: Path, wanted: bytes) -> bool:
    try:
        with path.open("rb") as file:
            if not path.stat().st_size:
                return False
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return content.find(wanted) >= 0
    except FileNotFoundError:  # a log that SQLite put away meanwhile
        return False


def _others(path: Path, user_id: str) -> int:
    """Rows that hold the text as a part of another value."""
    if not path.exists():
        return 0
    texts = "event_id || char(0) || user_id || char(0) || item_id || char(0) || query || char(0) || attribution_token"
    with closing(_connect(path)) as connection:
        query = f"SELECT count(*) FROM events WHERE instr({texts}, ?)"  # noqa: S608  columns of ours
        return int(connection.execute(query, (user_id,)).fetchone()[0])


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path.absolute().as_posix()}?mode=rw", uri=True, isolation_level=None, timeout=WAIT_S)
