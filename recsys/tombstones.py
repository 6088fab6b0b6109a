"""People to be forgotten: a numbered list of keyed hashes, honoured by ingest, build and the server.

    {"format": 1, "list": "5f0c…", "check": "…", "tombstones": [{"seq": 1, "user": "9b1d…", "time_ms": 1764042000000}]}

Invariant: the list names nobody: a user is an HMAC-SHA256 under the deployment's key. It is read with the key it was
written with, or not at all, so that it is never silently empty. Numbers only grow; a log or bundle that says
`{list: n}` holds nothing of those forgotten up to n.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from recsys.errors import ConfigError
from recsys.files import replace_text

FILE: Final = "tombstones.json"
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Everything a user did before `time_ms` is to be forgotten; `seq` is its number in the list."""

    seq: int
    time_ms: int


@dataclass(frozen=True, slots=True)
class Tombstones:
    """One list, opened with its key; of somebody forgotten twice the newer tombstone counts."""

    name: str = ""
    by_user: Mapping[str, Tombstone] = field(default_factory=dict)
    key: bytes = b""

    @property
    def last(self) -> int:
        """Number of the newest tombstone, 0 without any."""
        return max((stone.seq for stone in self.by_user.values()), default=0)

    @property
    def honoured(self) -> dict[str, int]:
        """What a log or bundle says that was made with this list."""
        return {self.name: self.last} if self.by_user else {}

    def of(self, user_id: str) -> Tombstone | None:
        """The tombstone of a user."""
        return self.by_user.get(digest(self.key, user_id)) if self.by_user else None

    def open_for(self, user_id: str, honoured: Mapping[str, int]) -> Tombstone | None:
        """The tombstone of a user that something which says `honoured` was made without."""
        found = self.of(user_id)
        return found if found is not None and found.seq > honoured.get(self.name, 0) else None


def digest(key: bytes, user_id: str) -> str:
    """How a tombstone names a user."""
    return _mac(key, b"tombstone\0" + user_id.encode("utf-8", "surrogatepass"))


def read_tombstones(path: Path, key: bytes | None) -> Tombstones:
    """The list; empty where there is no file. Raises ConfigError where it is damaged or made with another key."""
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Tombstones()
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path} is not a readable list of tombstones ({type(error).__name__}); restore it"
        ) from error
    if key is None:
        raise ConfigError(
            f"{path} needs the key it was made with; set SLATEWRIGHT_KEY, or keep the file `key` beside it"
        )
    try:
        if document["format"] != _FORMAT:
            raise ConfigError(f"{path} has format {document['format']!r}; expected {_FORMAT}; use a newer slatewright")
        if not hmac.compare_digest(str(document["check"]), _mac(key, b"tombstones")):
            raise ConfigError(
                f"{path} was made with another key than this one; set the SLATEWRIGHT_KEY it was made with"
            )
        rows = sorted((int(row["seq"]), str(row["user"]), int(row["time_ms"])) for row in document["tombstones"])
        return Tombstones(str(document["list"]), {user: Tombstone(seq, time_ms) for seq, user, time_ms in rows}, key)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{path} is not a list of tombstones ({type(error).__name__}); restore it") from error


def add_tombstone(path: Path, key: bytes, user_id: str, *, time_ms: int) -> Tombstone:
    """Append a user durably; an earlier tombstone of the same user gives way. Safe among several processes."""
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = read_tombstones(path, key)
        stone = Tombstone(known.last + 1, time_ms)
        rows = {**known.by_user, digest(key, user_id): stone}
        document = {
            "format": _FORMAT,
            "list": known.name or secrets.token_hex(8),
            "check": _mac(key, b"tombstones"),
            "tombstones": [{"seq": s.seq, "user": user, "time_ms": s.time_ms} for user, s in rows.items()],
        }
        replace_text(path, json.dumps(document, indent=1) + "\n")
    return stone


def _mac(key: bytes, text: bytes) -> str:
    return hmac.new(key, text, hashlib.sha256).hexdigest()
