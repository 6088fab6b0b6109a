"""TIFU-kNN (Hu, He, Gao, Zhang, SIGIR 2020) with sparse algebra: personal item frequency, and that of like users.

A basket is what a user took at one moment. Its items get r_b^(k-i) as the i-th of k baskets of its group, over k; group
j of m gets r_g^(m-j), over m; older groups are the smaller ones, a history of fewer baskets has as many groups as
baskets. A request's score is alpha x its own vector + (1 - alpha) x the mean of its nearest users' (Euclidean).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.ranking.exchange import Answer, Pairs, Stage
from benchmarks.ranking.tuned import Config, Score, tuned

PUBLISHED: Final = (
    {"neighbours": 900, "within": 0.9, "between": 0.6, "groups": 3, "alpha": 0.2},  # Dunnhumby
    {"neighbours": 300, "within": 0.9, "between": 0.7, "groups": 7, "alpha": 0.7},  # Ta-Feng
    {"neighbours": 300, "within": 1.0, "between": 0.6, "groups": 7, "alpha": 0.7},  # ValuedShopper
    {"neighbours": 900, "within": 0.9, "between": 0.7, "groups": 3, "alpha": 0.9},  # Instacart
)
ALPHAS: Final = (0.2, 0.5, 0.7, 0.9)
NEAREST_CHUNK: Final = 512
MOST_KEPT: Final = 200_000_000
"""Requests x items whose neighbours' scores are kept from one alpha to the next (800 MB of float32)."""


def user_vectors(
    pairs: Pairs, shape: tuple[int, int], *, within: float, between: float, groups: int
) -> sparse.csr_matrix:
    """Personal item frequencies, float32 CSR `shape`, one row a user (or request)."""
    if len(pairs.row) == 0:
        return sparse.csr_matrix(shape, dtype=np.float32)
    stamp = np.unique(np.stack([pairs.row.astype(np.int64), pairs.time_ms]), axis=1)
    basket_row = stamp[0].astype(np.int64)
    n = np.bincount(basket_row, minlength=shape[0])
    first = np.concatenate([[0], np.cumsum(n)])
    nth = np.arange(len(basket_row)) - first[basket_row]  # 0 = oldest basket of the user
    size = n[basket_row]
    m = np.minimum(size, groups)
    base, extra = size // m, size % m
    small = (m - extra) * base  # baskets in the older groups, which hold `base` each
    old = nth < small
    group = np.where(old, nth // base, (m - extra) + (nth - small) // (base + 1))
    k = np.where(old, base, base + 1)
    place = np.where(old, nth % base, (nth - small) % (base + 1))
    weight = within ** (k - 1 - place) / k * between ** (m - 1 - group) / m
    # One item counts once in a basket: look up each event's basket, then drop repeats within it.
    basket = _positions(stamp, np.stack([pairs.row.astype(np.int64), pairs.time_ms]))
    taken = np.unique(np.stack([basket, pairs.item.astype(np.int64)]), axis=1)
    values = weight[taken[0]].astype(np.float32)
    return sparse.csr_matrix((values, (basket_row[taken[0]], taken[1])), shape=shape)


def _positions(table: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Column of `table` (2, n), ascending, that equals each column of `keys`."""
    times, code = np.unique(np.concatenate([table[1], keys[1]]), return_inverse=True)
    n = table.shape[1]
    span = np.int64(len(times))
    return np.searchsorted(table[0] * span + code[:n], keys[0] * span + code[n:]).astype(np.int64)


def nearest(
    vectors: sparse.csr_matrix, users: sparse.csr_matrix, own_row: NDArray[np.int32], k: int
) -> sparse.csr_matrix:
    """Mean-of-neighbours operator, float32 CSR (n_requests, n_users): 1/k at each request's `k` nearest other users.

    Only users with a vector count as neighbours.
    """
    length = np.asarray(users.multiply(users).sum(axis=1)).ravel().astype(np.float32)
    absent = np.diff(users.indptr) == 0
    k = int(min(k, max((~absent).sum() - 1, 1)))
    parts = []
    transposed = users.T.tocsr()
    for start in range(0, vectors.shape[0], NEAREST_CHUNK):
        part = vectors[start : start + NEAREST_CHUNK]
        distance = length[None, :] - 2 * (part @ transposed).toarray()  # the request's own length is a constant
        distance[:, absent] = np.inf
        distance[np.arange(part.shape[0]), own_row[start : start + NEAREST_CHUNK]] = np.inf
        parts.append(np.argpartition(distance, k - 1, axis=1)[:, :k].astype(np.int32))
    found = np.concatenate(parts)
    indptr = np.arange(0, found.size + 1, k)
    data = np.full(found.size, 1 / k, np.float32)
    return sparse.csr_matrix((data, found.ravel(), indptr), shape=(vectors.shape[0], users.shape[0]))


class Tifu:
    """Fits a configuration; remembers the last vectors and neighbours, which do not depend on alpha."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._made: tuple[sparse.csr_matrix, sparse.csr_matrix, sparse.csr_matrix] | None = None
        self._like: dict[int, NDArray[np.float32]] = {}

    def __call__(self, stage: Stage, config: Config) -> Score:
        """Scores of a stage's requests under `config`."""
        key = (id(stage), *(config[name] for name in ("neighbours", "within", "between", "groups")))
        if self._made is None or key != self._key:
            how = {name: config[name] for name in ("within", "between", "groups")}
            users = user_vectors(stage.train, (stage.n_users, stage.n_items), **how)
            own = user_vectors(stage.history, (stage.n_requests, stage.n_items), **how)
            self._key, self._made = key, (users, own, nearest(own, users, stage.user, config["neighbours"]))
            self._like = {}
        users, own, near = self._made
        alpha, like = np.float32(config["alpha"]), self._like
        keep = stage.n_requests * stage.n_items <= MOST_KEPT

        def score(part: slice) -> NDArray[np.float32]:
            likely = like.get(part.start)
            if likely is None:
                likely = (near[part] @ users).toarray()
                if keep:
                    like[part.start] = likely
            return np.asarray(alpha * own[part].toarray() + (1 - alpha) * likely, np.float32)

        return score


def configs() -> list[Config]:
    """The four published settings, each with every alpha, its own first."""
    found: list[Config] = []
    for setting in PUBLISHED:
        found.append(dict(setting))
        found += [{**setting, "alpha": alpha} for alpha in ALPHAS if alpha != setting["alpha"]]
    return found


def tifu_knn(valid: Stage, test: Stage, *, budget_s: float) -> Answer:
    """Settings chosen on validation; an item without a positive score is no recommendation."""
    return tuned(Tifu(), configs(), valid, test, budget_s=budget_s, above=0.0)
