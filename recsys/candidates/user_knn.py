"""Users like this one, and what they have: neighbours by soft cosine over item profiles, as in TIFU-kNN.

Profiles are decayed (Hu et al. 2020), weighted by rarity, and compared through a kernel K = S Sᵀ of alike items, so
that two users who bought different shades of one thing are near each other. Reference users are bounded by a setting;
the user need not be among them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.candidates.neighbours import Neighbours, distinct, entries_of

N_QUERY = 40
"""Strongest items of a profile that neighbours are looked up by."""
RECENCY = np.float32(0.9)
MAX_SESSIONS = 10
"""A profile's item counts a tenth less per session since its last event, down to the tenth session."""
N_SPREAD = 500
"""Best items of the neighbours whose kin get a share."""


@dataclass(frozen=True, slots=True)
class UserNeighbours:
    """Reference users and how to find them.

    `kernel` and `alike` hold K and S with their diagonals. Items of users: `indptr` int64 (n_reference + 1,), `items`
    int32, `weight` float32; users of items: `item_indptr` (n_items + 1,), `users` int32, `scaled` float32, the user's
    weight times the item's rarity over the norm of the user's profile. `rarity` float32 (n_items,). `k` (1,).
    """

    kernel: Neighbours
    alike: Neighbours
    indptr: NDArray[np.int64]
    items: NDArray[np.int32]
    weight: NDArray[np.float32]
    item_indptr: NDArray[np.int64]
    users: NDArray[np.int32]
    scaled: NDArray[np.float32]
    rarity: NDArray[np.float32]
    k: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class UserScores:
    """float32 (n_items,): `had` is what the neighbours have, weighted by nearness; `alike` adds a share for kin.

    `touched` are the rows with a score in `alike`, ascending.
    """

    had: NDArray[np.float32]
    alike: NDArray[np.float32]
    touched: NDArray[np.int32]


def query(
    items: NDArray[np.int32], weight: NDArray[np.float32], last_ms: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """A profile's strongest items and their weights: decayed events, damped, newer sessions first."""
    _, session = np.unique(-last_ms, return_inverse=True)
    recent = np.log1p(weight) * RECENCY ** np.minimum(session, MAX_SESSIONS).astype(np.float32)
    strongest = np.argsort(-recent, kind="stable")[:N_QUERY]
    return items[strongest], recent[strongest].astype(np.float32)


def nearest(
    reference: UserNeighbours, items: NDArray[np.int32], weight: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The `k` nearest reference users (ties to the lower row) and their nearness > 0, up to the query's own norm."""
    n_items, n_users = len(reference.rarity), len(reference.indptr) - 1
    spread, touched = _push(reference.kernel, items, weight * reference.rarity[items], n_items)
    at, lengths = entries_of(reference.item_indptr, touched)
    near = np.bincount(reference.users[at], reference.scaled[at] * np.repeat(spread[touched], lengths), n_users)
    k = int(reference.k[0])
    found = np.flatnonzero(near > 0)
    if len(found) > k:
        found = found[near[found] >= np.partition(near[found], len(found) - k)[len(found) - k]]
        found = found[np.argsort(-near[found], kind="stable")][:k]
    return found, near[found].astype(np.float32)


def score(reference: UserNeighbours, items: NDArray[np.int32], weight: NDArray[np.float32]) -> UserScores:
    """Scores of every item from the users nearest to a profile's `items` and their weights, as `query` gives them.

    Hot path: `benchmarks/serve_path.py`; cost grows with the users who share an item with the profile or its kin, and
    with the neighbours' items.
    """
    n_items = len(reference.rarity)
    users, near = nearest(reference, items, weight)
    at, lengths = entries_of(reference.indptr, users.astype(np.int32))
    had = np.bincount(reference.items[at], reference.weight[at] * np.repeat(near, lengths), n_items).astype(np.float32)
    best = distinct(reference.items[at], n_items)
    if len(best) > N_SPREAD:
        best = np.sort(best[np.argsort(-had[best], kind="stable")[:N_SPREAD]])
    alike, touched = _push(reference.alike, best, had[best], n_items)
    return UserScores(had, alike.astype(np.float32), touched)


def _push(
    matrix: Neighbours, rows: NDArray[np.int32], weight: NDArray[np.float32], n: int
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """(sparse vector times matrix, dense (n,); its rows that were reached); summed in the order of the rows."""
    at, lengths = entries_of(matrix.indptr, rows)
    reached = matrix.indices[at]
    weights = matrix.values[at] * np.repeat(weight, lengths)
    return np.bincount(reached, weights, n).astype(np.float64, copy=False), distinct(reached, n)
