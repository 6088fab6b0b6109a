"""Users like this one, and what they have: neighbours by soft cosine over item profiles, as in TIFU-kNN.

Profiles are decayed (Hu et al. 2020), weighted by rarity, and compared through a kernel K = S Sᵀ of alike items, so
that two users who bought different shades of one thing are near each other. Reference users are bounded by a setting;
the user need not be among them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.candidates.accumulate import EVERY, largest, push
from recsys.candidates.neighbours import Neighbours
from recsys.kernel import blank_slots

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
    """What the neighbours have, weighted by nearness (`had`), and with a share for kin (`alike`).

    `had_rows`, `alike_rows` int32 are the items with such a score, `had` and `alike` float32 their scores.
    """

    had_rows: NDArray[np.int32]
    had: NDArray[np.float32]
    alike_rows: NDArray[np.int32]
    alike: NDArray[np.float32]


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
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The `k` nearest reference users (ties to the lower row) and their nearness > 0, up to the query's own norm."""
    n_users = len(reference.indptr) - 1
    kin, spread = _ascending(*_push(reference.kernel, items, weight * reference.rarity[items]))
    csr = (reference.item_indptr, reference.users, reference.scaled)
    users, near = push(*csr, kin, spread, blank_slots(n_users))
    return largest(near, users, EVERY, int(reference.k[0]))


def score(reference: UserNeighbours, items: NDArray[np.int32], weight: NDArray[np.float32]) -> UserScores:
    """Scores of items from the users nearest to a profile's `items` and their weights, as `query` gives them.

    Hot path: `benchmarks/serve`; cost grows with the users who share an item with the profile or its kin, and with the
    neighbours' items.
    """
    n_items = len(reference.rarity)
    users, near = nearest(reference, items, weight)
    csr = (reference.indptr, reference.items, reference.weight)
    rows, had = push(*csr, users, near, blank_slots(n_items))
    best = largest(had, rows, EVERY, N_SPREAD)
    return UserScores(rows, had, *_push(reference.alike, *_ascending(*best)))


def _ascending(rows: NDArray[np.int32], values: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Both in the order of the rows: the order in which they are summed."""
    order = np.argsort(rows)
    return rows[order], values[order]


def _push(
    matrix: Neighbours, rows: NDArray[np.int32], weight: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """`push` through square neighbours."""
    return push(*matrix.csr, rows, weight, blank_slots(matrix.n_items))
