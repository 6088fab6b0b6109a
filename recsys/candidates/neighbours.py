"""Item-to-item sources share one shape: each item's K strongest neighbours, and one way to score with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recsys.candidates.accumulate import ties_to
from recsys.kernel import blank_slots


@dataclass(frozen=True, slots=True)
class Neighbours:
    """CSR of item -> item similarities: `indptr` int64 (n_items + 1,), `indices` int32, `values` float32 > 0."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    values: NDArray[np.float32]

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.indptr) - 1

    @property
    def csr(self) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
        """The three arrays, as kernels take them."""
        return self.indptr, self.indices, self.values

    def row(self, item_row: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Neighbours of one item and their similarities, strongest first."""
        start, stop = int(self.indptr[item_row]), int(self.indptr[item_row + 1])
        return self.indices[start:stop], self.values[start:stop]

    def matrix(self) -> sparse.csr_matrix:
        """The similarities as float32 CSR (n_items, n_items)."""
        return sparse.csr_matrix((self.values, self.indices, self.indptr), shape=(self.n_items, self.n_items))

    def strongest(self, k: int) -> Neighbours:
        """At most the `k` strongest of each item."""
        counts = np.diff(self.indptr)
        within = np.arange(len(self.indices)) - np.repeat(self.indptr[:-1], counts)
        kept = within < k
        indptr = np.concatenate(([0], np.cumsum(np.minimum(counts, k)))).astype(np.int64)
        return Neighbours(indptr, self.indices[kept], self.values[kept])


def stacked(blocks: Sequence[Neighbours]) -> Neighbours:
    """Neighbours of consecutive blocks of items as one."""
    counts = np.concatenate([np.empty(0, np.int64), *(np.diff(block.indptr) for block in blocks)])
    return Neighbours(
        np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        np.concatenate([np.empty(0, np.int32), *(block.indices for block in blocks)]),
        np.concatenate([np.empty(0, np.float32), *(block.values for block in blocks)]),
    )


@dataclass(frozen=True, slots=True)
class NeighbourScores:
    """Scores from a user's recent items of the `rows` int32 (m,), distinct, that have any; `values` float32 (4, m).

    `total` sums the similarities to recent items, weighted; `last` is to the newest session's items, `best` the
    strongest single one, `ties` counts the recent items that have any.
    """

    rows: NDArray[np.int32]
    values: NDArray[np.float32]

    @property
    def total(self) -> NDArray[np.float32]:
        """Weighted sum, float32 (m,): what the source ranks by."""
        total: NDArray[np.float32] = self.values[0]
        return total


def entries_of(indptr: NDArray[np.int64], rows: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(positions of the rows' entries in a CSR's arrays, row after row; number of entries of each row)."""
    starts = indptr[rows]
    lengths = indptr[rows + 1] - starts
    offsets = np.repeat(starts - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
    return np.arange(int(lengths.sum())) + offsets, lengths


def score(
    neighbours: Neighbours,
    recent_items: NDArray[np.int32],
    recent_weight: NDArray[np.float32],
    recent_session: NDArray[np.int32],
) -> NeighbourScores:
    """Score items by their similarity to `recent_items` (newest first).

    Hot path: `benchmarks/serve`; cost grows with len(recent_items) * K, not with the catalogue.
    """
    slots = blank_slots(neighbours.n_items)
    return NeighbourScores(*ties_to(*neighbours.csr, recent_items, recent_weight, recent_session, slots))


def score_reference(
    neighbours: Neighbours,
    recent_items: NDArray[np.int32],
    recent_weight: NDArray[np.float32],
    recent_session: NDArray[np.int32],
) -> NDArray[np.float32]:
    """The slow, obvious form of `score`, kept for the test that holds them equal: float32 (4, n_items)."""
    total, last, best, ties = scores = np.zeros((4, neighbours.n_items), np.float32)
    for item, weight, session in zip(recent_items, recent_weight, recent_session, strict=True):
        for row, value in zip(*neighbours.row(int(item)), strict=True):
            total[row] += value * weight
            best[row] = max(best[row], value)
            ties[row] += 1
            if session == 0:
                last[row] += value
    return scores


def strongest(neighbours: Neighbours, recent_items: NDArray[np.int32], item_row: int) -> tuple[int, float]:
    """The recent item with the strongest tie to `item_row` and its similarity; (-1, 0.0) without any."""
    evidence, strength = -1, 0.0
    for recent in recent_items.tolist():
        indices, values = neighbours.row(recent)
        found = np.flatnonzero(indices == item_row)
        if len(found) and float(values[found[0]]) > strength:
            evidence, strength = recent, float(values[found[0]])
    return evidence, strength
