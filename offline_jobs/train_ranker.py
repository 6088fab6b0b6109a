"""Fit the ranker on requests replayed in a past window, under the conditions it will be measured in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

import lightgbm as lgb
import numpy as np

from offline_jobs.parallel import in_chunks
from offline_jobs.progress import Steps
from offline_jobs.train_candidates import CandidatesConfig, FitInput, fit
from offline_jobs.train_impressions import impression_rows
from recsys.candidates.merge import MAX_CANDIDATES
from recsys.errors import EmptyWindowError
from recsys.profiles.build import build_histories
from recsys.profiles.store import Histories
from recsys.rerank import ranker
from recsys.rerank.prepare import Model
from recsys.rerank.training_set import PastRequest, TrainingSet, build, history_at, joined, past_requests, split_by_user
from recsys.split import Window, earlier

Labels = Literal["auto", "interactions", "impressions"]


@dataclass(frozen=True, slots=True)
class RankingConfig:
    """`labels` says what the ranker learns from: "impressions" are the items shown and what was done with them,
    "interactions" what users took, shown or not; "auto" takes impressions where all in the training window have a
    position and at least `min_slates` slates tell something (`impression_rows`). A response without an attribution
    token counts for an impression at most `attribution_days` old.

    Requests come from the newest training window; while there are fewer than `min_requests`, those of the window before
    are added, each with a fit of its own, up to `max_windows` windows (`held_windows`). `max_requests` replayed
    requests of a window bound the time of training, `max_measured` that of `evaluate`, `max_checked`
    that of the check before a build publishes. `valid_share` of the training requests' users decides when to stop;
    `new_user_share` of the requests to fit on have no history (`as_new_users`).
    """

    ranker: ranker.RankerConfig = field(default_factory=ranker.RankerConfig)
    labels: Labels = "auto"
    min_requests: int = 4_000
    max_windows: int = 3
    max_requests: int = 16_000
    max_measured: int = 30_000
    max_checked: int = 4_000
    n_negatives: int = 100
    min_slates: int = 1_000
    attribution_days: float = 1.0
    valid_share: float = 0.15
    new_user_share: float = 0.2
    seed: int = 7


def sample(requests: list[PastRequest], limit: int, seed: int) -> list[PastRequest]:
    """At most `limit` requests, drawn by a seeded generator, in their given order."""
    if len(requests) <= limit:
        return requests
    chosen = np.random.default_rng(seed).choice(len(requests), limit, replace=False)
    return [requests[i] for i in np.sort(chosen)]


def training_rows(
    model: Model,
    earlier: Histories,
    later: Histories,
    requests: list[PastRequest],
    *,
    config: RankingConfig,
    steps: Steps,
) -> tuple[TrainingSet, TrainingSet]:
    """Rows to fit and rows to stop by, of at most `max_requests` requests; no user is in both."""
    drawn = sample(requests, config.max_requests, config.seed)
    kept, held_out = split_by_user(drawn, share=config.valid_share, seed=config.seed)
    found = []
    for name, chosen, n_negatives in (
        ("training rows", kept, config.n_negatives),
        ("validation rows", held_out, MAX_CANDIDATES),
    ):
        with steps.step(name) as advance:
            parts = in_chunks(
                build, model, earlier, later, chosen, progress=advance, n_negatives=n_negatives, seed=config.seed
            )
            found.append(joined([part for _, part in parts]))
    strangers = as_new_users(earlier, later, kept, share=config.new_user_share, seed=config.seed)
    with steps.step("training rows as new users"):
        parts = in_chunks(
            build, model, earlier, later, strangers, n_negatives=config.n_negatives, seed=config.seed, forget=True
        )
        return joined([found[0], *(part for _, part in parts)]), found[1]


def as_new_users(
    earlier: Histories, later: Histories, requests: list[PastRequest], *, share: float, seed: int
) -> list[PastRequest]:
    """Requests to replay once more without their history, so that a `share` of them all has none.

    A ranker that never met a new user ranks worse than popularity for one (dropout of what is known: Volkovs, Yu and
    Poutanen 2017, "DropoutNet"). Logs where enough requests come from new users need no such copies.
    """
    new = sum(len(history_at(earlier, later, r.user_row, r.time_ms)) == 0 for r in requests)
    return sample(requests, max(round(share * len(requests)) - new, 0), seed)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A fit that ends where a window begins, the events of the window, and its requests."""

    model: Model
    earlier: Histories
    later: Histories
    requests: list[PastRequest]


