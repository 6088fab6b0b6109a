"""The business rules' file, read again when it changes.

Invariant: `rules` are always the last good ones: a file that is damaged, wrong or gone changes nothing but the log.
"""

from __future__ import annotations

from pathlib import Path

from recsys.errors import ConfigError
from recsys.rules import Rules, read_rules
from server import log


class RulesFile:
    """One file; `ConfigError` where it is wrong from the start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._stamp()
        self.rules: Rules = read_rules(path)

    def poll(self) -> bool:
        """Look once; True where other rules are in force now. An error is logged once until the file changes."""
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        self._seen = stamp
        try:
            found = read_rules(self._path)
        except ConfigError as error:
            log.write("rules_refused", why=str(error), kept=self.rules.version)
            return False
        if found.version == self.rules.version:
            return False
        self.rules = found
        return True

    def _stamp(self) -> tuple[int, int, int] | None:
        """What differs when the file was written or replaced; None where it cannot be seen."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
