"""Ablation: a group that carries the answer is missed, one that carries nothing is not, and nothing stays changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from offline_jobs.ablate import ablate, measured_rows, training_rows
from offline_jobs.progress import Steps
from recsys.rerank.features import FEATURES
from recsys.rerank.ranker import RankerConfig

if TYPE_CHECKING:
    from tests.conftest import Trial

QUICK = RankerConfig(n_trees=20, learning_rate=0.2, min_data_in_leaf=20)


def test_a_planted_answer_is_missed_and_a_constant_is_not(shop_trial: Trial) -> None:
    """The last column is the label, the first says nothing: one group's loss is large, the other's is exactly zero.

    Afterwards every row is as it was.
    """
    steps = Steps(quiet=True)
    train, valid = training_rows(shop_trial.source, shop_trial.split, shop_trial.config, steps)
    prepared, wanted = measured_rows(shop_trial.held, shop_trial.config)
    for rows in (train, valid):
        rows.matrix[:, -1], rows.matrix[:, 0] = rows.label, np.nan
    for ready, answer in zip(prepared, wanted, strict=True):
        ready.matrix[:, -1], ready.matrix[:, 0] = np.isin(ready.candidates.rows, answer), np.nan
    before = train.matrix.copy()
    groups = {"answer": FEATURES[-1:], "constant": FEATURES[:1]}
    items = shop_trial.held.model.items
    found = ablate((train, valid), prepared, wanted, items=items, config=QUICK, groups=groups, steps=steps)
    assert np.array_equal(train.matrix, before, equal_nan=True)
    assert found.n_test == len(shop_trial.held.requests)
    answer_group, constant = found.groups["answer"], found.groups["constant"]
    assert answer_group.loss.low > 0.2
    assert answer_group.loss.p_holm < 0.01
    assert (constant.loss.mean, constant.loss.p_holm) == (0.0, 1.0)
    assert constant.ndcg == found.full
