"""The ranker meets new users while it learns: some requests are replayed without their history."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from offline_jobs.held_out import held_out
from offline_jobs.progress import Steps
from offline_jobs.train_ranker import as_new_users, training_rows
from recsys.rerank.features import FEATURES
from recsys.rerank.training_set import history_at

if TYPE_CHECKING:
    from tests.conftest import Trial

QUIET = Steps(quiet=True)


def test_a_share_of_the_requests_is_replayed_as_new_users(shop_trial: Trial) -> None:
    """Copies and the new users there are make the asked share; with a share of 0 nothing is added."""
    held = held_out(shop_trial.source, shop_trial.split.train, shop_trial.config, QUIET)
    requests = held.requests
    new = sum(len(history_at(held.earlier, held.later, r.user_row, r.time_ms)) == 0 for r in requests)
    for share in (0.0, 0.2, 0.9):
        copies = as_new_users(held.earlier, held.later, requests, share=share, seed=7)
        assert len(copies) == max(round(share * len(requests)) - new, 0)


def test_rows_of_new_users_know_nothing_of_their_users(shop_trial: Trial) -> None:
    """The rows that copies add come after the others, have no event of the user in any feature, and hold both kinds;
    the rows to stop by stay as they are.
    """
    held = held_out(shop_trial.source, shop_trial.split.train, shop_trial.config, QUIET)
    made = {}
    for share in (0.0, 0.9):
        config = replace(shop_trial.config.ranking, new_user_share=share)
        made[share] = training_rows(held.model, held.earlier, held.later, held.requests, config=config, steps=QUIET)
    (plain, stop), (more, same) = made[0.0], made[0.9]
    n = len(plain.matrix)
    assert len(more.group) > len(plain.group)
    assert np.array_equal(more.matrix[:n], plain.matrix, equal_nan=True)
    assert np.array_equal(stop.matrix, same.matrix, equal_nan=True)
    added = more.matrix[n:]
    for name in ("user_events", "user_items", "n_events", "next_total", "content_total", "users_alike"):
        assert not added[:, FEATURES.index(name)].any()
    ends = np.cumsum(more.group)
    for start, end in zip(ends[len(plain.group) - 1 : -1], ends[len(plain.group) :], strict=True):
        assert 0 < more.label[start:end].sum() < end - start
