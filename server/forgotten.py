"""Tombstones as a running server honours them.

Invariant: from the first request after a tombstone is on disk, its user is a new one: nothing kept in memory about
anybody outlives it, and a bundle made without it is asked about somebody it cannot know instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from recsys.errors import ConfigError
from recsys.tombstones import Tombstones, digest, read_tombstones
from server import log
from server.security.stamp import stamp


def forgotten_at(path: Path, key: bytes) -> Callable[[str, int], bool]:
    """A function that tells whether what a user did at a time is to be forgotten by now. For one thread, any thread."""
    seen, stones = None, Tombstones()

    def forgotten(user_id: str, time_ms: int) -> bool:
        nonlocal seen, stones
        now = stamp(path)
        if now != seen:
            seen, stones = now, read_tombstones(path, key)
        stone = stones.of(user_id) if user_id else None
        return stone is not None and time_ms < stone.time_ms

    return forgotten


class Forgotten:
    """One list; `on_new` drops what is in memory. Used on the event loop.

    Raises ConfigError for a list that cannot be read at start.
    """

    def __init__(self, path: Path, key: bytes, *, on_new: Callable[[], None]) -> None:
        self._path = path
        self._key = key
        self._on_new = on_new
        self._seen = stamp(path)
        self._stones = read_tombstones(path, key)

    def known_as(self, user_id: str, manifest: Mapping[str, Any]) -> str:
        """What to ask a bundle for: the user, or where it does not know them to be forgotten, a name of nobody."""
        self.refresh()
        if not user_id or not self._stones.open_for(user_id, dict(manifest.get("tombstones") or {})):
            return user_id
        return f"\0{digest(self._key, user_id)}"

    def refresh(self) -> None:
        """Look whether there are more. One `stat`."""
        now = stamp(self._path)
        if now == self._seen:
            return
        self._seen = now
        try:
            fresh = read_tombstones(self._path, self._key)
        except ConfigError as error:
            log.write("tombstones_refused", why=str(error))
            return
        if fresh.last >= self._stones.last:  # a list that vanished forgets nobody's wish
            self._stones = fresh
            self._on_new()
            log.write("tombstones_loaded", n=len(fresh.by_user))

    async def watch(self, *, poll_s: float) -> None:
        """Look every `poll_s`, so that memory is rid of people without any request; until cancelled."""
        while True:
            await asyncio.sleep(poll_s)
            self.refresh()
