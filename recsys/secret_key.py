"""The one secret of a deployment: what pseudonyms, attribution tokens and tombstones are keyed with.

Invariant: it comes from the environment, `SLATEWRIGHT_KEY`, else from the file `key` (mode 0600) of the state folder.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

from recsys.errors import ConfigError

VARIABLE: Final = "SLATEWRIGHT_KEY"
FILE: Final = "key"
_MIN_BYTES: Final = 16


def read_key(state_dir: Path) -> bytes | None:
    """The key, None where none was ever made. Raises ConfigError when it is too short or cannot be read."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        return _long_enough(named.encode(), VARIABLE)
    path = state_dir / FILE
    try:
        return _long_enough(path.read_bytes(), str(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); run as its owner, or set {VARIABLE}") from error


def load_key(state_dir: Path) -> bytes:
    """The key, made on first use.

    The caller holds the folder's lock; servers that share callers must share the key.
    Raises ConfigError when the key is too short.
    """
    found = read_key(state_dir)
    if found is not None:
        return found
    key, draft = secrets.token_bytes(32), state_dir / f"{FILE}.draft"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(state_dir / FILE)
    return key


def pseudonym(key: bytes, user_id: str) -> str:
    """A name for a user that only the key's holders can link back; empty for nobody."""
    if not user_id:
        return ""
    return hmac.new(key, b"user\0" + user_id.encode(), hashlib.sha256).hexdigest()[:16]


def _long_enough(key: bytes, origin: str) -> bytes:
    if len(key) < _MIN_BYTES:
        raise ConfigError(
            f"{origin} holds {len(key)} bytes; expected at least {_MIN_BYTES}; make one with `openssl rand -hex 32`"
        )
    return key
