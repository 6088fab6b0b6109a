"""When each caller's next call is due, in a file that all workers of a server map into memory.

Invariant: whoever reads and writes holds the file's lock, so that workers count as one. The kernel frees the lock of a
worker that dies. Times are of the machine's monotonic clock, which all processes share and a restart of the machine
resets; `Quotas` takes a time that cannot be for none.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import struct
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Final

_SLOT: Final = struct.Struct("<Qd")
_N_SLOTS: Final = 8_192
"""Callers beyond this share a slot with another, and so its quota."""


class DueFile:
    """One slot a caller, found by the hash of its name."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        weakref.finalize(self, os.close, self._file)
        os.ftruncate(self._file, _N_SLOTS * _SLOT.size)
        self._slots = mmap.mmap(self._file, _N_SLOTS * _SLOT.size)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other workers out for a moment."""
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)

    def get(self, caller: str) -> float | None:
        """When the caller's next call is due; None before its first."""
        mark, due = _SLOT.unpack_from(self._slots, self._offset(caller))
        return due if mark else None

    def put(self, caller: str, due: float) -> None:
        """Note it."""
        offset = self._offset(caller)
        mark = _SLOT.unpack_from(self._slots, offset)[0] or _mark(caller)
        _SLOT.pack_into(self._slots, offset, mark, due)

    def _offset(self, caller: str) -> int:
        """The caller's slot, else the first free one after where it belongs, else where it belongs."""
        wanted = _mark(caller)
        for step in range(64):
            offset = (wanted + step) % _N_SLOTS * _SLOT.size
            mark = _SLOT.unpack_from(self._slots, offset)[0]
            if mark in (0, wanted):
                return offset
        return wanted % _N_SLOTS * _SLOT.size


@lru_cache(_N_SLOTS)
def _mark(caller: str) -> int:
    return int.from_bytes(hashlib.blake2b(caller.encode(), digest_size=8).digest(), "little") or 1
