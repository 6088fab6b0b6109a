"""What one trial of `slatewright tune` does: merge again, train, serve, measure.

The sources are fitted and asked once; a trial then costs features, one LightGBM fit and its predictions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from offline_jobs.config import BuildConfig, flat
from offline_jobs.held_out import held_out
from offline_jobs.lists import K, slates_of
from offline_jobs.parallel import in_chunks
from offline_jobs.progress import Steps
from offline_jobs.remerge import Asked, ask, merged_again
from offline_jobs.search_space import Range
from offline_jobs.train_candidates import FitInput
from offline_jobs.train_ranker import HeldOut, as_new_users, held_out_window, held_windows, sample
from recsys import metrics
from recsys.candidates.merge import MAX_CANDIDATES, SOURCES, settings
from recsys.rerank import ranker
from recsys.rerank.prepare import Model
from recsys.rerank.training_set import TrainingSet, joined, labelled, split_by_user
from recsys.split import Windows

BATCH: Final = 512
"""Validation requests whose features are held at once."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """One window's `model`, and its requests asked once: to `fit` the ranker on, and to `stop` it by."""

    model: Model
    fit: list[Asked]
    stop: list[Asked]


@dataclass(frozen=True, slots=True)
class Task:
    """Requests whose sources were asked once: of the windows to learn from, and `valid` of the `measured` one."""

    learnt: list[Learnt]
    measured: Model
    valid: list[Asked]


def asked_once(
    source: FitInput, split: Windows, base: BuildConfig, space: Mapping[str, Range], steps: Steps, *, n_requests: int
) -> Task:
    """Fit the windows' sources and ask them for the longest lists of the search space; at most `n_requests` each."""
    values = flat(base) | {name: bounds.high for name, bounds in space.items()}
    longest = np.array([values[f"candidates.quotas.{name}"] for name in SOURCES], np.int64)
    config = base.ranking

    def asked(held: HeldOut) -> list[Asked]:
        with steps.step("ask the sources") as advance:
            chunks = in_chunks(
                ask, held.model, held.earlier, held.later, held.requests, progress=advance, longest=longest
            )
            return [one for _, found in chunks for one in found]

    learnt = []
    with steps.under("train"):
        newest = held_out_window(source, split.train, base.candidates, steps)
        windows = held_windows(source, split.train, newest, candidates=base.candidates, config=config, steps=steps)
        for whole in windows:
            held = replace(whole, requests=sample(whole.requests, n_requests, config.seed))
            kept, _ = split_by_user(held.requests, share=config.valid_share, seed=config.seed)
            fitting = {request.user_row for request in kept}
            training = asked(held)
            new = as_new_users(held.earlier, held.later, kept, share=config.new_user_share, seed=config.seed)
            as_new = ask(held.model, held.earlier, held.later, new, longest=longest, forget=True)
            fit = [one for one in training if one.request.user_row in fitting] + as_new
            learnt.append(Learnt(held.model, fit, [one for one in training if one.request.user_row not in fitting]))
    with steps.under("validate"):
        measured = held_out(source, split.test, base, steps, limit=n_requests)
        return Task(learnt, measured.model, asked(measured))


def training_rows(task: Task, config: BuildConfig) -> tuple[TrainingSet, TrainingSet]:
    """Rows to fit and rows to stop by, as a build with these settings makes them of the same requests."""
    quotas, weights = settings(config.candidates.quotas, config.candidates.fusion)

    def rows(model: Model, requests: Sequence[Asked], n_negatives: int) -> TrainingSet:
        found = []
        for one in requests:
            ready = merged_again(model, one, quotas=quotas, weights=weights)
            found.append(labelled(ready, one.request, n_negatives=n_negatives, seed=config.ranking.seed))
        return joined(found)

    fit = [rows(one.model, one.fit, config.ranking.n_negatives) for one in task.learnt]
    return joined(fit), joined([rows(one.model, one.stop, MAX_CANDIDATES) for one in task.learnt])


def ndcg(task: Task, config: BuildConfig) -> NDArray[np.float64]:
    """Train with these settings and serve every validation request: NDCG@10 of its slate, float64 (n,)."""
    booster = ranker.fit(*training_rows(task, config), config.ranking.ranker)
    quotas, weights = settings(config.candidates.quotas, config.candidates.fusion)
    slates = []
    for start in range(0, len(task.valid), BATCH):
        batch = task.valid[start : start + BATCH]
        ready = [merged_again(task.measured, one, quotas=quotas, weights=weights) for one in batch]
        slates.append(slates_of(booster, ready, task.measured.items, config=config.slate.diversity))
    wanted = [one.request.wanted for one in task.valid]
    n_wanted = np.array([len(rows) for rows in wanted], np.int64)
    return metrics.at_k(metrics.hits(np.concatenate(slates), wanted), n_wanted, K)[f"ndcg@{K}"]
