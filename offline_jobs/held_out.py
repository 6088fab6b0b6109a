"""A window of a log held out: the fit that ends where it begins, and a bounded number of the requests made in it."""

from __future__ import annotations

from dataclasses import replace

from offline_jobs.config import BuildConfig
from offline_jobs.progress import Steps
from offline_jobs.train_candidates import FitInput
from offline_jobs.train_ranker import HeldOut, held_out_window, sample
from recsys.split import Window


def held_out(
    source: FitInput, window: Window, config: BuildConfig, steps: Steps, *, limit: int | None = None
) -> HeldOut:
    """Fit at the window's `as_of`, and make its requests: all, or a seeded sample of `limit` (`max_measured`)."""
    held = held_out_window(source, window, config.candidates, steps)
    return replace(held, requests=sample(held.requests, limit or config.ranking.max_measured, config.ranking.seed))
