"""A window of a log held out: the fit that ends where it begins, and the requests made in it."""

from __future__ import annotations

from dataclasses import dataclass

from offline_jobs.config import BuildConfig
from offline_jobs.progress import Steps
from offline_jobs.train_candidates import FitInput, fit
from offline_jobs.train_ranker import sample
from recsys.errors import EmptyWindowError
from recsys.profiles.build import build_histories
from recsys.profiles.store import Histories
from recsys.rerank.prepare import Model
from recsys.rerank.training_set import PastRequest, past_requests
from recsys.split import Window


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A fit that ends where a window begins, the events of the window, and its requests."""

    model: Model
    earlier: Histories
    later: Histories
    requests: list[PastRequest]


def held_out(
    source: FitInput, window: Window, config: BuildConfig, steps: Steps, *, limit: int | None = None
) -> HeldOut:
    """Fit at the window's `as_of`, and make its requests: all, or a seeded sample of `limit` (`max_measured`)."""
    model, earlier = fit(source, as_of_ms=window.as_of_ms, config=config.candidates, steps=steps)
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
            f"{source.log.info.name}: no user wants anything in the test window; expected some; give a longer log"
        )
    return HeldOut(model, earlier, later, sample(requests, limit or config.ranking.max_measured, config.ranking.seed))
