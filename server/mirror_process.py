"""The one process of a server that copies remote bundles; workers open the local copy. Started by the backstage only.

    python -m server.mirror_process      the first line of its stdin is a `Boot`

Invariant: stdout carries one line, `ready` after the first look, whatever it found, or `error WHY`; the process ends
when its stdin does. The drivers of other places, and what they bring along, are in no other process.
"""

from __future__ import annotations

import asyncio
import sys

from recsys.errors import ConfigError
from server import log
from server.boot import Boot
from server.child import leave_with_parent
from server.config import ServerConfig
from server.mirror import Mirror


def main() -> int:
    """Copy until ended; 2 for an error that is explained."""
    boot = Boot.read(sys.stdin.buffer.readline())
    leave_with_parent()
    log.identify(worker="mirror")
    try:
        with log.capturing_libraries():
            asyncio.run(_follow(boot.config))
    except ConfigError as error:
        print(f"error {error}", flush=True)
        return 2
    return 0


async def _follow(config: ServerConfig) -> None:
    mirror = Mirror(config.remote, config.bundles)
    await mirror.follow()
    print("ready", flush=True)
    await mirror.watch(poll_s=config.remote_poll_s)


if __name__ == "__main__":
    sys.exit(main())
