"""The one thread that computes slates.

Invariant: at most `limit` pieces of work wait; what cannot be done in time is refused when it arrives, as far as
the usual time of a piece tells, and never started when its time has passed. The event loop only awaits.
Bundles and the copywriter are changed in this thread alone, so they need no locks.

A burst may fill the queue up to its limit. A queue that has not been empty for a while is no burst but overload, and
then a long one would only make every caller wait: it is cut to `STANDING_LIMIT` pieces (the adaptive queue of
Ben Maurer, "Fail at Scale", ACM Queue 13(8), 2015), or to what lasts `STANDING_SHARE` of the caller's time, if that is
more: who has time may wait. Copy gives way first: its places are half of those.
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
STANDING_S: Final = 0.05
"""A thread that is not idle once in so long, or in `STANDING_PIECES` usual times if that is longer, is overloaded."""
STANDING_PIECES: Final = 10
STANDING_LIMIT: Final = 7
"""Pieces that may wait then: at 60 % of capacity hardly a call in a thousand meets as many."""
STANDING_SHARE: Final = 1 / 10
"""Of the caller's remaining time; one without a deadline may wait as in a burst."""


class CpuThread:
    """A bounded queue in front of one thread."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="slatewright-cpu")
        self.waiting = 0
        self.usual_s = 0.0
        """Moving average of what a piece of work takes; 0 before the first."""
        self._idle_at = time.monotonic()
        """When it last had nothing to do; of no meaning while `waiting` is 0."""
        self._started: float | None = None

    @property
    def at_work_s(self) -> float:
        """How long the thread has been at its present piece of work; 0 without one."""
        started = self._started
        return 0.0 if started is None else time.monotonic() - started

    @property
    def overloaded(self) -> bool:
        """Whether work has been waiting for so long, without a break, that it is no burst."""
        patience_s = max(STANDING_S, STANDING_PIECES * self.usual_s)
        return self.waiting > 0 and time.monotonic() - self._idle_at > patience_s

    async def run(
        self, work: Callable[[], T], *, until: float | None = None, bounded: bool = True, yielding: bool = False
    ) -> T:
        """`work()` in the thread; `until` is a `time.monotonic()` after which it is pointless.

        What must not be refused, such as showing a stored update, is not `bounded` by the limit; what others should
        go before is `yielding`.

        Raises
        ------
        OverloadedError
            The queue is full, or too long for `until`. An idle thread refuses nothing.
        SlateTimeoutError
            `until` passed while the work waited.
        """
        if bounded:
            self.admit(until, yielding=yielding)
        return await asyncio.wrap_future(self.submit(work, until=until))

    def admit(self, until: float | None, *, yielding: bool = False) -> None:
        """Raise OverloadedError where work handed in now would be refused. Event loop only."""
        ahead_s = self.waiting * self.usual_s
        late = until is not None and time.monotonic() + ahead_s + self.usual_s > until
        places = self._limit
        if self.overloaded and until is not None:
            patience_s = STANDING_SHARE * (until - time.monotonic())
            places = min(places, max(STANDING_LIMIT, int(patience_s / self.usual_s) if self.usual_s else 0))
        if self.waiting and (late or self.waiting >= (places // 2 if yielding else places)):
            raise OverloadedError(
                f"{self.waiting} pieces of work wait, {ahead_s:.1f} s of it; expected less; try again a little later",
                retry_after_ms=max(100, round(1_000 * ahead_s)),
            )

    def submit(self, work: Callable[[], T], *, until: float | None = None) -> Future[T]:
        """Have `work()` done, refused by no limit and before whatever is handed in later. Event loop only."""
        if not self.waiting:
            self._idle_at = time.monotonic()
        self.waiting += 1
        metrics.QUEUE.inc()
        loop = asyncio.get_running_loop()
        future = self._pool.submit(self._timed, work, until)
        future.add_done_callback(lambda _done: _on_loop(loop, self._left))
        return future

    def _timed(self, work: Callable[[], T], until: float | None) -> T:
        started = self._started = time.monotonic()
        try:
            return _in_time(work, until)
        finally:
            self._started = None
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
