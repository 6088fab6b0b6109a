"""Labelled feature rows of past requests: what was shown to be wanted after a moment, given what was known at it.

Invariant: a request's history ends before its time and its labels start at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from recsys.profiles.recent import with_recent
from recsys.profiles.store import Histories, History, empty_history
from recsys.rerank.features import FEATURES
from recsys.rerank.prepare import Model, Prepared, prepare
from recsys.slate import PurchasedPolicy


@dataclass(frozen=True, slots=True)
class PastRequest:
    """A user at a moment, and the distinct items wanted in the window that followed."""

    user_row: int
    time_ms: int
    wanted: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class PastSlate:
    """What a user was shown at a moment: `shown` int32 (k,) distinct items, their `position` int32 and `label` int8."""

    user_row: int
    time_ms: int
    shown: NDArray[np.int32]
    position: NDArray[np.int32]
    label: NDArray[np.int8]


Request = TypeVar("Request", PastRequest, PastSlate)


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """`matrix` float32 (n, n_features), `label` int8 (n,), `group` int32 (n_requests,) rows per request.

    `position` int32 (n,) is the place each item was shown at, None where the rows do not come from impressions.
    """

    matrix: NDArray[np.float32]
    label: NDArray[np.int8]
    group: NDArray[np.int32]
    position: NDArray[np.int32] | None = None


def past_requests(
    later: Histories, wanted: NDArray[np.bool_], *, times_ms: Sequence[int], horizon_ms: int, until_ms: int
) -> list[PastRequest]:
    """Requests at each of `times_ms` by every user who takes something within `horizon_ms` after it.

    `later` holds the events from the model's `as_of` on; nothing at or after `until_ms` is looked at. `wanted`
    (n_event_types,) says which types count: `ItemTable.taken_types`.
    """
    found = []
    for time_ms in times_ms:
        stop_ms = min(time_ms + horizon_ms, until_ms)
        events = later.events
        at = np.flatnonzero(
            (events.time_ms >= time_ms) & (events.time_ms < stop_ms) & wanted[events.type_code] & (events.item_row >= 0)
        )
        users = np.searchsorted(later.indptr, at, side="right") - 1
        bounds = np.flatnonzero(np.diff(users, prepend=-1))
        for start, stop in zip(bounds, np.append(bounds[1:], len(at))[: len(bounds)], strict=True):
            rows = np.unique(events.item_row[at[start:stop]])
            found.append(PastRequest(int(users[start]), time_ms, rows))
    return found


def history_at(earlier: Histories, later: Histories, user_row: int, time_ms: int) -> History:
    """What a server would know of the user: the bundle's history plus the events replayed since.

    A replayed event carries no list price, as an event of `RecordEvents` does not.
    """
    recent = later.of(user_row)
    recent = replace(recent, discount=np.full(len(recent), np.nan, np.float32))
    return with_recent(earlier.of(user_row), recent, time_ms=time_ms)


def build(
    model: Model,
    earlier: Histories,
    later: Histories,
    requests: Sequence[PastRequest],
    *,
    n_negatives: int,
    seed: int,
    purchased: PurchasedPolicy = "bundle",
    forget: bool = False,
) -> TrainingSet:
    """Rows of every request that has a wanted item among its candidates, with sampled negatives.

    Negatives are drawn uniformly from the request's other candidates by a generator seeded per request. With `forget`
    every request is replayed as if its user were new.
    """
    parts = []
    for request in requests:
        history = empty_history() if forget else history_at(earlier, later, request.user_row, request.time_ms)
        ready = prepare(model, history, time_ms=request.time_ms, purchased=purchased)
        parts.append(labelled(ready, request, n_negatives=n_negatives, seed=seed))
    return joined(parts)


def labelled(ready: Prepared, request: PastRequest, *, n_negatives: int, seed: int) -> TrainingSet:
    """Rows of one prepared request: its wanted candidates and sampled others; none where either kind is missing."""
    label = np.isin(ready.candidates.rows, request.wanted)
    if not label.any() or label.all():
        return joined([])
    rng = np.random.default_rng((seed, request.user_row, request.time_ms))
    negative = np.flatnonzero(~label)
    if len(negative) > n_negatives:
        negative = rng.choice(negative, n_negatives, replace=False)
    chosen = np.sort(np.concatenate([np.flatnonzero(label), negative]))
    return TrainingSet(ready.matrix[chosen], label[chosen].astype(np.int8), np.array([len(chosen)], np.int32))


def joined(parts: Sequence[TrainingSet]) -> TrainingSet:
    """Training sets one after the other; all of them have positions, or none, apart from empty ones."""
    if not parts:
        return TrainingSet(np.empty((0, len(FEATURES)), np.float32), np.empty(0, np.int8), np.empty(0, np.int32))
    position = [part.position for part in parts if part.position is not None]
    return TrainingSet(
        np.concatenate([part.matrix for part in parts]),
        np.concatenate([part.label for part in parts]),
        np.concatenate([part.group for part in parts]),
        np.concatenate(position) if position else None,
    )


def prepared_requests(
    model: Model,
    earlier: Histories,
    later: Histories,
    requests: Sequence[PastRequest],
    *,
    purchased: PurchasedPolicy = "bundle",
    by_title: bool = True,
) -> list[Prepared]:
    """Each request up to its features."""
    return [
        prepare(
            model,
            history_at(earlier, later, request.user_row, request.time_ms),
            time_ms=request.time_ms,
            purchased=purchased,
            by_title=by_title,
        )
        for request in requests
    ]


def split_by_user(requests: Sequence[Request], *, share: float, seed: int) -> tuple[list[Request], list[Request]]:
    """(kept, held out): a seeded `share` of the users goes to the second list with all their requests."""
    users = np.unique([r.user_row for r in requests])
    rng = np.random.default_rng(seed)
    out = set(rng.choice(users, round(share * len(users)), replace=False).tolist())
    return [r for r in requests if r.user_row not in out], [r for r in requests if r.user_row in out]
