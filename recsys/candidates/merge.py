"""How the sources' lists become one: how long each may be, how much each counts, and the order that follows.

Weighted reciprocal rank fusion (Cormack, Clarke, Büttcher 2009): a candidate scores the sum over its sources of
weight / (60 + rank), ties to the lower row. Invariant: no candidate repeats, and the order depends only on ranks,
sources and rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.candidates.accumulate import EVERY, largest
from recsys.kernel import ABSENT, blank_slots, kernel

FUSION_RANK: Final = 60
MAX_CANDIDATES: Final = 300


@dataclass(frozen=True, slots=True)
class Quotas:
    """The longest list of each source (`[candidates.quotas]`); 0 turns the source off."""

    als: int = 100
    users: int = 200
    next: int = 150
    previous: int = 60
    together: int = 100
    content: int = 150
    bridged: int = 200
    repurchase: int = 80
    category: int = 40
    popular: int = 30


@dataclass(frozen=True, slots=True)
class Fusion:
    """The weight of each source in the merge (`[candidates.fusion]`); 0 turns the source off."""

    als: float = 0.5
    users: float = 1.5
    next: float = 1.0
    previous: float = 0.5
    together: float = 0.5
    content: float = 1.0
    bridged: float = 1.0
    repurchase: float = 3.0
    category: float = 0.5
    popular: float = 0.5


SOURCES: Final = tuple(f.name for f in fields(Quotas))
"""Source names, in the order of every array with an entry per source."""


def settings(quotas: Quotas, fusion: Fusion) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(quotas, weights) as arrays (n_sources,); a source that either turns off is 0 in both."""
    longest, weight = np.array(astuple(quotas), np.int64), np.array(astuple(fusion), np.float64)
    on = (longest > 0) & (weight > 0)
    return np.where(on, longest, 0), np.where(on, weight, 0.0)


def merge(
    lists: Mapping[str, NDArray[np.int32]], weights: NDArray[np.float64], *, limit: int, n_items: int
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """(rows int32 (n,), ranks float32 (n, n_sources), fusion scores float32 (n,)), best first, at most `limit`.

    Ranks are 1-based, NaN where a source does not list the row. `weights` (n_sources,), none of a list that is not
    empty 0.
    """
    slots = blank_slots(n_items)
    rows = np.concatenate([lists[name] for name in SOURCES])
    lengths = np.array([len(lists[name]) for name in SOURCES])
    met, fused = _fused(rows, lengths, weights, slots)
    best, scores = largest(fused, met, EVERY, limit)
    return best, _ranks(best, rows, lengths, slots), scores


@kernel
def _fused(
    rows: NDArray[np.int32], lengths: NDArray[np.int64], weights: NDArray[np.float64], slots: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """(distinct rows of all lists, their fusion scores), in the order met."""
    met, sums = np.empty(len(rows), np.int32), np.zeros(len(rows), np.float64)
    n = at = 0
    for source in range(len(lengths)):
        for rank in range(1, lengths[source] + 1):
            slot = slots[rows[at]]
            if slot == ABSENT:
                slot = n
                slots[rows[at]], met[n] = slot, rows[at]
                n += 1
            sums[slot] += weights[source] / (FUSION_RANK + rank)
            at += 1
    for slot in range(n):
        slots[met[slot]] = ABSENT
    return met[:n].copy(), sums[:n].astype(np.float32)


@kernel
def _ranks(
    best: NDArray[np.int32], rows: NDArray[np.int32], lengths: NDArray[np.int64], slots: NDArray[np.int32]
) -> NDArray[np.float32]:
    """The rank of each of `best` in each list, NaN where it is not in it: float32 (len(best), n_sources)."""
    for slot in range(len(best)):
        slots[best[slot]] = slot
    ranks = np.full((len(best), len(lengths)), np.nan, np.float32)
    at = 0
    for source in range(len(lengths)):
        for rank in range(1, lengths[source] + 1):
            slot = slots[rows[at]]
            if slot != ABSENT:
                ranks[slot, source] = rank
            at += 1
    for row in best:
        slots[row] = ABSENT
    return ranks
