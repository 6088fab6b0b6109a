"""Past requests whose sources were asked once, to be merged again under other quotas and weights.

Invariant: a request merged again is, bit for bit, what `prepare` makes of it with such sources.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.candidates.eligible import eligible
from recsys.candidates.merge import MAX_CANDIDATES, SOURCES, merge
from recsys.candidates.retrieve import Candidates, propose, score_sources
from recsys.profiles.store import Histories, empty_history
from recsys.profiles.user import UserProfile, user_profile
from recsys.rerank.features import features
from recsys.rerank.prepare import Model, Prepared
from recsys.rerank.training_set import PastRequest, history_at


@dataclass(frozen=True, slots=True)
class Asked:
    """One request and what every source answered.

    `lists` are the longest lists; `rows` int32 (m,), ascending, all that they hold; `scores` float32 (len(SCORES), m)
    what the models say of them.
    """

    request: PastRequest
    profile: UserProfile
    n_allowed: int
    lists: dict[str, NDArray[np.int32]]
    rows: NDArray[np.int32]
    scores: NDArray[np.float32]


def ask(
    model: Model,
    earlier: Histories,
    later: Histories,
    requests: Sequence[PastRequest],
    *,
    longest: NDArray[np.int64],
    forget: bool = False,
) -> list[Asked]:
    """Ask every source of each request for `longest` (n_sources,) items; with `forget` as if its user were new."""
    found = []
    for request in requests:
        history = empty_history() if forget else history_at(earlier, later, request.user_row, request.time_ms)
        profile = user_profile(history, model.items, time_ms=request.time_ms)
        allowed = eligible(model.items, profile)
        scored = score_sources(model.sources, profile)
        lists = propose(model.sources, scored, profile, allowed, quotas=longest)
        rows = np.unique(np.concatenate([lists[name] for name in SOURCES]))
        found.append(Asked(request, profile, int(allowed.sum()), lists, rows, scored.at(rows, model.sources)))
    return found


def merged_again(model: Model, asked: Asked, *, quotas: NDArray[np.int64], weights: NDArray[np.float64]) -> Prepared:
    """The request as these `quotas` and `weights` (n_sources,) prepare it; no quota is longer than what was asked."""
    lists = {name: asked.lists[name][:k] for name, k in zip(SOURCES, quotas.tolist(), strict=True)}
    rows, ranks, fused = merge(lists, weights, limit=MAX_CANDIDATES, n_items=len(model.items))
    scores = np.take(asked.scores, np.searchsorted(asked.rows, rows), axis=1)
    candidates = Candidates(rows, ranks, fused, scores)
    given = (asked.profile, model.items, model.sources, model.static)
    matrix = features(candidates, *given, time_ms=asked.request.time_ms)
    return Prepared(asked.profile, candidates, matrix, asked.n_allowed)
