"""Few requests in the newest training window: the ranker also learns from the windows before it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from offline_jobs.held_out import held_out
from offline_jobs.progress import Steps
from offline_jobs.train_ranker import RankingConfig, rows_of_windows, training_rows
from recsys.rerank.training_set import TrainingSet
from recsys.schema import MS_PER_DAY
from recsys.split import Window, earlier

if TYPE_CHECKING:
    from tests.conftest import Trial

QUIET = Steps(quiet=True)


def rows(trial: Trial, config: RankingConfig) -> tuple[TrainingSet, TrainingSet]:
    """What the trial's ranker would learn from under `config`."""
    held = held_out(trial.source, trial.split.train, trial.config, QUIET)
    candidates = trial.config.candidates
    return rows_of_windows(trial.source, trial.split.train, held, candidates=candidates, config=config, steps=QUIET)


def test_windows_before_are_added_until_requests_suffice(shop_trial: Trial) -> None:
    """The rows are those of the newest window, then those the window before would give alone; no window more than the
    requests asked for need, and none beyond `max_windows`.
    """
    few = replace(shop_trial.config.ranking, min_requests=1)
    newest, stop = rows(shop_trial, few)
    before = held_out(shop_trial.source, earlier(shop_trial.split.train), shop_trial.config, QUIET)
    older, older_stop = training_rows(
        before.model, before.earlier, before.later, before.requests, config=few, steps=QUIET
    )
    for config in (replace(few, min_requests=10**9, max_windows=2), replace(few, min_requests=300)):
        both, both_stop = rows(shop_trial, config)
        assert np.array_equal(both.matrix, np.concatenate([newest.matrix, older.matrix]), equal_nan=True)
        assert np.array_equal(both.label, np.concatenate([newest.label, older.label]))
        assert np.array_equal(both_stop.group, np.concatenate([stop.group, older_stop.group]))


def test_a_window_without_its_own_length_of_log_before_it_is_left_out(shop_trial: Trial) -> None:
    """Of a log that begins two windows before the newest one ends, only the newest is learnt from."""
    train = shop_trial.split.train
    log = shop_trial.source.log
    young = replace(log, info=replace(log.info, start_ms=earlier(earlier(train)).as_of_ms + 1))
    cut = replace(shop_trial, source=replace(shop_trial.source, log=young))
    many, _ = rows(cut, replace(shop_trial.config.ranking, min_requests=10**9))
    one, _ = rows(shop_trial, replace(shop_trial.config.ranking, min_requests=1))
    assert np.array_equal(many.group, one.group)


def test_an_earlier_window_ends_where_the_later_begins() -> None:
    """No target of one window lies in the other, and requests keep their place within the window."""
    day = MS_PER_DAY
    late = Window(60 * day, (60 * day, 70 * day), 18 * day, 88 * day)
    assert earlier(late) == Window(32 * day, (32 * day, 42 * day), 18 * day, 60 * day)
