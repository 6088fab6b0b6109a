"""What a worker, or the process that copies bundles, is told at its start, as one line on its stdin.

Invariant: a `Boot` read is the `Boot` written; settings go through the same checks as those of a file.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from server.config import ServerConfig, load

WORKER_COMMAND: Final = (sys.executable, "-m", "server.worker")
MIRROR_COMMAND: Final = (sys.executable, "-m", "server.mirror_process")


@dataclass(frozen=True, slots=True)
class Boot:
    """A worker's number, its settings with the real port, and the folder of the shared sockets."""

    index: int
    config: ServerConfig
    shared: Path

    def line(self) -> bytes:
        """As one line."""
        config = asdict(self.config, dict_factory=lambda pairs: {k: value for k, value in pairs if value is not None})
        said = {"index": self.index, "config": config, "shared": self.shared}
        return json.dumps(said, default=str).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> Boot:
        """The boot of a `line()`."""
        said = json.loads(line)
        return cls(said["index"], load(None, said["config"]), Path(said["shared"]))
