"""The one thread that computes slates.

Invariant: at most `limit` pieces of work wait; what cannot be done in time is refused when it arrives, as far as
the usual time of a piece tells, and never started when its time has passed. The event loop only awaits.
Bundles and the copywriter are changed in this thread alone, so they need no locks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

from server import metrics
from server.errors import OverloadedError, SlateTimeoutError

T = TypeVar("T")

_NEWEST_WEIGHT: Final = 0.1
"""Of the newest piece of work in the moving average."""


class CpuThread:
    """A bounded queue in front of one thread."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="slatewright-cpu")
        self.waiting = 0
        self.usual_s = 0.0
        """Moving average of what a piece of work takes; 0 before the first."""

    async def run(self, work: Callable[[], T], *, until: float | None = None, bounded: bool = True) -> T:
        """`work()` in the thread; `until` is a `time.monotonic()` after which it is pointless.

        What must not be refused, such as showing a stored update, is not `bounded` by the limit.

        Raises
        ------
        OverloadedError
            The queue is full, or too long for `until`. An idle thread refuses nothing.
        SlateTimeoutError
            `until` passed while the work waited.
        """
        if bounded:
            self._admit(until)
        return await asyncio.wrap_future(self.submit(work, until=until))

    def submit(self, work: Callable[[], T], *, until: float | None = None) -> Future[T]:
        """Have `work()` done, refused by no limit and before whatever is handed in later. Event loop only."""
        self.waiting += 1
        metrics.QUEUE.inc()
        loop = asyncio.get_running_loop()
        future = self._pool.submit(self._timed, work, until)
        future.add_done_callback(lambda _done: _on_loop(loop, self._left))
        return future

    def _admit(self, until: float | None) -> None:
        ahead_s = self.waiting * self.usual_s
        late = until is not None and time.monotonic() + ahead_s + self.usual_s > until
        if self.waiting >= self._limit or (self.waiting and late):
            raise OverloadedError(
                f"{self.waiting} pieces of work wait, {ahead_s:.1f} s of it; expected less; try again a little later",
                retry_after_ms=max(100, round(1_000 * ahead_s)),
            )

    def _timed(self, work: Callable[[], T], until: float | None) -> T:
        started = time.monotonic()
        try:
            return _in_time(work, until)
        finally:
            took_s = time.monotonic() - started
            self.usual_s += (took_s - self.usual_s) * (_NEWEST_WEIGHT if self.usual_s else 1.0)

    def _left(self) -> None:
        self.waiting -= 1
        metrics.QUEUE.dec()

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
