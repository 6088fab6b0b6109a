"""How users and items nobody has seen fare: some are hidden from every fit, then asked for or wanted.

Invariant: no fit, profile or history before the request holds an event of a hidden user, or of a hidden item.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from offline_jobs.cold_sessions import N_SHOWN, Session, after_three, at_start, sampled
from offline_jobs.config import BuildConfig
from offline_jobs.held_out import held_out
from offline_jobs.hidden import drawn, hidden
from offline_jobs.lists import K, padded, predict_many, slate_of
from offline_jobs.progress import Steps
from offline_jobs.train_candidates import FitInput
from offline_jobs.train_ranker import HeldOut, sample, train
from recsys import metrics
from recsys.candidates.eligible import eligible
from recsys.metrics import Comparison, Interval
from recsys.profiles.build import build_histories
from recsys.profiles.store import History
from recsys.rerank.diversify import DiversityConfig
from recsys.rerank.explore import ExploreConfig
from recsys.rerank.intent import lift_searched
from recsys.rerank.page import SlateConfig, lay_out
from recsys.rerank.prepare import Model, Prepared, prepare
from recsys.rerank.training_set import PastRequest, history_at
from recsys.split import Windows

USER_SHARE = 0.15
ITEM_SHARE = 0.08
MAX_REQUESTS = 5_000
BATCH = 256
FRESH = ExploreConfig(slots=1, fresh=1)
"""One place of a slate for an item that hardly anybody has met."""


@dataclass(frozen=True, slots=True)
class ColdRow:
    """NDCG@10 and HR@10 of the slate and of the most popular items for users of whom `shown` events are known."""

    shown: str
    n_requests: int
    slate: Interval
    popular: Interval
    slate_hr: Interval
    popular_hr: Interval
    lead: Comparison


@dataclass(frozen=True, slots=True)
class ColdItems:
    """Hidden items in the slates of `n_requests`.

    Attributes
    ----------
    reached, seen_reached : share of the hidden items, and of the others, in any slate
    slots : share of all places that hidden items hold, beside their share of the catalogue, `catalogue_share`
    n_wanting : requests that wanted a hidden item; of them `hr` were shown a wanted one, `candidate_recall` of the
        wanted ones were among the candidates
    fresh_reached, fresh_hr : `reached` and `hr` with one fresh slot a slate (`FRESH`); `fresh_cost` is what the slot
        changes in NDCG@10 over all requests
    """

    n_hidden: int
    n_requests: int
    reached: Interval
    seen_reached: Interval
    slots: float
    catalogue_share: float
    n_wanting: int
    hr: Interval
    candidate_recall: Interval
    fresh_reached: Interval
    fresh_hr: Interval
    fresh_cost: Comparison


@dataclass(frozen=True, slots=True)
class ColdStart:
    """Both halves; `n_hidden_users` of `n_users`."""

    n_hidden_users: int
    n_users: int
    users: list[ColdRow]
    items: ColdItems


def measure_cold_start(
    source: FitInput, split: Windows, config: BuildConfig, steps: Steps, *, seed: int = 7
) -> ColdStart:
    """Hide users, fit, measure; hide items, fit, measure."""
    n_users = len(source.events.users)
    users = drawn(n_users, USER_SHARE, seed=seed)
    items = drawn(len(source.catalogue), ITEM_SHARE, seed=seed)
    with steps.under("hidden users"), hidden(source, users=users) as left:
        booster, held = _fitted(left, split, config, steps)
        with steps.step("measure"):
            rows = cold_users(source, held.model, booster, split, users, seed=seed)
    first_request = min(split.test.times_ms)
    with steps.under("hidden items"), hidden(source, items=items, items_before_ms=first_request) as left:
        booster, held = _fitted(left, split, config, steps)
        with steps.step("measure"):
            found = cold_items(held, booster, items, seed=seed)
    return ColdStart(int(users.sum()), n_users, rows, found)


def _fitted(source: FitInput, split: Windows, config: BuildConfig, steps: Steps) -> tuple[lgb.Booster, HeldOut]:
    booster = train(source, split.train, candidates=config.candidates, config=config.ranking, steps=steps)
    return booster, held_out(source, split.test, config, steps)


def cold_users(
    source: FitInput,
    model: Model,
    booster: lgb.Booster,
    split: Windows,
    users: NDArray[np.bool_],
    *,
    seed: int = 7,
) -> list[ColdRow]:
    """Slate against popularity for the hidden `users`: without any event, and with the last 0 to 3 before a request.

    "none" is a request at the window's start by every hidden user who takes anything in it. The other rows are the
    same requests throughout, made once three events have happened, with the newest 0 … 3 of them shown: what follows
    is wanted, so only what is known changes from row to row.
    """
    window = split.test
    later = build_histories(source.events, model.items, as_of_ms=window.until_ms, from_ms=window.as_of_ms)
    every = build_histories(source.events, model.items, as_of_ms=window.until_ms)
    starts, sessions = [], []
    for user in np.flatnonzero(users).tolist():
        starts += at_start(later.of(user), model, window.times_ms)
        sessions += after_three(every.of(user), model, window.times_ms, ordinal=source.log.info.clock == "ordinal")
    starts, sessions = (sampled(found, MAX_REQUESTS, seed=seed) for found in (starts, sessions))
    rows = [_cold_row("none, at the window's start", starts, 0, model, booster)] if starts else []
    if sessions:
        rows += [_cold_row(f"{n} of {N_SHOWN} events", sessions, n, model, booster) for n in range(N_SHOWN + 1)]
    leads = metrics.holm(np.array([row.lead.p for row in rows]))
    return [replace(row, lead=replace(row.lead, p_holm=float(p))) for row, p in zip(rows, leads, strict=True)]


def _cold_row(label: str, sessions: Sequence[Session], n_shown: int, model: Model, booster: lgb.Booster) -> ColdRow:
    slates: list[NDArray[np.int32]] = []
    popular: list[NDArray[np.int32]] = []
    by_popularity = np.argsort(-model.items.popularity, kind="stable").astype(np.int32)
    for start in range(0, len(sessions), BATCH):
        prepared = []
        for session in sessions[start : start + BATCH]:
            ready = prepare(model, session.shown.newest(n_shown), time_ms=session.time_ms)
            prepared.append(ready)
            allowed = eligible(model.items, ready.profile)
            popular.append(by_popularity[allowed[by_popularity]][:K])
        slates += _slates(booster, prepared, model)
    wanted = [session.wanted for session in sessions]
    n_wanted = np.array([len(rows) for rows in wanted], np.int64)
    ours = metrics.at_k(metrics.hits(padded(slates, K), wanted), n_wanted, K)
    theirs = metrics.at_k(metrics.hits(padded(popular, K), wanted), n_wanted, K)
    ndcg, hr = f"ndcg@{K}", f"hr@{K}"
    [lead] = metrics.compare((ours[ndcg] - theirs[ndcg])[:, None])
    return ColdRow(
        shown=label,
        n_requests=len(sessions),
        slate=metrics.bootstrap(ours[ndcg]),
        popular=metrics.bootstrap(theirs[ndcg]),
        slate_hr=metrics.bootstrap(ours[hr]),
        popular_hr=metrics.bootstrap(theirs[hr]),
        lead=lead,
    )


def _slates(booster: lgb.Booster, prepared: Sequence[Prepared], model: Model) -> list[NDArray[np.int32]]:
    config = DiversityConfig()
    scores = predict_many(booster, prepared)
    return [slate_of(ready, own, model.items, n=K, config=config) for ready, own in zip(prepared, scores, strict=True)]


def _with_fresh(
    booster: lgb.Booster, prepared: Sequence[Prepared], model: Model, *, seeds: Sequence[str]
) -> list[NDArray[np.int32]]:
    """The pages as served with `FRESH`, drawn by the seeds."""
    pages = []
    for ready, own, seed in zip(prepared, predict_many(booster, prepared), seeds, strict=True):
        rows = ready.candidates.rows
        scores = lift_searched(own, rows, model.items, ready.profile, n=K)
        page = lay_out(scores, rows, model.items, n=K, config=SlateConfig(explore=FRESH), seed_text=seed)
        pages.append(np.array([place.row for place in page], np.int32))
    return pages


def cold_items(held: HeldOut, booster: lgb.Booster, items: NDArray[np.bool_], *, seed: int = 7) -> ColdItems:
    """Which hidden `items` reach slates, and whether those who want one are shown it.

    `held` was fitted without them; at most `MAX_REQUESTS` of its requests are made.
    """
    model = held.model
    slates: list[NDArray[np.int32]] = []
    pages: list[NDArray[np.int32]] = []
    wanting: list[tuple[float, float]] = []
    recalls: list[float] = []
    requests = sample(held.requests, MAX_REQUESTS, seed)
    for start in range(0, len(requests), BATCH):
        batch = requests[start : start + BATCH]
        histories = [_without(held, request, items) for request in batch]
        prepared = [prepare(model, h, time_ms=r.time_ms) for h, r in zip(histories, batch, strict=True)]
        made = _slates(booster, prepared, model)
        fresh = _with_fresh(booster, prepared, model, seeds=[f"{r.user_row}|{r.time_ms}" for r in batch])
        for request, ready, slate, page in zip(batch, prepared, made, fresh, strict=True):
            new = request.wanted[items[request.wanted]]
            if len(new):
                wanting.append((metrics.hit_rate(slate, new, K), metrics.hit_rate(page, new, K)))
                recalls.append(metrics.recall(ready.candidates.rows, new, len(ready.candidates.rows)))
        slates += made
        pages += fresh
    every = np.concatenate(slates)
    shown, shown_fresh = (np.isin(np.arange(len(items)), np.concatenate(lists)) for lists in (slates, pages))
    wanted = [request.wanted for request in requests]
    n_wanted = np.array([len(rows) for rows in wanted], np.int64)
    plain, with_slot = (
        metrics.at_k(metrics.hits(padded(lists, K), wanted), n_wanted, K)[f"ndcg@{K}"] for lists in (slates, pages)
    )
    [cost] = metrics.compare((with_slot - plain)[:, None])
    hr, fresh_hr = np.array(wanting).reshape(-1, 2).T
    return ColdItems(
        n_hidden=int(items.sum()),
        n_requests=len(requests),
        reached=metrics.bootstrap(shown[items].astype(np.float64)),
        seen_reached=metrics.bootstrap(shown[~items & (model.items.n_users > 0)].astype(np.float64)),
        slots=float(items[every].mean()),
        catalogue_share=float(items.mean()),
        n_wanting=len(wanting),
        hr=metrics.bootstrap(hr),
        candidate_recall=metrics.bootstrap(np.array(recalls)),
        fresh_reached=metrics.bootstrap(shown_fresh[items].astype(np.float64)),
        fresh_hr=metrics.bootstrap(fresh_hr),
        fresh_cost=cost,
    )


def _without(held: HeldOut, request: PastRequest, items: NDArray[np.bool_]) -> History:
    """The request's history without events of hidden items, replayed ones included."""
    history = history_at(held.earlier, held.later, request.user_row, request.time_ms)
    return history.take(np.flatnonzero((history.item_row < 0) | ~items[history.item_row]))
