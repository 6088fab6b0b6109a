"""The loops of retrieval: sums over sparse rows, the largest of many scores, scores looked up by row.

Each has a slow, obvious form in `tests/unit/recsys/test_kernels.py` that it must equal to the bit. All that these touch
is what a request reaches: `slots` (`kernel.blank_slots`) maps a row to its place in a compact result and is blank again
when a function returns.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.kernel import ABSENT, kernel

_HALF: Final = np.uint64(32)
_LOW: Final = np.uint64(2**32 - 1)
_INFINITY: Final = 0x7F800000
"""Bits of the largest positive float32."""


@kernel
def push(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: NDArray[np.float32],
    rows: NDArray[np.int32],
    weight: NDArray[np.float32],
    slots: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Sparse vector (`rows`, `weight`) times a CSR matrix: (columns int32 (m,), in the order met; sums float32 (m,)).

    A sum is taken in the order of `rows`, in double.
    """
    bound = 0
    for row in rows:
        bound += indptr[row + 1] - indptr[row]
    columns, sums = np.empty(bound, np.int32), np.empty(bound, np.float64)
    m = 0
    for i in range(len(rows)):
        for at in range(indptr[rows[i]], indptr[rows[i] + 1]):
            slot = slots[indices[at]]
            if slot == ABSENT:
                slots[indices[at]] = m
                columns[m] = indices[at]
                sums[m] = values[at] * weight[i]
                m += 1
            else:
                sums[slot] += values[at] * weight[i]
    for slot in range(m):
        slots[columns[slot]] = ABSENT
    return columns[:m].copy(), sums[:m].astype(np.float32)


@kernel
def ties_to(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: NDArray[np.float32],
    recent: NDArray[np.int32],
    weight: NDArray[np.float32],
    session: NDArray[np.int32],
    slots: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """How every item is tied to `recent` ones: (rows int32 (m,), in the order met; float32 (4, m)).

    The four are `NeighbourScores`' total, last, best and ties.
    """
    bound = 0
    for row in recent:
        bound += indptr[row + 1] - indptr[row]
    reached = np.empty(bound, np.int32)
    found = np.empty((bound, 4), np.float32)
    m = 0
    for i in range(len(recent)):
        for at in range(indptr[recent[i]], indptr[recent[i] + 1]):
            slot = slots[indices[at]]
            if slot == ABSENT:
                slot = m
                slots[indices[at]] = slot
                reached[slot] = indices[at]
                found[slot] = 0
                m += 1
            value = values[at]
            found[slot, 0] += value * weight[i]
            if session[i] == 0:
                found[slot, 1] += value
            found[slot, 2] = max(found[slot, 2], value)
            found[slot, 3] += np.float32(1)
    for slot in range(m):
        slots[reached[slot]] = ABSENT
    return reached[:m].copy(), found[:m].T.copy()


EVERY: Final = np.empty(0, np.bool_)
"""In place of a mask of allowed rows: all are."""


def largest(
    values: NDArray[np.float32], rows: NDArray[np.int32], allowed: NDArray[np.bool_], k: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The `k` allowed rows (`EVERY`: all are) with the largest positive `values` (m,), and the values.

    Best first, ties to the lower row.

    The bits of positive floats stand in the order of the floats, so one integer holds value and row, and one sort of
    integers does it all.
    """
    if k == 0:
        return np.empty(0, np.int32), np.empty(0, np.float32)
    keys = _keys(values.view(np.uint32), rows, allowed)
    if len(keys) > k:
        keys = np.partition(keys, len(keys) - k)[len(keys) - k :]
    keys.sort()
    best = keys[::-1]
    return (best & _LOW ^ _LOW).astype(np.int32), (best >> _HALF).astype(np.uint32).view(np.float32)


@kernel
def _keys(bits: NDArray[np.uint32], rows: NDArray[np.int32], allowed: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """For each positive value of an allowed row its bits, then the row's turned round."""
    keys = np.empty(len(rows), np.uint64)
    n = 0
    for at in range(len(rows)):
        if 0 < bits[at] <= _INFINITY and (len(allowed) == 0 or allowed[rows[at]]):
            keys[n] = np.uint64(bits[at]) << _HALF | np.uint64(rows[at]) ^ _LOW
            n += 1
    return keys[:n]


@kernel
def strongest_ties(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: NDArray[np.float32],
    recent: NDArray[np.int32],
    rows: NDArray[np.int32],
    slots: NDArray[np.int32],
) -> NDArray[np.int32]:
    """The `recent` item with the strongest tie to each of distinct `rows` (n,), the first of equals; -1 without one."""
    for i in range(len(rows)):
        slots[rows[i]] = i
    owner = np.full(len(rows), -1, np.int32)
    best = np.zeros(len(rows), np.float32)
    for item in recent:
        for at in range(indptr[item], indptr[item + 1]):
            i = slots[indices[at]]
            if i != ABSENT and values[at] > best[i]:
                owner[i], best[i] = item, values[at]
    for row in rows:
        slots[row] = ABSENT
    return owner


@kernel
def sums_by_key(
    key: NDArray[np.int32],
    mine: NDArray[np.int32],
    weight: NDArray[np.float32],
    rows: NDArray[np.int32],
    slots: NDArray[np.int32],
) -> NDArray[np.float32]:
    """For each of `rows` the summed `weight` of `mine` whose `key` (n_items,), < n_items, is its own; float32."""
    found = np.empty(len(mine), np.float64)
    m = 0
    for i in range(len(mine)):
        slot = slots[key[mine[i]]]
        if slot == ABSENT:
            slots[key[mine[i]]] = m
            found[m] = weight[i]
            m += 1
        else:
            found[slot] += weight[i]
    out = np.zeros(len(rows), np.float32)
    for i in range(len(rows)):
        slot = slots[key[rows[i]]]
        if slot != ABSENT:
            out[i] = found[slot]
    for row in mine:
        slots[key[row]] = ABSENT
    return out


@kernel
def look_up(
    found: NDArray[np.int32],
    scores: NDArray[np.float32],
    rows: NDArray[np.int32],
    slots: NDArray[np.int32],
    out: NDArray[np.float32],
) -> None:
    """Write into `out` (p, n) the `scores` (p, m) of rows `found` (m,) where they are among distinct `rows` (n,)."""
    for i in range(len(rows)):
        slots[rows[i]] = i
    for at in range(len(found)):
        i = slots[found[at]]
        if i != ABSENT:
            for part in range(len(scores)):
                out[part, i] = scores[part, at]
    for row in rows:
        slots[row] = ABSENT
