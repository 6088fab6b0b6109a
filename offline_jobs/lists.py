"""The lists that answer one request: the slate as it is served, each source alone, the user's own items."""

from __future__ import annotations

from collections.abc import Sequence

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from recsys.candidates.merge import SOURCES
from recsys.profiles.items import ItemTable
from recsys.profiles.user import UserProfile
from recsys.rerank.diversify import DiversityConfig, diversify
from recsys.rerank.intent import lift_searched
from recsys.rerank.prepare import Prepared
from recsys.rerank.trees import read_trees

K = 10
"""Length of a slate as served."""


def most_bought(profile: UserProfile) -> NDArray[np.int32]:
    """The user's own items by number of purchases, newer first on ties."""
    return profile.items[np.lexsort((-profile.last_ms, -profile.n_bought))]


def slate_of(
    ready: Prepared, scores: NDArray[np.float64], items: ItemTable, *, n: int, config: DiversityConfig
) -> NDArray[np.int32]:
    """Rows of the slate of `n` that is served for these scores of the candidates."""
    rows = ready.candidates.rows
    lifted = lift_searched(scores, rows, items, ready.profile, n=n)
    order = np.argsort(-lifted, kind="stable")
    return rows[diversify(order, rows, items, n=n, config=config)]


def slates_of(
    booster: lgb.Booster, prepared: Sequence[Prepared], items: ItemTable, *, config: DiversityConfig
) -> NDArray[np.int32]:
    """The slates of `K` that are served to these requests: int32 (n, K), padded with -1."""
    scores = predict_many(booster, prepared)
    pairs = zip(prepared, scores, strict=True)
    return padded([slate_of(ready, own, items, n=K, config=config) for ready, own in pairs], K)


def source_lists(ready: Prepared, n: int) -> dict[str, NDArray[np.int32]]:
    """Each source's own first `n` among the candidates."""
    found = {}
    for i, name in enumerate(SOURCES):
        rank = ready.candidates.ranks[:, i]
        order = np.argsort(rank, kind="stable")[: min(n, int(np.isfinite(rank).sum()))]
        found[name] = ready.candidates.rows[order]
    return found


def predict_many(booster: lgb.Booster, prepared: Sequence[Prepared]) -> list[NDArray[np.float64]]:
    """Scores of each request's candidates, as they are served."""
    trees = read_trees(booster.model_to_string())
    return [trees.predict(ready.matrix) for ready in prepared]


def padded(lists: Sequence[NDArray[np.int32]], width: int) -> NDArray[np.int32]:
    """Lists as one matrix int32 (n, width), padded with -1."""
    out = np.full((len(lists), width), -1, np.int32)
    for i, ranked in enumerate(lists):
        out[i, : min(len(ranked), width)] = ranked[:width]
    return out