def held_out_window(source: FitInput, window: Window, candidates: CandidatesConfig, steps: Steps) -> HeldOut:
    """Fit at the window's `as_of`, and make all its requests; `EmptyWindowError` where there are none."""
    model, earlier = fit(source, as_of_ms=window.as_of_ms, config=candidates, steps=steps)
    later = build_histories(source.events, model.items, as_of_ms=window.until_ms, from_ms=window.as_of_ms)
    requests = past_requests(
        later,
        model.items.taken_types,
        times_ms=window.times_ms,
        horizon_ms=window.horizon_ms,
        until_ms=window.until_ms,
    )
    if not requests:
        raise EmptyWindowError(
            f"{source.log.info.name}: no user wants anything in the window [{window.as_of_ms}, {window.until_ms}) ms; "
            "expected some; give a longer log or a larger --holdout-days"
        )
    return HeldOut(model, earlier, later, requests)


def labelled_rows(
    source: FitInput, window: Window, held: HeldOut, *, config: RankingConfig, steps: Steps
) -> tuple[TrainingSet, TrainingSet]:
    """Rows to fit and rows to stop by, of impressions or interactions as `config.labels` says; notes which and why."""
    if config.labels != "interactions":
        found = impression_rows(
            source,
            window,
            held.model,
            held.earlier,
            held.later,
            must=config.labels == "impressions",
            min_slates=config.min_slates,
            attribution_days=config.attribution_days,
            max_slates=config.max_requests,
            valid_share=config.valid_share,
            seed=config.seed,
            steps=steps,
        )
        steps.note("labels", f"{'interactions' if found.rows is None else 'impressions'}: {found.why}")
        if found.rows is not None:
            return found.rows
    else:
        steps.note("labels", "interactions: as configured")
    return training_rows(held.model, held.earlier, held.later, held.requests, config=config, steps=steps)


def held_windows(
    source: FitInput,
    window: Window,
    held: HeldOut,
    *,
    candidates: CandidatesConfig,
    config: RankingConfig,
    steps: Steps,
) -> Iterator[HeldOut]:
    """`held` of the window; while requests are few, also the windows before it, each with a fit of its own.

    A few thousand requests leave the ranker, and even more the choice of its number of trees, to chance
    (docs/decisions/0011-training-windows.md). An earlier window must have at least its own length of log before it.
    """
    n_requests, n_windows = len(held.requests), 1
    yield held
    while n_requests < config.min_requests and n_windows < config.max_windows:
        window = earlier(window)
        if earlier(window).as_of_ms < source.log.info.start_ms:
            return
        n_windows += 1
        with steps.under(f"train, window {n_windows}"):
            try:
                before = held_out_window(source, window, candidates, steps)
            except EmptyWindowError:  # a quiet month is no reason to fail: the newest window has requests
                return
            n_requests += len(before.requests)
            yield before


def rows_of_windows(
    source: FitInput,
    window: Window,
    held: HeldOut,
    *,
    candidates: CandidatesConfig,
    config: RankingConfig,
    steps: Steps,
) -> tuple[TrainingSet, TrainingSet]:
    """`labelled_rows` of the window, and rows of `held_windows` before it; rows of impressions come alone."""
    newest = labelled_rows(source, window, held, config=config, steps=steps)
    if newest[0].position is not None:
        return newest
    windows = held_windows(source, window, held, candidates=candidates, config=config, steps=steps)
    found = [newest]
    for before in islice(windows, 1, None):
        rows = training_rows(before.model, before.earlier, before.later, before.requests, config=config, steps=steps)
        found.append(rows)
    return joined([rows for rows, _ in found]), joined([stop for _, stop in found])


def train(
    source: FitInput, window: Window, *, candidates: CandidatesConfig, config: RankingConfig, steps: Steps
) -> lgb.Booster:
    """Fit candidates at the window's `as_of`, replay its requests, fit LightGBM on what was then wanted."""
    with steps.under("train"):
        held = held_out_window(source, window, candidates, steps)
        rows, valid = rows_of_windows(source, window, held, candidates=candidates, config=config, steps=steps)
        with steps.step("LambdaRank"):
            return ranker.fit(rows, valid, config.ranker)
