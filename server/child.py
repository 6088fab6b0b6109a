"""What every child of the supervisor does: it ends when its parent has ended.

Invariant: the parent holds the other end of the child's stdin; at its end, even by SIGKILL, the child leaves at once.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading


def leave_with_parent() -> None:
    """From now on, end this process when its stdin ends."""
    threading.Thread(target=_wait, name="slatewright-parent", daemon=True).start()


def _wait() -> None:
    # Not through sys.stdin: a thread that waits in it holds a lock which the interpreter wants at its own end.
    with contextlib.suppress(OSError):
        while os.read(sys.stdin.fileno(), 4_096):
            pass
    os._exit(0)
