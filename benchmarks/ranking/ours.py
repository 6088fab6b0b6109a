"""The slate's own lists, made as `slatewright evaluate` makes them, and every candidate source's first ten."""

from __future__ import annotations

import time
from collections import defaultdict

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from benchmarks.ranking.exchange import NO_ITEM, READINGS, Answer, K, Lists
from offline_jobs.config import BuildConfig
from offline_jobs.progress import Steps
from offline_jobs.train_candidates import FitInput, fit
from offline_jobs.train_ranker import train
from recsys.candidates.merge import SOURCES
from recsys.profiles.build import build_histories
from recsys.profiles.store import Histories
from recsys.rerank.diversify import DiversityConfig, diversify
from recsys.rerank.intent import lift_searched
from recsys.rerank.prepare import Model, Prepared, prepare
from recsys.rerank.training_set import PastRequest, history_at
from recsys.split import Windows

SLATE = "slate"
BATCH = 512


def answers(
    source: FitInput, split: Windows, config: BuildConfig, requests: list[PastRequest], steps: Steps
) -> dict[str, Answer]:
    """The slate and each source, by system name; a source without a list in a reading has no answer to it."""
    started = time.perf_counter()
    booster = train(source, split.train, candidates=config.candidates, config=config.ranking, steps=steps)
    with steps.under("test"):
        model, earlier = fit(source, as_of_ms=split.test.as_of_ms, config=config.candidates, steps=steps)
    fit_s, started = time.perf_counter() - started, time.perf_counter()
    later = build_histories(source.events, model.items, as_of_ms=split.test.until_ms, from_ms=split.test.as_of_ms)
    lists: dict[str, dict[str, Lists]] = defaultdict(dict)
    for reading in READINGS:
        with steps.step(f"slates: {reading}"):
            for system, ranked in replay(model, booster, earlier, later, requests, reading=reading).items():
                if (ranked != NO_ITEM).any():
                    lists[system][reading] = ranked
    score_s = time.perf_counter() - started
    none = {"tune": 0.0, "fit": 0.0, "score": 0.0}
    return {
        system: Answer(by_reading, {}, {**none, "fit": fit_s, "score": score_s} if system == SLATE else none)
        for system, by_reading in lists.items()
    }


def replay(
    model: Model,
    booster: lgb.Booster,
    earlier: Histories,
    later: Histories,
    requests: list[PastRequest],
    *,
    reading: str,
) -> dict[str, Lists]:
    """Ten items of the slate and of each source for every request, on what was known at its time."""
    found: dict[str, Lists] = {SLATE: np.full((len(requests), K), NO_ITEM, np.int32)}
    for name in SOURCES:
        found[f"source_{name}"] = np.full((len(requests), K), NO_ITEM, np.int32)
    new = reading == "new"
    for start in range(0, len(requests), BATCH):
        ready = [
            prepare(
                model,
                history_at(earlier, later, request.user_row, request.time_ms),
                time_ms=request.time_ms,
                purchased="exclude" if new else "bundle",
                by_title=not new,
            )
            for request in requests[start : start + BATCH]
        ]
        scores = booster.predict(np.concatenate([r.matrix for r in ready]), num_threads=2)
        bounds = np.cumsum([0] + [len(r.matrix) for r in ready])
        for i, one in enumerate(ready):
            own = np.asarray(scores)[bounds[i] : bounds[i + 1]]
            _put(found[SLATE], start + i, _slate(model, one, own))
            for at, name in enumerate(SOURCES):
                rank = one.candidates.ranks[:, at]
                order = np.argsort(rank, kind="stable")[: min(K, int(np.isfinite(rank).sum()))]
                _put(found[f"source_{name}"], start + i, one.candidates.rows[order])
    return found


def _slate(model: Model, ready: Prepared, scores: NDArray[np.float64]) -> NDArray[np.int32]:
    rows = ready.candidates.rows
    scores = lift_searched(scores, rows, model.items, ready.profile, n=K)
    order = np.argsort(-scores, kind="stable")
    return rows[diversify(order, rows, model.items, n=K, config=DiversityConfig())]


def _put(lists: Lists, at: int, rows: NDArray[np.int32]) -> None:
    lists[at, : len(rows)] = rows
