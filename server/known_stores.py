"""Which Redis servers may hold events of a state folder's users: where `slatewright forget` must go as well.

Invariant: a Redis is noted before the first event is handed to it, and stays noted when the server keeps its events
elsewhere later: what is in it does not leave by itself.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from recsys.errors import ConfigError

FILE: Final = "redis-stores"


def note_redis(state_dir: Path, url: str) -> None:
    """Remember a Redis durably, once. The caller holds the folder's lock."""
    if url in known_redis(state_dir):
        return
    with (state_dir / FILE).open("ab") as file:
        file.write(f"\n{url}\n".encode())  # the line break first: a crash may have cut the last line
        file.flush()
        os.fsync(file.fileno())


def known_redis(state_dir: Path) -> list[str]:
    """Their URLs, which hold no password. Raises ConfigError where the list cannot be read."""
    try:
        return (state_dir / FILE).read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{state_dir / FILE} cannot be read ({type(error).__name__}); write the URL of each Redis into it"
        ) from error
