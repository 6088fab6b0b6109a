"""Rows of forgotten people out of a log in the making, before anything else looks at them.

Invariant: such a row ends neither in the log nor in its quarantine, whatever else is wrong with it; only its number
stays. What somebody did after being forgotten is a new user's. A log without clock times cannot tell after from
before, so there all of it goes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
from ibis.backends import BaseBackend
from ibis.expr.types import Table

from recsys.errors import ConfigError, DataError
from recsys.events import Events, LogInfo
from recsys.secret_key import read_key
from recsys.tombstones import FILE, Tombstones, read_tombstones

REASON: Final = "forgotten"
"""How `log.json` counts these rows among those refused."""
_NEVER: Final = datetime(9999, 1, 1, tzinfo=UTC)


def tombstones_of(path: Path | None, *, beside: Path | None = None) -> Tombstones:
    """The list at `path`, else the one of the state folder beside the bundles at `beside`, else an empty one."""
    if path is None and beside is not None:
        path = beside.parent / "state" / FILE
    elif path is not None and not path.exists():
        raise ConfigError(f"--tombstones {path} is not there; name the {FILE} of the server's state folder")
    return Tombstones() if path is None else read_tombstones(path, read_key(path.parent))


def without_forgotten(con: BaseBackend, events: Table, stones: Tombstones, *, clock: str) -> tuple[Table, int]:
    """The events that may be kept, and how many rows were dropped."""
    if not stones.by_user:
        return events, 0
    found = _found(events, stones, clock)
    if not found.num_rows:
        return events, 0
    forgotten = con.create_table("forgotten", found, temp=True)
    joined = events.left_join(forgotten, events.user_id == forgotten.forgotten_id)
    gone = joined.forgotten_id.notnull() & (joined.event_time.isnull() | (joined.event_time < joined.forgotten_at))
    n_gone: int = joined.filter(gone).count().to_pyarrow().as_py()
    return joined.filter(~gone).select(*events.columns), n_gone


def refuse_unforgotten(info: LogInfo, events: Events, stones: Tombstones) -> None:
    """Raise DataError where a written log holds people its list of tombstones did not yet have."""
    if info.tombstones.get(stones.name, 0) >= stones.last:
        return
    n_open = sum(stones.open_for(user_id, info.tombstones) is not None for user_id in events.users)
    if n_open:
        raise DataError(
            f"log {info.name} holds events of {n_open} users who have been forgotten since it was written; expected "
            "none; ingest it again with --tombstones"
        )


def _found(events: Table, stones: Tombstones, clock: str) -> pa.Table:
    """The log's forgotten users and until when, as (forgotten_id, forgotten_at)."""
    ids, times = [], []
    for user_id in events.select("user_id").distinct().to_pyarrow().column(0):
        if user_id.is_valid and (stone := stones.of(user_id.as_py())) is not None:
            ids.append(user_id.as_py())
            wall = datetime.fromtimestamp(stone.time_ms / 1_000, UTC)
            times.append(_NEVER if clock == "ordinal" else wall)
    return pa.table(
        {"forgotten_id": pa.array(ids, pa.string()), "forgotten_at": pa.array(times, pa.timestamp("us", "UTC"))}
    )
