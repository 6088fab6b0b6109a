"""Every user's history as flat arrays, memory-mappable; one user's history is a set of slices.

Invariant: within a user, events ascend in time, and events of one time keep the log's order.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

MAX_HISTORY = 5_000
"""Newest events of a user that taste is computed from. What bars an item (a purchase, a dislike) has no such bound."""


@dataclass(frozen=True, slots=True)
class History:
    """One user's events, oldest first; all arrays (n,). Impressions are left out: they say nothing about taste.

    `item_row` is -1 for a search; `category_row` is then the leaf category its query points to, or -1.
    `price` is paid per unit, `discount` the share off the list price; both NaN where unknown.
    """

    item_row: NDArray[np.int32]
    category_row: NDArray[np.int32]
    time_ms: NDArray[np.int64]
    type_code: NDArray[np.int8]
    quantity: NDArray[np.float32]
    price: NDArray[np.float32]
    discount: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.item_row)

    def slice(self, start: int, stop: int) -> History:
        """Events `start` to `stop`, as views."""
        return History(*(getattr(self, f.name)[start:stop] for f in fields(self)))

    def take(self, order: NDArray[np.int64]) -> History:
        """Events in another order, or a selection of them."""
        return History(*(getattr(self, f.name)[order] for f in fields(self)))

    def before(self, time_ms: int) -> History:
        """The events strictly before `time_ms`."""
        return self.slice(0, int(np.searchsorted(self.time_ms, time_ms, side="left")))

    def newest(self, n: int) -> History:
        """The last `n` events."""
        return self.slice(max(0, len(self) - n), len(self))


def concat(first: History, second: History) -> History:
    """Two histories one after the other, unsorted."""
    return History(*(np.concatenate([getattr(first, f.name), getattr(second, f.name)]) for f in fields(first)))


def empty_history() -> History:
    """A history without events: what an unknown user has."""
    return History(
        np.empty(0, np.int32),
        np.empty(0, np.int32),
        np.empty(0, np.int64),
        np.empty(0, np.int8),
        np.empty(0, np.float32),
        np.empty(0, np.float32),
        np.empty(0, np.float32),
    )


@dataclass(frozen=True, slots=True)
class Histories:
    """All users' events; `indptr` int64 (n_users + 1,) bounds each user's part of `events`."""

    indptr: NDArray[np.int64]
    events: History

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.indptr) - 1

    def of(self, user_row: int) -> History:
        """History of one user; an unknown user (-1) has an empty one."""
        if user_row < 0:
            return empty_history()
        return self.events.slice(int(self.indptr[user_row]), int(self.indptr[user_row + 1]))

    def only(self, user_rows: NDArray[np.int64]) -> Histories:
        """The histories of some users; everybody else's are empty, so that rows keep their meaning."""
        lengths = np.zeros(self.n_users, np.int64)
        lengths[user_rows] = np.diff(self.indptr)[user_rows]
        indptr = np.concatenate(([0], np.cumsum(lengths)))
        at = np.arange(indptr[-1]) + np.repeat(self.indptr[:-1] - indptr[:-1], lengths)
        return Histories(indptr, self.events.take(at))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Every array by name, for saving."""
        return {"indptr": self.indptr} | {f.name: getattr(self.events, f.name) for f in fields(self.events)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> Histories:
        """Inverse of `arrays`."""
        events = History(**{f.name: arrays[f.name] for f in fields(History)})  # type: ignore[arg-type]
        return cls(arrays["indptr"], events)  # type: ignore[arg-type]
