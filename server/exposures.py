"""What was shown, on its way to the exposure log.

Invariant: logging never fails, delays or holds up a slate: rows wait in a bounded queue for one thread, and what the
queue or the disk does not take is counted.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from copywriter.writer import Pitch
from recsys import exposure_log
from recsys.schema import MS_PER_DAY
from server import exposure_rows, log, metrics
from server.exposure_rows import Shown

LIMIT: Final = 10_000
"""Slates waiting in one worker, about 10 kB each; beyond it they are dropped."""
CLOSE_S: Final = 10.0
FULL_FILE: Final = 4_000
"""Slates that are written before their time."""


class Exposures:
    """The queue and its thread; `offer` is called on the event loop.

    `forgotten` tells whether what a user did at a time is to be forgotten by now; that is not written. `writer` is part
    of each file's name.
    """

    def __init__(
        self,
        folder: Path,
        key: bytes,
        *,
        every_s: float,
        writer: str,
        forgotten: Callable[[str, int], bool] = lambda _user_id, _served_ms: False,
    ) -> None:
        exposure_log.make_folder(folder)
        self._folder = folder
        self._key = key
        self._every_s = every_s
        self._writer = writer
        self._forgotten = forgotten
        self._waiting: deque[tuple[Shown, Sequence[Pitch | None]]] = deque()
        self._due = threading.Event()
        self._stopping = False
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="slatewright-exposures", daemon=True)
        self._thread.start()

    def offer(self, shown: Shown, pitches: Sequence[Pitch | None]) -> None:
        """Have a slate logged; one too many is counted and dropped. `pitches` is aligned with its items."""
        # Hot path: once per slate, `benchmarks/experiments/overhead.py`.
        if len(self._waiting) >= LIMIT:
            metrics.EXPOSURES_DROPPED.labels("queue").inc()
            return
        self._waiting.append((shown, pitches))
        if len(self._waiting) >= FULL_FILE:
            self._due.set()

    def close(self) -> None:
        """Write what waits, and end; a disk that hangs is waited for no longer than `CLOSE_S`."""
        self._stopping = True
        self._due.set()
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        while True:
            self._due.wait(self._every_s)
            stopping = self._stopping  # before writing: what is offered until then is written
            self._due.clear()
            self._write_waiting()
            if stopping:
                if self._waiting:
                    metrics.EXPOSURES_DROPPED.labels("disk").inc(len(self._waiting))
                return

    def _write_waiting(self) -> None:
        """Everything that waits, a file a day; what the disk refuses waits on."""
        left = len(self._waiting)
        while left:
            batch = [self._waiting[at] for at in range(min(left, FULL_FILE))]
            left -= len(batch)
            try:
                for _, slates in groupby(batch, lambda entry: entry[0].served_ms // MS_PER_DAY):
                    self._write(list(slates))
            except Exception as error:  # whatever a disk or a library does: slates go on
                if not self._failing:
                    log.write("exposures_failing", why=type(error).__qualname__, trace=log.frames(error))
                self._failing = True
                return
            self._failing = False

    def _write(self, slates: Sequence[tuple[Shown, Sequence[Pitch | None]]]) -> None:
        """One file of one day, taken off the queue once it is durable."""
        kept = [entry for entry in slates if not self._gone(entry[0])]
        if kept:
            rows = exposure_rows.table(kept, self._key)
            path = exposure_log.add_file(self._folder, rows, served_ms=kept[0][0].served_ms, writer=self._writer)
            late = {shown.user for shown, _ in kept if self._gone(shown)}
            if late:  # forgotten while the file was written
                exposure_log.erase(path, frozenset(late))
            metrics.EXPOSURES_WRITTEN.inc(len(kept))
        for _ in slates:
            self._waiting.popleft()

    def _gone(self, shown: Shown) -> bool:
        return self._forgotten(shown.call.user_id, shown.served_ms)
