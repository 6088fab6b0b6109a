"""When in the log's course an item is bought, read from the order of events alone, and who buys it at which point.

Logs without clock times hide that tastes and assortments move on; their order still tells. `place` is HodgeRank (Jiang,
Lim, Yao, Ye 2011, "Statistical ranking and combinatorial Hodge theory"): the potential t that fits t_b - t_a = 1 best,
by least squares, over pairs of items a user took one soon after the other, pulled to 0 by `ridge`. A moment of a user
is the mean place of what was taken before, newer sessions counting more; `crowd` counts each item's events by the
moment of the user who did them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import cg

from recsys.profiles.store import Histories
from recsys.schema import EVENT_TYPES, EVENT_WEIGHTS

N_BINS = 24
"""Moments are told apart by this many quantiles of the log's own."""
SMOOTHING_BINS = 1.5
"""Standard deviation of the Gaussian each count is spread by."""
LAGS = (1, 2, 3)
"""Events of a user this far apart make a pair, weighted by 1 / lag; both of one session make none."""
SESSION_DECAY = 0.6
N_SESSIONS = 6
"""A moment looks back on this many sessions, each counting 0.6 times the one after it."""
_WEIGHTS = np.array([EVENT_WEIGHTS[t] for t in EVENT_TYPES], np.float32)


@dataclass(frozen=True, slots=True)
class TimelineConfig:
    """At most about `max_events` events, of users drawn by `seed`, are looked at: they bound time and memory."""

    ridge: float = 0.5
    max_events: int = 5_000_000
    seed: int = 7


@dataclass(frozen=True, slots=True)
class Timeline:
    """`place` float32 (n_items,), NaN where no pair tells; `bounds` float32 (N_BINS - 1,) between moments, ascending;
    `crowd` float32 (n_items, N_BINS), smoothed counts of events.
    """

    place: NDArray[np.float32]
    bounds: NDArray[np.float32]
    crowd: NDArray[np.float32]

    def moment(self, recent_items: NDArray[np.int32], recent_session: NDArray[np.int32]) -> float:
        """The moment of a user with these recent items and the sessions since each; NaN where nothing tells."""
        place = self.place[recent_items]
        known = np.isfinite(place) & (recent_session < N_SESSIONS)
        if not known.any():
            return float("nan")
        session = recent_session[known]
        count = np.bincount(session)
        means = np.bincount(session, place[known]) / np.maximum(count, 1)
        weight = SESSION_DECAY ** np.arange(len(count)) * (count > 0)
        return float(np.float32((means * weight).sum() / weight.sum()))


def untold(n_items: int) -> Timeline:
    """A timeline that says nothing: of a log whose clock says it better."""
    return Timeline(np.full(n_items, np.nan, np.float32), np.empty(0, np.float32), np.empty((n_items, 0), np.float32))


def fit(histories: Histories, n_items: int, config: TimelineConfig) -> Timeline:
    """Places, moments and crowds of all items from the visible histories."""
    user, item, session = _taken(histories, config)
    place = places(user, item, session, n_items=n_items, ridge=config.ridge)
    start, when = _moments(user, session, place[item])
    known = np.isfinite(when)
    cuts = np.linspace(0, 1, N_BINS + 1)[1:-1]
    bounds = np.quantile(when[known], cuts).astype(np.float32) if known.any() else np.zeros(N_BINS - 1, np.float32)
    lengths = np.diff(np.append(start, len(item)))
    at, counted = np.repeat(np.searchsorted(bounds, when), lengths), np.repeat(known, lengths)
    counts = np.bincount(item[counted].astype(np.int64) * N_BINS + at[counted], minlength=n_items * N_BINS)
    apart = np.arange(N_BINS)[:, None] - np.arange(N_BINS)
    kernel = np.exp(-0.5 * (apart / SMOOTHING_BINS) ** 2)
    crowd = counts.reshape(n_items, N_BINS).astype(np.float32) @ (kernel / kernel.sum(axis=0)).astype(np.float32)
    return Timeline(place, bounds, crowd)


def _taken(
    histories: Histories, config: TimelineConfig
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
    """(user, item, session) of every strong event, users ascending; a session is all events of a user at one time."""
    active = np.flatnonzero(np.diff(histories.indptr))
    share = min(1.0, config.max_events / max(len(histories.events), 1))
    chosen = np.zeros(histories.n_users, bool)
    chosen[active] = np.random.default_rng(config.seed).random(len(active)) < share
    events = histories.events
    user = np.repeat(np.arange(histories.n_users), np.diff(histories.indptr))
    kept = np.flatnonzero(chosen[user] & (events.item_row >= 0) & (_WEIGHTS[events.type_code] > 0))
    user, item, time_ms = user[kept], events.item_row[kept], events.time_ms[kept]
    starts = (np.diff(user, prepend=-1) != 0) | (np.diff(time_ms, prepend=0) != 0)
    return user, item, np.cumsum(starts) - 1


def places(
    user: NDArray[np.int64], item: NDArray[np.int32], session: NDArray[np.int64], *, n_items: int, ridge: float
) -> NDArray[np.float32]:
    """The potential of each item, float32 (n_items,), NaN without a pair: conjugate gradients on the Laplacian."""
    before, after, weight = pairs(user, item, session)
    both = np.concatenate([before, after]), np.concatenate([after, before])
    twice = np.concatenate([weight, weight])
    graph = sparse.coo_matrix((twice, both), shape=(n_items, n_items)).tocsr()
    degree = np.asarray(graph.sum(axis=1)).ravel()
    flow = np.bincount(after, weight, n_items) - np.bincount(before, weight, n_items)
    laplacian = sparse.diags_array(degree + ridge).tocsr() - graph
    potential, _ = cg(laplacian, flow, rtol=1e-6, maxiter=500)
    found: NDArray[np.float32] = np.where(degree > 0, potential, np.nan).astype(np.float32)
    return found


def pairs(
    user: NDArray[np.int64], item: NDArray[np.int32], session: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """(item before, item after, weight) of every pair of different items in different sessions of a user."""
    found = []
    for lag in LAGS:
        same = (user[lag:] == user[:-lag]) & (session[lag:] != session[:-lag]) & (item[lag:] != item[:-lag])
        found.append((item[:-lag][same], item[lag:][same], np.full(int(same.sum()), 1 / lag)))
    before, after, weight = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return before, after, weight


def _moments(
    user: NDArray[np.int64], session: NDArray[np.int64], place: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(first event of each session; the user's moment before it, NaN where nothing came before)."""
    start = np.flatnonzero(np.diff(session, prepend=-1))
    known = np.isfinite(place)
    n = len(start)
    count = np.bincount(session[known], minlength=n)
    means = np.bincount(session[known], place[known], n) / np.maximum(count, 1)
    owner, total, weights = user[start], np.zeros(n), np.zeros(n)
    for lag in range(1, N_SESSIONS + 1):
        at = np.flatnonzero((owner[lag:] == owner[:-lag]) & (count[:-lag] > 0)) if n > lag else np.empty(0, np.int64)
        total[at + lag] += SESSION_DECAY ** (lag - 1) * means[at]
        weights[at + lag] += SESSION_DECAY ** (lag - 1)
    with np.errstate(invalid="ignore"):
        return start, (total / np.where(weights > 0, weights, np.nan)).astype(np.float32)
