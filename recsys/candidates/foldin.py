"""The served half of ALS: item factors, the least-squares solution for one user, and the best items for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.candidates.accumulate import largest
from recsys.kernel import kernel

_ROUNDING: Final = 1e-4
"""More than float32 sums of a thousand terms may be off by, as a share of the norms' product."""


def confidence(weight: NDArray[np.float32], alpha: float) -> NDArray[np.float32]:
    """Confidence of a summed event weight: 1 + alpha * log(1 + w)."""
    return (1 + np.float32(alpha) * np.log1p(weight)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class ItemFactors:
    """Factors of all items; `gram` float64 (d, d) = Y'Y + regularization * I; `alpha` (1,).

    `ordered` float32 (n_items, d) are the factors by descending norm, so that those which are looked at lie together,
    `norm` float32 (n_items,) their norms, `by_norm` int32 (n_items,) their items' rows; `place` int32 (n_items,) is
    where an item's factor is.
    """

    ordered: NDArray[np.float32]
    norm: NDArray[np.float32]
    by_norm: NDArray[np.int32]
    place: NDArray[np.int32]
    gram: NDArray[np.float64]
    alpha: NDArray[np.float32]

    @classmethod
    def build(cls, factors: NDArray[np.float32], *, regularization: float, alpha: float) -> ItemFactors:
        """Precompute what every fold-in and every search share."""
        exact = factors.astype(np.float64)
        gram = exact.T @ exact + regularization * np.eye(factors.shape[1])
        norm = np.linalg.norm(exact, axis=1).astype(np.float32)
        by_norm = np.argsort(-norm, kind="stable").astype(np.int32)
        place = np.empty_like(by_norm)
        place[by_norm] = np.arange(len(by_norm))
        return cls(factors[by_norm], norm[by_norm], by_norm, place, gram, np.array([alpha], np.float32))

    @property
    def factors(self) -> NDArray[np.float32]:
        """Every item's factor by row, float32 (n_items, d); a copy."""
        return self.ordered[self.place]

    def of(self, rows: NDArray[np.int32]) -> NDArray[np.float32]:
        """Factors of some items, float32 (len(rows), d)."""
        return self.ordered[self.place[rows]]

    def user_factor(self, items: NDArray[np.int32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
        """Solve (Y'Y + Y'(C - I)Y + rI) x = Y'C p for one user; zeros without items.

        Hot path: `benchmarks/serve`; d² operations per item of the history plus d³/3.
        """
        if len(items) == 0:
            return np.zeros(self.ordered.shape[1], np.float32)
        y = self.of(items).astype(np.float64)
        c = confidence(weight, float(self.alpha[0])).astype(np.float64)
        system = self.gram + (y.T * (c - 1)) @ y
        return np.linalg.solve(system, y.T @ c).astype(np.float32)

    def scores(self, user_factor: NDArray[np.float32], rows: NDArray[np.int32]) -> NDArray[np.float32]:
        """Inner products with some items, float32 (len(rows),); summed in one order, on any machine."""
        return _products(self.ordered, self.place[rows], user_factor)

    def best(self, user_factor: NDArray[np.float32], allowed: NDArray[np.bool_], k: int) -> NDArray[np.int32]:
        """The `k` allowed items with the largest positive inner products, best first, ties to the lower row.

        Exact, and far from a full scan: no product exceeds the two norms' (Cauchy and Schwarz), and the norms of ALS
        factors fall off as popularity does, so items are looked at by falling norm until none left can be among the
        best (Teflioudi and Gemulla 2016, "Exact and approximate maximum inner product search with LEMP").
        Hot path: `benchmarks/serve`.
        """
        norm = np.float32((1 + _ROUNDING) * np.linalg.norm(user_factor.astype(np.float64)))
        if k == 0 or norm == 0:
            return np.empty(0, np.int32)
        rows, scores = _promising(self.ordered, self.by_norm, self.norm, user_factor, norm, allowed, k)
        return largest(scores, rows, allowed, k)[0]


@kernel
def _product(factor: NDArray[np.float32], x: NDArray[np.float32]) -> np.float32:
    """Inner product in four interleaved sums: one order, which vector units can keep to."""
    a = b = c = d = np.float32(0)
    n = len(x) // 4 * 4
    for j in range(0, n, 4):
        a += factor[j] * x[j]
        b += factor[j + 1] * x[j + 1]
        c += factor[j + 2] * x[j + 2]
        d += factor[j + 3] * x[j + 3]
    for j in range(n, len(x)):
        a += factor[j] * x[j]
    return np.float32((a + b) + (c + d))


@kernel
def _products(ordered: NDArray[np.float32], places: NDArray[np.int32], x: NDArray[np.float32]) -> NDArray[np.float32]:
    out = np.empty(len(places), np.float32)
    for i in range(len(places)):
        out[i] = _product(ordered[places[i]], x)
    return out


@kernel
def _promising(
    ordered: NDArray[np.float32],
    by_norm: NDArray[np.int32],
    norms: NDArray[np.float32],
    x: NDArray[np.float32],
    norm: np.float32,
    allowed: NDArray[np.bool_],
    k: int,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """(rows, scores) of all that may be among the `k` best; `norm` is that of `x`, with a margin.

    `bar` is the k-th best score known so far. It is kept by halves: scores above it wait in `above`, and where that is
    full, its k largest stay.
    """
    rows, scores = np.empty(len(norms), np.int32), np.empty(len(norms), np.float32)
    above = np.empty(4 * k, np.float32)
    n = n_above = 0
    bar = np.float32(0)
    for at in range(len(norms)):
        if norms[at] * norm < bar or norms[at] == 0:
            break
        row = by_norm[at]
        if not allowed[row]:
            continue
        score = _product(ordered[at], x)
        if score > 0 and score >= bar:
            rows[n], scores[n] = row, score
            n += 1
            above[n_above] = score
            n_above += 1
            if n_above == len(above):
                above.sort()
                above[:k] = above[3 * k :].copy()
                n_above, bar = k, above[0]
    kept = scores[:n] >= bar
    return rows[:n][kept], scores[:n][kept]
