"""Where else than in the state folder its users' traces may be: where `slatewright forget` must go as well.

Invariant: a Redis or a folder of exposures is noted before the first trace is handed to it, and stays noted when the
server keeps them elsewhere later: what is in it does not leave by itself.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from recsys.errors import ConfigError

REDIS: Final = "redis-stores"
EXPOSURES: Final = "exposure-folders"


def note_redis(state_dir: Path, url: str) -> None:
    """Remember a Redis durably, once. The caller holds the folder's lock."""
    _note(state_dir / REDIS, url)


def known_redis(state_dir: Path) -> list[str]:
    """Their URLs, which hold no password. Raises ConfigError where the list cannot be read."""
    return _noted(state_dir / REDIS, "the URL of each Redis")


def note_exposures(state_dir: Path, folder: Path) -> None:
    """Remember a folder of exposures durably, once. The caller holds the state folder's lock."""
    _note(state_dir / EXPOSURES, str(folder.absolute()))


def known_exposures(state_dir: Path) -> list[Path]:
    """The folders. Raises ConfigError where the list cannot be read."""
    return [Path(line) for line in _noted(state_dir / EXPOSURES, "each folder of exposures")]


def _note(path: Path, line: str) -> None:
    if line in _noted(path, "each on a line of its own"):
        return
    with path.open("ab") as file:
        file.write(f"\n{line}\n".encode())  # the line break first: a crash may have cut the last line
        file.flush()
        os.fsync(file.fileno())


def _noted(path: Path, what: str) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8").split("\n") if line]
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read ({type(error).__name__}); write {what} into it") from error
