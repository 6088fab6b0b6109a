"""One request up to its feature matrix: the path that training, evaluation and serving share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.candidates.eligible import eligible
from recsys.candidates.merge import MAX_CANDIDATES
from recsys.candidates.retrieve import Candidates, Sources, retrieve
from recsys.profiles.items import ItemTable
from recsys.profiles.store import History
from recsys.profiles.user import UserProfile, user_profile
from recsys.rerank.features import features
from recsys.slate import PurchasedPolicy


@dataclass(frozen=True, slots=True)
class Model:
    """Everything fitted on events before `as_of_ms`, except the ranker.

    `static` float32 (n_items, len(STATIC)) is what features say of an item whoever asks (`static_features`).
    """

    as_of_ms: int
    items: ItemTable
    sources: Sources
    static: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request ready to be scored; `matrix` float32 (n_candidates, n_features), of `n_allowed` items in all."""

    profile: UserProfile
    candidates: Candidates
    matrix: NDArray[np.float32]
    n_allowed: int


def prepare(
    model: Model,
    history: History,
    *,
    time_ms: int,
    purchased: PurchasedPolicy = "bundle",
    only: NDArray[np.bool_] | None = None,
    excluded: NDArray[np.int32] | None = None,
    quotas: NDArray[np.int64] | None = None,
    limit: int = MAX_CANDIDATES,
    by_title: bool = True,
) -> Prepared:
    """Profile, candidates and features of one request; `history` holds only events before `time_ms`.

    `quotas` (n_sources,) in place of the fitted ones.
    """
    profile = user_profile(history, model.items, time_ms=time_ms)
    allowed = eligible(model.items, profile, purchased=purchased, only=only, excluded=excluded, by_title=by_title)
    candidates = retrieve(model.sources, profile, allowed, quotas=quotas, limit=limit)
    matrix = features(candidates, profile, model.items, model.sources, model.static, time_ms=time_ms)
    return Prepared(profile, candidates, matrix, int(np.count_nonzero(allowed)))
