"""What the candidates could have given: recall by depth, merged and per source, and what only one source finds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offline_jobs.replay import Replayed
from recsys import metrics
from recsys.candidates.merge import SOURCES
from recsys.metrics import Interval

DEPTHS = (10, 20, 50, 100, 200, 300)


@dataclass(frozen=True, slots=True)
class Curves:
    """Recall at `DEPTHS`.

    Attributes
    ----------
    merged : of the first k merged candidates, over all requests
    sources : of each source's own first k, beyond its quota, over `n_sampled` requests; empty where none were asked for
    found_by, only_found_by : share of all wanted items that a source finds within its quota, and that no other does
    """

    merged: dict[int, Interval]
    sources: dict[str, dict[int, Interval]]
    n_sampled: int
    found_by: dict[str, float]
    only_found_by: dict[str, float]


def curves_of(replayed: Replayed, n_wanted: NDArray[np.int64]) -> Curves:
    """Curves of a replay; `n_wanted` (n,) items per request."""
    n, total = len(n_wanted), max(int(n_wanted.sum()), 1)

    def recall(request: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.bincount(request, minlength=n) / n_wanted

    merged = [recall(replayed.found_request[replayed.found_at < k]) for k in DEPTHS]
    found = metrics.intervals(np.column_stack(merged))
    sources = {}
    if len(replayed.deep_requests):
        for i, name in enumerate(SOURCES):
            rank = replayed.deep_ranks[:, i]
            columns = [recall(replayed.deep_request[rank <= k])[replayed.deep_requests] for k in DEPTHS]
            sources[name] = dict(zip(DEPTHS, metrics.intervals(np.column_stack(columns)), strict=True))
    alone = replayed.found_by.sum(axis=1) == 1
    return Curves(
        merged=dict(zip(DEPTHS, found, strict=True)),
        sources=sources,
        n_sampled=len(replayed.deep_requests),
        found_by={name: float(replayed.found_by[:, i].sum()) / total for i, name in enumerate(SOURCES)},
        only_found_by={name: float(replayed.found_by[alone, i].sum()) / total for i, name in enumerate(SOURCES)},
    )
