"""What every child of the supervisor does: it ends when its parent has ended.

Invariant: the parent holds the other end of the child's stdin; at its end, even by SIGKILL, the child leaves at once.
A child that is stopped or hangs cannot leave by itself: on Linux the kernel ends it with its parent. Else it would keep
its share of the port and take connections that it never answers.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
"""prctl(2)."""


def leave_with_parent() -> None:
    """From now on, end this process when its stdin ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_wait, name="slatewright-parent", daemon=True).start()


def _wait() -> None:
    # Not through sys.stdin: a thread that waits in it holds a lock which the interpreter wants at its own end.
    with contextlib.suppress(OSError):
        while os.read(sys.stdin.fileno(), 4_096):
            pass
    os._exit(0)
