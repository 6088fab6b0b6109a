"""Choose a peer's settings on the validation stage, then fit and answer the test stage once per chosen setting."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.ranking import lists as of
from benchmarks.ranking.exchange import NO_ITEM, READINGS, Answer, K, Lists, Stage, repeat_share

Config = dict[str, Any]
Score = Callable[[slice], Any]
"""Dense or sparse scores, float32 (requests of the slice, n_items)."""
Fit = Callable[[Stage, Config], Score]


@dataclass(frozen=True, slots=True)
class Choice:
    """What won on validation for one reading."""

    config: Config
    hide_had: bool
    ndcg: float


def hide_options(valid: Stage, reading: str) -> tuple[bool, ...]:
    """Whether to hide items had before: always for "new", a choice where people do take things again."""
    return (True,) if reading == "new" or repeat_share(valid) == 0 else (False, True)


def choose(
    fit: Fit, configs: Sequence[Config], valid: Stage, *, budget_s: float, above: float = -np.inf
) -> dict[str, Choice]:
    """The best configuration and filter of each reading; no new configuration starts after `budget_s` seconds."""
    started = time.perf_counter()
    best: dict[str, Choice] = {}
    had, hides = valid.had(), {reading: hide_options(valid, reading) for reading in READINGS}
    for config in configs:
        if best and time.perf_counter() - started > budget_s:
            break
        score = fit(valid, config)
        made = of.top_of(score, had, hide_had=(*hides["all"], True), above=above)
        for reading in READINGS:
            for hide in hides[reading]:
                quality = of.quality(made[hide], valid, reading)
                if reading not in best or quality > best[reading].ndcg:
                    best[reading] = Choice(config, hide, quality)
    return best


def answer(
    fit: Fit, choices: dict[str, Choice], valid: Stage, test: Stage, *, tune_s: float, above: float = -np.inf
) -> Answer:
    """Lists of the test stage, short ones completed by the popularity window that does best on validation.

    A request whose user has no history gets popular items: no peer here can say more.
    """
    had, fit_s, score_s = test.had(), 0.0, 0.0
    made: list[tuple[Config, dict[bool, Lists]]] = []
    found: dict[str, Lists] = {}
    chosen: dict[str, Any] = {}
    for reading, choice in choices.items():
        both = next((both for config, both in made if config == choice.config), None)
        if both is None:
            started = time.perf_counter()
            score = fit(test, choice.config)
            fit_s += time.perf_counter() - started
            started = time.perf_counter()
            asked = [other.hide_had for other in choices.values() if other.config == choice.config]
            both = of.top_of(score, had, hide_had=asked, above=above)
            score_s += time.perf_counter() - started
            made.append((choice.config, both))
        days = of.best_popularity(valid, hide_had=choice.hide_had, reading=reading)
        started = time.perf_counter()
        lists = both[choice.hide_had].copy()
        lists[test.unknown()] = NO_ITEM
        found[reading] = of.filled(lists, of.popular_order(test, days), had, hide_had=choice.hide_had)
        score_s += time.perf_counter() - started
        chosen[reading] = {
            **choice.config,
            "hide_had": choice.hide_had,
            "valid_ndcg": round(choice.ndcg, 5),
            "completed_by": f"popularity of {days:g} days",
        }
    return Answer(found, chosen, {"tune": tune_s, "fit": fit_s, "score": score_s})


def tuned(
    fit: Fit, configs: Sequence[Config], valid: Stage, test: Stage, *, budget_s: float, above: float = -np.inf
) -> Answer:
    """`choose`, then `answer`."""
    started = time.perf_counter()
    choices = choose(fit, configs, valid, budget_s=budget_s, above=above)
    return answer(fit, choices, valid, test, tune_s=time.perf_counter() - started, above=above)


def popular(valid: Stage, test: Stage) -> Answer:
    """The popularity window, and whether to hide items had before, that do best on validation."""
    started = time.perf_counter()
    picked: dict[str, tuple[float, bool]] = {}
    empty = np.full((valid.n_requests, K), NO_ITEM, np.int32)
    for reading in READINGS:
        options = [(days, hide) for days in of.POPULARITY_DAYS for hide in hide_options(valid, reading)]
        picked[reading] = of.best(
            options,
            lambda o, reading=reading: of.quality(
                of.filled(empty, of.popular_order(valid, o[0]), valid.had(), hide_had=o[1]), valid, reading
            ),
        )
    tune_s, started = time.perf_counter() - started, time.perf_counter()
    empty = np.full((test.n_requests, K), NO_ITEM, np.int32)
    found = {
        reading: of.filled(empty, of.popular_order(test, days), test.had(), hide_had=hide)
        for reading, (days, hide) in picked.items()
    }
    chosen = {reading: {"days": days, "hide_had": hide} for reading, (days, hide) in picked.items()}
    return Answer(found, chosen, {"tune": tune_s, "fit": 0.0, "score": time.perf_counter() - started})


def most_bought(valid: Stage, test: Stage) -> Answer:
    """Each user's own items by number of takings, newer first on ties, then popular ones; no answer to "new"."""
    started = time.perf_counter()
    history = test.history.take(np.flatnonzero(test.history.taken))
    n_pairs = np.int64(test.n_items)
    pair, at = np.unique(history.row * n_pairs + history.item, return_inverse=True)
    count = np.bincount(at, minlength=len(pair))
    last = np.zeros(len(pair), np.int64)
    np.maximum.at(last, at, history.time_ms)
    row, item = pair // n_pairs, (pair % n_pairs).astype(np.int32)
    order = np.lexsort((-last, -count, row))
    row, item = row[order], item[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    found = np.full((test.n_requests, K), NO_ITEM, np.int32)
    found[row[place < K], place[place < K]] = item[place < K]
    days = of.best_popularity(valid, hide_had=False, reading="all")
    found = of.filled(found, of.popular_order(test, days), test.had(), hide_had=False)
    chosen = {"all": {"completed_by": f"popularity of {days:g} days"}}
    return Answer({"all": found}, chosen, {"tune": 0.0, "fit": 0.0, "score": time.perf_counter() - started})
