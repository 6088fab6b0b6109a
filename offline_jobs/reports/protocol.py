"""What any reader of figures must know first: the data, the split, the settings, and what the figures do not say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from offline_jobs.config import BuildConfig
from offline_jobs.reports.page import facts, heading
from offline_jobs.train_candidates import FitInput
from recsys.split import Window, Windows


def settings(source: FitInput, split: Windows, config: BuildConfig, *, n_requests: int) -> Iterator[str]:
    """The log, the windows and every setting."""
    info = source.log.info
    yield facts(
        [
            ("log", f"{info.name}, {info.clock} clock"),
            ("events, items, users", f"{info.n_events:,}, {info.n_items:,}, {info.n_users:,}"),
            ("refused rows", ", ".join(f"{why} {n:,}" for why, n in sorted(info.quarantined.items())) or "none"),
            (
                "span",
                f"{_day(info.start_ms)} to {_day(info.end_ms)}" if info.clock == "wall" else "ordered, without times",
            ),
            ("ranker trained on", _window(split.train, info.clock)),
            ("measured on", _window(split.test, info.clock)),
            ("requests", f"{n_requests:,} (at most {config.ranking.max_measured:,}, drawn by seed)"),
        ]
    )
    yield heading("Settings")
    yield facts((name, str(value)) for name, value in _flat(asdict(config)))


def notes(source: FitInput) -> list[str]:
    """How to read the figures."""
    if source.log.info.clock == "ordinal":
        protocol = (
            "Leave-one-out, strict: each user's last item is the target, the one before it is shown as a recent event, "
            "and nothing is fitted on either."
        )
    else:
        protocol = (
            "Split by time: everything is fitted on events before the measured window; requests are made where it "
            "begins, and what a user takes in it is wanted."
        )
    return [
        protocol,
        "Full ranking over the whole catalogue, no sampled negatives. All systems answer the same requests from the "
        "same history.",
        "The slate reads item texts (title, category, brand, attributes, description) through its content source; "
        "systems that know ids only do not. Keep this in mind beside published figures.",
        "Intervals are 95 % percentile bootstrap intervals over requests. p-values are of paired differences, "
        "two-sided, after Holm's correction over the systems of a table (Holm 1979); with 10,000 resamples none can be "
        "below 0.0002 before the correction.",
        "precision@k divides by k, AP@k by all wanted items, as trec_eval does; NDCG has binary gains.",
        "coverage: share of the catalogue shown at all. gini: inequality of exposure, 0 is equal. novelty: bits of "
        "surprise (Castells et al. 2011). diversity: mean 1 - cosine of TF-IDF text over the pairs of a list. "
        "popularity: mean number of users who know a listed item (ARP). long_tail: share of places outside the most "
        "popular fifth of the catalogue.",
        "Offline figures say what users took without this slate before them; they cannot say what it would have "
        "changed.",
    ]


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d")


def _window(window: Window, clock: str) -> str:
    if clock == "ordinal":
        return "one step of every sequence, fitted on those before it"
    return f"{_day(window.times_ms[0])} to {_day(window.until_ms)}, fitted on events before {_day(window.as_of_ms)}"


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
