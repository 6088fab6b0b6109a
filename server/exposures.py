"""What was shown, on its way to the exposure log.

Invariant: logging never fails, delays or holds up a slate: rows wait in a bounded queue for one thread, and what the
queue or the disk does not take is counted. Users leave this process as pseudonyms only.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final, Literal

from copywriter.writer import Pitch
from recsys import exposure_log
from recsys.schema import MS_PER_DAY
from recsys.slate import Slate, SlateItem
from server import attribution, log, metrics
from server.convert import SlateCall
from server.variants import Choice

Call = Literal["recommend", "stream", "similar"]
LIMIT: Final = 10_000
"""Slates waiting in one worker, about 10 kB each; beyond it they are dropped."""
FULL_FILE: Final = 4_000
"""Slates that are written before their time."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One slate as it left: `time_ms` on the request's clock, `served_ms` on the wall's; pitches come beside it."""

    kind: Call
    call: SlateCall
    choice: Choice
    slate: Slate
    token: str
    user: str
    copy_mode: str
    time_ms: int
    served_ms: int


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
        # Hot path: once per slate, `benchmarks/experiments/exposing.py`.
        if len(self._waiting) >= LIMIT:
            metrics.EXPOSURES_DROPPED.labels("queue").inc()
            return
        self._waiting.append((shown, pitches))
        if len(self._waiting) >= FULL_FILE:
            self._due.set()

    def close(self) -> None:
        """Write what waits, and end."""
        self._stopping = True
        self._due.set()
        self._thread.join()

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
            rows = [_row(shown, pitches, self._key) for shown, pitches in kept]
            path = exposure_log.add_file(self._folder, rows, served_ms=kept[0][0].served_ms, writer=self._writer)
            late = {shown.user for shown, _ in kept if self._gone(shown)}
            if late:  # forgotten while the file was written
                exposure_log.erase(path, frozenset(late))
            metrics.EXPOSURES_WRITTEN.inc(len(kept))
        for _ in slates:
            self._waiting.popleft()

    def _gone(self, shown: Shown) -> bool:
        return self._forgotten(shown.call.user_id, shown.served_ms)


def _row(shown: Shown, pitches: Sequence[Pitch | None], key: bytes) -> dict[str, Any]:
    call, choice, slate = shown.call, shown.choice, shown.slate
    return {
        "token_id": exposure_log.token_id(shown.token),
        "request_id": call.request_id,
        "call": shown.kind,
        "time": shown.time_ms,
        "served": shown.served_ms,
        "user": shown.user,
        "unit": _unit(shown, key),
        "user_status": slate.user_status,
        "placement": call.placement,
        "country": call.country,
        "locale": call.context_locale,
        "device": call.device,
        "variants": list(choice.names.items()),
        "experiments": list(choice.experiments.items()),
        "fallbacks": list(choice.fallbacks.items()),
        "overridden": sorted(call.variant_overrides),
        "bundle": slate.bundle_version,
        "copy_mode": shown.copy_mode,
        "page_size": call.page_size,
        "slots": [_slot(item, pitch) for item, pitch in zip(slate.items, pitches, strict=True)],
    }


def _slot(item: SlateItem, pitch: Pitch | None) -> dict[str, Any]:
    return {
        "position": item.rank,
        "item_id": item.item_id,
        "score": item.score,
        "propensity": item.propensity,
        "sources": item.sources,
        "pitch_id": "" if pitch is None else _pitch_id(pitch),
        "pitch_origin": "" if pitch is None else pitch.origin,
        "prompt_version": "" if pitch is None else pitch.prompt_version,
        "copy_propensity": 1.0,  # which pitch an item gets is not drawn
    }


def _unit(shown: Shown, key: bytes) -> str:
    """What variants stick to, as a pseudonym; the letter says user, session or request."""
    call = shown.call
    if call.user_id:
        return f"u:{shown.user}"
    kind, name = ("s", call.session_id) if call.session_id else ("r", call.request_id)
    return f"{kind}:" + attribution.pseudonym(key, f"{kind}\0{name}")


def _pitch_id(pitch: Pitch) -> str:
    """Equal for equal texts of equal provenance."""
    parts = (pitch.model, pitch.prompt_version, pitch.policy_version, pitch.locale, pitch.text)
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()
