"""Replay past requests through the code that serves, and keep what every system listed, as aligned arrays.

Invariant: all systems answer the same requests from the same history; entry i of everything belongs to request i.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from offline_jobs.lists import K, most_bought, padded, predict_many, slate_of, source_lists
from offline_jobs.parallel import in_chunks
from recsys.candidates.merge import MAX_CANDIDATES, SOURCES
from recsys.profiles.items import ItemTable
from recsys.profiles.store import Histories
from recsys.profiles.user import UserProfile
from recsys.rerank.diversify import DiversityConfig
from recsys.rerank.prepare import Model, Prepared, prepare
from recsys.rerank.training_set import PastRequest, history_at, prepared_requests
from recsys.slate import PurchasedPolicy

LONG = 20
"""Length of the lists behind figures at 20; the slate is made anew for it, as its caps depend on its length."""
MOST_BOUGHT = "most_bought"
BATCH = 512
TARGET_KINDS = ("had before", "new, of a known category", "new, of another category", "new, without a category")


@dataclass(slots=True)
class Replayed:
    """n requests with at least one wanted item.

    Attributes
    ----------
    wanted : per request int32 rows
    n_events : int64 (n,), strong events in the history
    slate : int32 (n, K), the slate as served, padded with -1
    lists : per system int32 (n, LONG), padded with -1; `slate` is the slate made for LONG places
    found_request, found_at : int64 (m,), the wanted items among the merged candidates and their position there
    found_by : bool (m, n_sources), which sources proposed them
    scores, labels : float32 and bool (n_pairs,), every candidate's score and whether it was wanted; `scored_request`
        int32 (n_pairs,) its request
    deep_requests : int64, a sample of requests asked for the longest list of every source
    deep_request, deep_ranks : int64 (q,) and float32 (q, n_sources), their wanted items, ranked by source, NaN = absent
    kinds : number of wanted items by `TARGET_KINDS`, and those never seen before the fit under "never seen"
    only_own : systems that listed nothing beyond the user's own items
    """

    wanted: list[NDArray[np.int32]]
    n_events: NDArray[np.int64]
    slate: NDArray[np.int32]
    lists: dict[str, NDArray[np.int32]]
    found_request: NDArray[np.int64]
    found_at: NDArray[np.int64]
    found_by: NDArray[np.bool_]
    scores: NDArray[np.float32]
    labels: NDArray[np.bool_]
    scored_request: NDArray[np.int32]
    deep_requests: NDArray[np.int64]
    deep_request: NDArray[np.int64]
    deep_ranks: NDArray[np.float32]
    kinds: Counter[str]
    only_own: frozenset[str]


@dataclass(slots=True)
class _Kept:
    """What a replay has collected so far."""

    wanted: list[NDArray[np.int32]] = field(default_factory=list)
    n_events: list[int] = field(default_factory=list)
    slate: list[NDArray[np.int32]] = field(default_factory=list)
    lists: dict[str, list[NDArray[np.int32]]] = field(default_factory=lambda: defaultdict(list))
    found: list[tuple[int, NDArray[np.int64], NDArray[np.bool_]]] = field(default_factory=list)
    scored: list[tuple[NDArray[np.float32], NDArray[np.bool_]]] = field(default_factory=list)
    deep_requests: list[int] = field(default_factory=list)
    deep: list[tuple[int, NDArray[np.float32]]] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    beyond_own: set[str] = field(default_factory=set)


def _kinds(wanted: NDArray[np.int32], profile: UserProfile, items: ItemTable) -> Counter[str]:
    """How the wanted items split."""
    had = np.isin(wanted, profile.taken)
    leaf = items.leaf_row[wanted]
    known = np.zeros(len(wanted), bool)
    known[leaf >= 0] = profile.leaf_last_ms[leaf[leaf >= 0]] > 0
    masks = (had, ~had & known, ~had & ~known & (leaf >= 0), ~had & (leaf < 0))
    counts = Counter({kind: int(mask.sum()) for kind, mask in zip(TARGET_KINDS, masks, strict=True)})
    counts["never seen"] = int((items.n_users[wanted] == 0).sum())
    return counts


def _keep(
    kept: _Kept,
    ready: Prepared,
    *,
    scores: NDArray[np.float64],
    wanted: NDArray[np.int32],
    items: ItemTable,
    config: DiversityConfig,
) -> None:
    """Add one scored request."""
    at, rows = len(kept.wanted), ready.candidates.rows
    label = np.isin(rows, wanted)
    position = np.flatnonzero(label)
    lists = {"slate": slate_of(ready, scores, items, n=LONG, config=config)}
    lists |= source_lists(ready, LONG) | {MOST_BOUGHT: most_bought(ready.profile)[:LONG]}
    for name, ranked in lists.items():
        kept.lists[name].append(ranked)
        if name not in kept.beyond_own and not np.isin(ranked, ready.profile.items).all():
            kept.beyond_own.add(name)
    kept.slate.append(slate_of(ready, scores, items, n=K, config=config))
    kept.wanted.append(wanted)
    kept.n_events.append(ready.profile.n_total)
    kept.found.append((at, position, np.isfinite(ready.candidates.ranks[position])))
    kept.scored.append((scores.astype(np.float32), label))


def replay(
    model: Model,
    booster: lgb.Booster,
    earlier: Histories,
    later: Histories,
    requests: Sequence[PastRequest],
    *,
    purchased: PurchasedPolicy = "bundle",
    diversity: DiversityConfig | None = None,
    n_deep: int = 0,
    seed: int = 7,
    progress: Callable[[float], None] | None = None,
) -> Replayed:
    """Answer every request; with `purchased="exclude"` lists and targets lose the items already taken.

    Items, not titles, as targets are items. `n_deep` requests, drawn by `seed`, are also asked for MAX_CANDIDATES items
    of every source, for curves beyond the quotas.
    """
    config, new_only = diversity or DiversityConfig(), purchased == "exclude"
    deep = set(np.random.default_rng(seed).permutation(len(requests))[:n_deep].tolist())
    kept = _Kept()
    pending: list[tuple[Prepared, NDArray[np.int32]]] = []

    def flush() -> None:
        scores = predict_many(booster, [ready for ready, _ in pending])
        for (ready, wanted), own in zip(pending, scores, strict=True):
            _keep(kept, ready, scores=own, wanted=wanted, items=model.items, config=config)
        pending.clear()

    answers = in_chunks(
        prepared_requests, model, earlier, later, requests,
        progress=progress, purchased=purchased, by_title=not new_only,
    )  # fmt: skip
    pairs = (pair for chunk, found in answers for pair in zip(chunk, found, strict=True))
    for i, (request, ready) in enumerate(pairs):
        kept.kinds.update(_kinds(request.wanted, ready.profile, model.items))
        wanted = request.wanted[~np.isin(request.wanted, ready.profile.taken)] if new_only else request.wanted
        if len(wanted) == 0:
            continue
        if i in deep:
            at = len(kept.wanted) + len(pending)
            longest = prepare(
                model,
                history_at(earlier, later, request.user_row, request.time_ms),
                time_ms=request.time_ms,
                purchased=purchased,
                by_title=not new_only,
                quotas=np.full(len(SOURCES), MAX_CANDIDATES),
                limit=MAX_CANDIDATES * len(SOURCES),
            ).candidates
            kept.deep_requests.append(at)
            kept.deep.append((at, longest.ranks[np.isin(longest.rows, wanted)]))
        pending.append((ready, wanted))
        if len(pending) == BATCH:
            flush()
    flush()
    return _arrays(kept)


def _arrays(kept: _Kept) -> Replayed:
    def repeat(pairs: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
        return np.repeat([at for at, _ in pairs], [n for _, n in pairs]).astype(np.int64)

    none = np.empty((0, len(SOURCES)))
    return Replayed(
        wanted=kept.wanted,
        n_events=np.array(kept.n_events, np.int64),
        slate=padded(kept.slate, K),
        lists={name: padded(lists, LONG) for name, lists in kept.lists.items()},
        found_request=repeat([(at, len(position)) for at, position, _ in kept.found]),
        found_at=np.concatenate([np.empty(0, np.int64), *(position for _, position, _ in kept.found)]),
        found_by=np.concatenate([none.astype(bool), *(by for _, _, by in kept.found)]),
        scores=np.concatenate([np.empty(0, np.float32), *(scores for scores, _ in kept.scored)]),
        labels=np.concatenate([np.empty(0, bool), *(labels for _, labels in kept.scored)]),
        scored_request=repeat([(i, len(labels)) for i, (_, labels) in enumerate(kept.scored)]).astype(np.int32),
        deep_requests=np.array(kept.deep_requests, np.int64),
        deep_request=repeat([(at, len(ranks)) for at, ranks in kept.deep]),
        deep_ranks=np.concatenate([none.astype(np.float32), *(ranks for _, ranks in kept.deep)]),
        kinds=kept.kinds,
        only_own=frozenset(set(kept.lists) - kept.beyond_own),
    )
