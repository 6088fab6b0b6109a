"""What each group of features is worth: retrain without it, and compare on the same requests.

To remove a group its columns become NaN in training, validation and test alike; rows, requests and settings stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from offline_jobs import train_ranker
from offline_jobs.config import BuildConfig
from offline_jobs.held_out import held_out
from offline_jobs.lists import K, slates_of
from offline_jobs.progress import Steps
from offline_jobs.train_candidates import FitInput
from offline_jobs.train_ranker import HeldOut, sample
from recsys import metrics
from recsys.metrics import Comparison, Interval
from recsys.profiles.items import ItemTable
from recsys.rerank import ranker
from recsys.rerank.diversify import DiversityConfig
from recsys.rerank.features import FEATURES
from recsys.rerank.prepare import Prepared
from recsys.rerank.training_set import TrainingSet, prepared_requests
from recsys.split import Windows

MAX_TRAIN = 3_000
MAX_TEST = 2_000
"""Requests that train and measure each variant: an ablation fits once per group, and holds all rows in memory."""


@dataclass(frozen=True, slots=True)
class Without:
    """A group removed: NDCG@10 without it, and what the full model has more, Holm-corrected over the groups."""

    n_features: int
    ndcg: Interval
    loss: Comparison


@dataclass(frozen=True, slots=True)
class Ablation:
    """NDCG@10 of the full model trained on the same rows, and of each variant; `n_train`, `n_test` are requests."""

    n_train: int
    n_test: int
    full: Interval
    groups: dict[str, Without]


def training_rows(
    source: FitInput, split: Windows, config: BuildConfig, steps: Steps
) -> tuple[TrainingSet, TrainingSet]:
    """Rows to fit and rows to stop by, of at most `MAX_TRAIN` requests."""
    held = held_out(source, split.train, config, steps, limit=config.ranking.max_requests)
    bounded = replace(config.ranking, max_requests=min(MAX_TRAIN, config.ranking.max_requests))
    return train_ranker.rows_of_windows(
        source, split.train, held, candidates=config.candidates, config=bounded, steps=steps
    )


def measured_rows(held: HeldOut, config: BuildConfig) -> tuple[list[Prepared], list[NDArray[np.int32]]]:
    """At most `MAX_TEST` requests ready to be scored, and what each wanted."""
    requests = sample(held.requests, MAX_TEST, config.ranking.seed)
    prepared = prepared_requests(held.model, held.earlier, held.later, requests)
    return prepared, [request.wanted for request in requests]


def ablate(
    rows: tuple[TrainingSet, TrainingSet],
    prepared: Sequence[Prepared],
    wanted: Sequence[NDArray[np.int32]],
    *,
    items: ItemTable,
    config: ranker.RankerConfig,
    groups: Mapping[str, Sequence[str]],
    steps: Steps,
) -> Ablation:
    """Fit with every group, then without each, and measure the slates of the same requests."""
    train, valid = rows
    n_wanted = np.array([len(rows) for rows in wanted], np.int64)
    matrices = [train.matrix, valid.matrix, *(ready.matrix for ready in prepared)]

    def ndcg() -> NDArray[np.float64]:
        booster = ranker.fit(train, valid, config)
        found = metrics.hits(slates_of(booster, prepared, items, config=DiversityConfig()), wanted)
        return metrics.at_k(found, n_wanted, K)[f"ndcg@{K}"]

    with steps.step("every group"):
        full = ndcg()
    left = {}
    for group, names in groups.items():
        columns = [FEATURES.index(name) for name in names]
        with steps.step(f"without {group}"), _blanked(matrices, columns):
            left[group] = ndcg()
    losses = metrics.compare(np.column_stack([full - without for without in left.values()])) if left else []
    return Ablation(
        n_train=len(train.group),
        n_test=len(wanted),
        full=metrics.bootstrap(full),
        groups={
            group: Without(len(groups[group]), metrics.bootstrap(without), loss)
            for (group, without), loss in zip(left.items(), losses, strict=True)
        },
    )


@contextmanager
def _blanked(matrices: Sequence[NDArray[np.float32]], columns: Sequence[int]) -> Iterator[None]:
    """NaN in `columns` of every matrix, and the old values back afterwards."""
    saved = [matrix[:, columns].copy() for matrix in matrices]
    for matrix in matrices:
        matrix[:, columns] = np.nan
    try:
        yield
    finally:
        for matrix, values in zip(matrices, saved, strict=True):
            matrix[:, columns] = values
