"""One worker: a process that answers calls on the shared port. Started by the supervisor only.

    python -m server.worker      the first line of its stdin is a `Boot`

Invariant: stdout carries one line, `ready` or `error WHY`, then `alive` once a second while the worker gets on
(`worker_process.py`); the process ends when its stdin does.
"""

from __future__ import annotations

import asyncio
import sys

from recsys.errors import RecsysError
from server import lifecycle, log
from server.boot import Boot
from server.child import leave_with_parent

SWITCH_S = 0.0005
"""How long the event loop waits for the slate's thread to let go of the interpreter (Python's default: 5 ms, a slate):
refusals, and the next request's reading, do not wait for a slate to end."""


def main() -> int:
    """Serve until SIGTERM or the supervisor's end; 2 for an error that is explained."""
    boot = Boot.read(sys.stdin.buffer.readline())
    leave_with_parent()
    log.identify(worker=boot.index)
    sys.setswitchinterval(SWITCH_S)
    try:
        asyncio.run(
            lifecycle.serve(
                boot.config,
                shared=boot.shared,
                index=boot.index,
                ready=lambda _address: print("ready", flush=True),
                alive=lambda: print("alive", flush=True),
            )
        )
    except KeyboardInterrupt:
        return 130
    except RecsysError as error:
        print(f"error {error}", flush=True)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
