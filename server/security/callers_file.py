"""The callers' file, read again when it changes.

Invariant: the callers in force are the last good ones: a file that is damaged, wrong or gone lets nobody new in and
nobody out, and says so in the log.
"""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path

from recsys.errors import ConfigError
from server import log
from server.security.callers import Callers
from server.security.callers_toml import read_callers
from server.security.stamp import Stamp, stamp


class CallersFile:
    """One file and the public keys it names; ConfigError where it is wrong from the start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._stamps()
        self.callers: Callers = read_callers(path)

    async def watch(self, *, poll_s: float) -> None:
        """Look every `poll_s` until cancelled."""
        while True:
            await asyncio.sleep(poll_s)
            try:
                await asyncio.to_thread(self.poll)
            except Exception as error:  # looking outlives whatever goes wrong with one look
                log.write("poll_failed", trace=log.frames(error))

    def poll(self) -> bool:
        """Look once; True where other callers are in force now."""
        found = self._stamps()
        if found == self._seen:
            return False
        self._seen = found
        try:
            self.callers = read_callers(self._path)
        except ConfigError as error:
            log.write("callers_refused", why=str(error))
            return False
        log.write("callers_loaded", file=self._path.name)
        return True

    def _stamps(self) -> tuple[Stamp, ...]:
        try:
            named = tomllib.loads(self._path.read_text(encoding="utf-8"))["jwt"]["public_keys"]
            keys = [self._path.parent / str(name) for name in named]
        except (OSError, ValueError, KeyError, TypeError):  # `read_callers` says what is wrong
            keys = []
        return tuple(map(stamp, (self._path, *keys)))
