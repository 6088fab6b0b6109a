"""The one thread that computes slates.

Invariant: at most `limit` pieces of work wait; what cannot start in time is never started. The event loop
only awaits. Bundles and the copywriter are touched in this thread alone, so they need no locks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from server.errors import OverloadedError, SlateTimeoutError

T = TypeVar("T")


class CpuThread:
    """A bounded queue in front of one thread."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="slatewright-cpu")
        self.waiting = 0

    async def run(self, work: Callable[[], T], *, until: float | None = None, bounded: bool = True) -> T:
        """`work()` in the thread; `until` is a `time.monotonic()` after which it is pointless.

        What must not be refused, such as showing a stored update, is not `bounded` by the limit.

        Raises
        ------
        OverloadedError
            The queue is full.
        SlateTimeoutError
            `until` passed while the work waited.
        """
        if bounded and self.waiting >= self._limit:
            raise OverloadedError(f"{self._limit} slates are waiting; expected fewer; try again a little later")
        self.waiting += 1
        loop = asyncio.get_running_loop()
        future = self._pool.submit(_in_time, work, until)
        future.add_done_callback(lambda _done: _on_loop(loop, self._left))
        return await asyncio.wrap_future(future)

    def _left(self) -> None:
        self.waiting -= 1

    def close(self) -> None:
        """Finish what has started, drop what has not."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _in_time(work: Callable[[], T], until: float | None) -> T:
    if until is not None and time.monotonic() > until:
        raise SlateTimeoutError(
            "the deadline passed before the slate could be started; expected more time; "
            "allow a longer deadline or send fewer calls at once"
        )
    return work()


def _on_loop(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(call)
