"""Score past requests with every system on the same history, and compare: slate, each source, most-bought.

Two readings side by side: `all` as served (bought items by the bundle's policy) and `new`, where items the user
already had are left out of lists and targets alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from recsys import metrics
from recsys.candidates.retrieve import SOURCES
from recsys.profiles.store import Histories
from recsys.profiles.user import UserProfile
from recsys.rerank.diversify import DiversityConfig, diversify
from recsys.rerank.intent import lift_searched
from recsys.rerank.prepare import Model, Prepared, prepare
from recsys.rerank.training_set import PastRequest, history_at
from recsys.slate import PurchasedPolicy

K = 10
BATCH = 512
MOST_BOUGHT = "most_bought"


@dataclass(slots=True)
class Measured:
    """One system's figures per request, aligned over systems; lists feed coverage."""

    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    lists: list[NDArray[np.int32]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Report:
    """Figures of one reading: system -> metric -> interval; `vs_slate` holds slate minus system in NDCG."""

    n_requests: int
    systems: dict[str, dict[str, metrics.Interval]]
    vs_slate: dict[str, metrics.Interval]
    candidate_recall: metrics.Interval
    repeat_share: float


def most_bought(profile: UserProfile) -> NDArray[np.int32]:
    """The user's own items by number of purchases, newer first on ties."""
    return profile.items[np.lexsort((-profile.last_ms, -profile.n_bought))]


def _lists(ready: Prepared, *, own: bool) -> dict[str, NDArray[np.int32]]:
    found = {}
    for i, name in enumerate(SOURCES):
        rank = ready.candidates.ranks[:, i]
        order = np.argsort(rank, kind="stable")[: min(K, int(np.isfinite(rank).sum()))]
        found[name] = ready.candidates.rows[order]
    if own:
        found[MOST_BOUGHT] = most_bought(ready.profile)[:K]
    else:
        del found["repurchase"]
    return found


def measure(
    model: Model,
    booster: lgb.Booster,
    earlier: Histories,
    later: Histories,
    requests: Sequence[PastRequest],
    *,
    purchased: PurchasedPolicy = "bundle",
    diversity: DiversityConfig | None = None,
    progress: Callable[[float], None] | None = None,
) -> Report:
    """Figures of every system over `requests`.

    With `purchased="exclude"` lists and targets lose the items already taken: items, not titles, as targets are items.
    """
    systems: dict[str, Measured] = defaultdict(Measured)
    recalls: list[float] = []
    n_repeats = n_wanted = 0
    config = diversity or DiversityConfig()
    population = int((np.diff(earlier.indptr) > 0).sum())
    pending: list[tuple[Prepared, NDArray[np.int32]]] = []

    def flush() -> None:
        if not pending:
            return
        scores = booster.predict(np.concatenate([ready.matrix for ready, _ in pending]), num_threads=2)
        bounds = np.cumsum([0] + [len(ready.matrix) for ready, _ in pending])
        for (ready, wanted), start in zip(pending, bounds[:-1], strict=True):
            own = np.asarray(scores)[start : start + len(ready.matrix)]
            own = lift_searched(own, ready.candidates.rows, model.items, ready.profile, n=K)
            order = np.argsort(-own, kind="stable")
            chosen = diversify(order, ready.candidates.rows, model.items, n=K, config=config)
            lists = {"slate": ready.candidates.rows[chosen]}
            lists |= _lists(ready, own=purchased != "exclude")
            for name, ranked in lists.items():
                measured = systems[name]
                measured.lists.append(ranked)
                measured.values["hr@10"].append(metrics.hit_rate(ranked, wanted, K))
                measured.values["recall@10"].append(metrics.recall(ranked, wanted, K))
                measured.values["ndcg@10"].append(metrics.ndcg(ranked, wanted, K))
                measured.values["novelty"].append(metrics.novelty(ranked, model.items.n_users, population))
        pending.clear()

    for i, request in enumerate(requests):
        history = history_at(earlier, later, request.user_row, request.time_ms)
        ready = prepare(model, history, time_ms=request.time_ms, purchased=purchased, by_title=purchased != "exclude")
        had = np.isin(request.wanted, ready.profile.taken)
        wanted = request.wanted[~had] if purchased == "exclude" else request.wanted
        n_repeats, n_wanted = n_repeats + int(had.sum()), n_wanted + len(had)
        if len(wanted) == 0:
            continue
        recalls.append(metrics.recall(ready.candidates.rows, wanted, 200))
        pending.append((ready, wanted))
        if len(pending) == BATCH:
            flush()
        if progress is not None and i % 50 == 0:
            progress(i / len(requests))
    flush()
    if n_repeats == 0:  # nobody wants an item again: comparing with "again" would flatter the slate
        for name in (MOST_BOUGHT, "repurchase"):
            systems.pop(name, None)
    for name in [name for name, measured in systems.items() if not any(map(len, measured.lists))]:
        del systems[name]  # a source this log cannot feed, such as categories where there are none
    slate = np.array(systems["slate"].values["ndcg@10"])
    return Report(
        n_requests=len(recalls),
        systems={
            name: {m: metrics.bootstrap(_known(v)) for m, v in measured.values.items()}
            | {"coverage": _exact(metrics.coverage(measured.lists, len(model.items)))}
            for name, measured in systems.items()
        },
        vs_slate={
            name: metrics.bootstrap(slate - np.array(measured.values["ndcg@10"]))
            for name, measured in systems.items()
            if name != "slate"
        },
        candidate_recall=metrics.bootstrap(np.array(recalls)),
        repeat_share=n_repeats / max(n_wanted, 1),
    )


def _known(values: list[float]) -> NDArray[np.float64]:
    """Without the NaN of requests where the figure has no meaning: an empty list has no novelty."""
    array = np.array(values)
    known: NDArray[np.float64] = array[np.isfinite(array)]
    return known


def _exact(value: float) -> metrics.Interval:
    return metrics.Interval(value, value, value)
