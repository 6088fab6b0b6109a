"""What hidden users did in the measured window, cut into what may be shown of it and what is wanted afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsys.profiles.build import WEIGHTS
from recsys.profiles.store import History, empty_history
from recsys.rerank.prepare import Model

N_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Session:
    """A hidden user's request: what could be shown of the session so far, and what is wanted after it."""

    time_ms: int
    shown: History
    wanted: NDArray[np.int32]


def sampled(sessions: Sequence[Session], limit: int, *, seed: int) -> list[Session]:
    """At most `limit` sessions, drawn by a seeded generator, in their given order."""
    chosen = np.random.default_rng(seed).permutation(len(sessions))[:limit]
    return [sessions[i] for i in np.sort(chosen)]


def taken_mask(history: History, model: Model) -> NDArray[np.bool_]:
    """Which events take an item."""
    mask: NDArray[np.bool_] = model.items.taken_types[history.type_code] & (history.item_row >= 0)
    return mask


def at_start(later: History, model: Model, times_ms: Sequence[int]) -> list[Session]:
    """Requests at `times_ms` of which nothing is shown, where anything is taken afterwards."""
    out = []
    for time_ms in times_ms:
        after = later.slice(int(np.searchsorted(later.time_ms, time_ms)), len(later))
        wanted = np.unique(after.item_row[taken_mask(after, model)])
        if len(wanted):
            out.append(Session(time_ms, empty_history(), wanted))
    return out


def after_three(history: History, model: Model, times_ms: Sequence[int], *, ordinal: bool) -> list[Session]:
    """On a wall clock the window's first three strong events; on an ordinal one the three before the target."""
    strong = (WEIGHTS[history.type_code] > 0) & (history.item_row >= 0)
    out = []
    for time_ms in times_ms:
        past = np.flatnonzero(strong & (history.time_ms < time_ms))
        future = np.flatnonzero(strong & (history.time_ms >= time_ms))
        shown = past[-N_SHOWN:] if ordinal else future[:N_SHOWN]
        if len(shown) < N_SHOWN:
            continue
        after = history.take(future if ordinal else future[N_SHOWN:])
        wanted = np.unique(after.item_row[taken_mask(after, model)])
        if len(wanted):
            moment = time_ms if ordinal else int(history.time_ms[shown[-1]]) + 1
            seen = history.take(shown)  # a replayed event carries no list price, as in `history_at`
            out.append(Session(moment, replace(seen, discount=np.full(len(seen), np.nan, np.float32)), wanted))
    return out
