"""The stages of one slate inside the library, in CPU time of the thread, beside LightGBM's predict on its matrix."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from recsys.bundle import Bundle
from recsys.recommender import Recommender
from recsys.rerank.prepare import prepare
from recsys.slate import SlateRequest

STOCK = "stock LightGBM predict"
PARTS = ("history", "prepare", "rank", "page", "reasons")


@dataclass(frozen=True, slots=True)
class Stages:
    """Median CPU milliseconds by stage; `stock` is LightGBM's predict of the same matrices, one thread."""

    ms: dict[str, float]
    stock: float
    n_candidates: float
    n_features: int


def stages(bundle: Bundle, users: Sequence[int]) -> Stages:
    """Recommend to each user, and let LightGBM score the same candidates, in turn."""
    recommender, booster = Recommender(bundle), lgb.Booster(model_str=bundle.ranker_text)
    now, taken = bundle.model.as_of_ms, defaultdict(list)
    began = [0.0]

    def lap(stage: str) -> None:
        at = time.thread_time()
        taken[stage].append(at - began[0])
        began[0] = at

    recommender.lap = lap
    sizes = []
    for row in [*users[:20], *users]:  # the first twenty warm up
        request = SlateRequest(bundle.users.id(row), now)
        began[0] = started = time.thread_time()
        recommender.recommend(request)  # before anything else has read what this user needs
        taken["whole"].append(time.thread_time() - started)
        matrix = prepare(bundle.model, bundle.histories.of(row), time_ms=now).matrix
        stock = _cpu_s(lambda matrix=matrix: booster.predict(matrix, num_threads=1, validate_features=False))
        taken[STOCK].append(stock)
        sizes.append(len(matrix))
    ms = {stage: 1_000 * median(found[20:]) for stage, found in taken.items()}
    return Stages(ms, ms.pop(STOCK), float(np.median(sizes)), matrix.shape[1])


def _cpu_s(call: Callable[[], Any]) -> float:
    started = time.thread_time()
    call()
    return time.thread_time() - started


def stock_ms(booster: lgb.Booster, matrices: Sequence[NDArray[np.float32]]) -> float:
    """Median CPU milliseconds of LightGBM's predict, one thread, one matrix a call."""
    taken = [_cpu_s(lambda m=m: booster.predict(m, num_threads=1, validate_features=False)) for m in matrices]
    return 1_000 * median(taken)
