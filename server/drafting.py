"""One slate's pitches, planned in slices of the CPU thread.

Invariant: `plan()` has one pitch per item at any moment: items not reached yet have a bare sentence. No slice
holds the thread longer than `SLICE_S` and one item; a phrasing used in one slice is avoided in the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from copywriter.audience import Trait, traits
from copywriter.writer import CopyRequest, Job, Mode, Pitch, Plan, Writer, bare_pitch

SLICE_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Wanted:
    """Copy for the items of one slate; `item` and `profile` read the bundle, in the CPU thread."""

    item_ids: Sequence[str]
    item: Callable[[str], Mapping[str, object]]
    profile: Callable[[], Mapping[str, object]]
    mode: Mode
    locale: str = ""
    """Empty for English."""
    max_chars: int = 0


class Drafting:
    """The plan so far. `able`: an engine could write what is not ready."""

    def __init__(self, writer: Writer, wanted: Wanted, *, able: bool) -> None:
        self._writer = writer
        self._wanted = wanted
        self._mode: Mode = "cached" if wanted.mode == "live" and not able else wanted.mode
        self._locale = wanted.locale or "en"
        self._audience: tuple[Trait, ...] | None = None
        self._phrasings: set[str] = set()
        self._done: tuple[tuple[Pitch, ...], tuple[Job, ...]] = ((), ())

    @property
    def finished(self) -> bool:
        """True once every item is planned."""
        return len(self._done[0]) == len(self._wanted.item_ids)

    def go_on(self, *, until: float) -> None:
        """Plan further items for one slice, at least one; `until` is a `time.monotonic()`. CPU thread."""
        end = min(until, time.monotonic() + SLICE_S)
        if self._audience is None:
            self._audience = traits(self._wanted.profile())
        while not self.finished:
            self._plan_next(self._audience)
            if time.monotonic() > end:
                return

    def plan(self) -> Plan:
        """Every item's pitch as it stands. A slice still at work changes nothing of what is returned."""
        pitches, jobs = self._done
        rest = self._wanted.item_ids[len(pitches) :]
        return Plan((*pitches, *(bare_pitch(item_id, self._locale) for item_id in rest)), jobs)

    def _plan_next(self, audience: tuple[Trait, ...]) -> None:
        pitches, jobs = self._done
        place, wanted = len(pitches), self._wanted
        request = CopyRequest(wanted.item(wanted.item_ids[place]), audience, self._locale, wanted.max_chars)
        planned = self._writer.plan([request], mode=self._mode, avoid=self._phrasings)
        mine = tuple(replace(job, index=place) for job in planned.jobs)
        self._done = (pitches + planned.pitches, jobs + mine)
