"""Several fits as one model, and the round they stop at."""

from __future__ import annotations

from dataclasses import replace

import lightgbm as lgb
import numpy as np
import pytest

from recsys import metrics
from recsys.rerank import ranker
from recsys.rerank.features import FEATURES
from recsys.rerank.mean_model import mean_model
from recsys.rerank.ranker import RankerConfig
from recsys.rerank.row_ndcg import ndcg_of_rows
from recsys.rerank.training_set import TrainingSet, joined

QUICK = RankerConfig(n_trees=40, learning_rate=0.2, min_data_in_leaf=5, patience=15)


def rows(n: int, *, seed: int, noise: float = 0.5) -> TrainingSet:
    """`n` requests of twelve items; the first three features tell, through noise, which two are wanted."""
    rng = np.random.default_rng(seed)
    matrix = np.zeros((n * 12, len(FEATURES)), np.float32)
    matrix[:, :8] = rng.random((n * 12, 8))
    worth = matrix[:, :3].sum(axis=1) + noise * rng.normal(size=n * 12)
    wanted = np.argsort(np.argsort(-worth.reshape(n, 12), axis=1), axis=1) < 2
    return TrainingSet(matrix, wanted.ravel().astype(np.int8), np.full(n, 12, np.int32))


def fits(n: int, train: TrainingSet) -> list[lgb.Booster]:
    """Boosters of six rounds that differ by their seed."""
    params = {"objective": "lambdarank", "bagging_fraction": 0.5, "bagging_freq": 1, "verbosity": -1, "num_threads": 1}
    data = lgb.Dataset(train.matrix, train.label, group=train.group, params=params)
    found = [lgb.Booster({**params, "seed": seed}, data) for seed in range(n)]
    for booster in found:
        for _ in range(6):
            booster.update()
    return found


@pytest.mark.parametrize("n_fits", [1, 3])
def test_one_model_scores_the_mean_of_its_fits(n_fits: int) -> None:
    """Scores are the mean of the fits' scores after as many rounds, and so are the features' contributions."""
    train = rows(80, seed=1)
    boosters = fits(n_fits, train)
    merged = mean_model(boosters, n_rounds=4)
    expected = np.mean([b.predict(train.matrix, num_iteration=4) for b in boosters], axis=0)
    shares = np.mean([b.predict(train.matrix, num_iteration=4, pred_contrib=True) for b in boosters], axis=0)
    assert merged.num_trees() == 4 * n_fits
    np.testing.assert_allclose(merged.predict(train.matrix), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(merged.predict(train.matrix, pred_contrib=True), shares, rtol=0, atol=1e-12)


def test_the_text_of_a_mean_is_read_and_written_unchanged() -> None:
    """Saved, read and saved again it is the same text, with a size for every tree."""
    text = mean_model(fits(3, rows(60, seed=2)), n_rounds=5).model_to_string()
    assert lgb.Booster(model_str=text).model_to_string() == text
    sizes = next(line for line in text.splitlines() if line.startswith("tree_sizes="))
    assert len(sizes.split(" ")) == text.count("\nTree=") == 15


def test_a_fit_of_several_repeats_bit_for_bit() -> None:
    """The same rows and seeds give the same model text; another seed another."""
    train, valid = rows(150, seed=3), rows(60, seed=4)
    first, second = (ranker.fit(train, valid, QUICK).model_to_string() for _ in range(2))
    assert first == second
    assert ranker.fit(train, valid, replace(QUICK, seed=8)).model_to_string() != first


def test_every_fit_gives_as_many_trees_and_the_round_is_chosen_by_its_surroundings() -> None:
    """The round kept is the one around which the mean's looks at the validation rows are best on average."""
    train, valid = rows(200, seed=5), rows(80, seed=6)
    booster = ranker.fit(train, valid, QUICK)
    looks = range(ranker.CHECKED_EVERY, QUICK.n_trees + 1, ranker.CHECKED_EVERY)
    values = []
    for n_rounds in looks:
        cut = ranker.fit(train, joined([]), replace(QUICK, n_trees=n_rounds))
        values.append(ndcg_of_rows(cut.predict(valid.matrix), valid))
    expected = looks[int(ranker.smoothed(values).argmax())]
    assert ranker.fit(train, valid, replace(QUICK, patience=QUICK.n_trees)).num_trees() == QUICK.n_fits * expected
    assert booster.num_trees() % QUICK.n_fits == 0
    assert booster.num_trees() <= QUICK.n_fits * (looks[int(np.argmax(values))] + QUICK.patience)


def test_smoothing_averages_what_there_is() -> None:
    """At either end there are fewer neighbours; a constant stays as it is, and one outlier is no maximum of its own."""
    assert ranker.smoothed([0.5] * 7).tolist() == pytest.approx([0.5] * 7)
    assert ranker.smoothed([0.0, 1.0]).tolist() == [0.5, 0.5]
    hill = [1 - ((i - 20) / 20) ** 2 for i in range(40)]
    assert ranker.smoothed([*hill[:5], hill[5] + 0.6, *hill[6:]]).argmax() == 20


def test_without_validation_rows_every_round_is_kept() -> None:
    """Nothing tells where to stop: each fit has all its trees."""
    assert ranker.fit(rows(100, seed=7), joined([]), QUICK).num_trees() == QUICK.n_fits * QUICK.n_trees


def test_the_mean_of_fits_is_steadier_than_one() -> None:
    """Between seeds the scores of the mean of five fits differ less than those of single fits."""
    train, fresh = rows(120, seed=8, noise=1.0), rows(100, seed=9).matrix

    def spread(n_fits: int) -> float:
        config = replace(QUICK, n_fits=n_fits)
        scores = [ranker.fit(train, joined([]), replace(config, seed=100 * seed)).predict(fresh) for seed in range(4)]
        return float(np.std(scores, axis=0).mean())

    assert spread(5) < 0.6 * spread(1)


def test_ndcg_of_rows_is_the_metric_of_the_slates() -> None:
    """It equals `metrics.ndcg` of each request in score order; requests that want nothing are left out."""
    rng = np.random.default_rng(0)
    group = np.array([3, 15, 12, 4], np.int32)
    label = (rng.random(34) < 0.3).astype(np.int8)
    label[[0, 4, 20]] = 1
    label[-4:] = 0
    scores = rng.integers(0, 6, 34).astype(float)
    found = []
    for start, stop in zip(np.cumsum(group)[:3] - group[:3], np.cumsum(group)[:3], strict=True):
        order = np.argsort(-scores[start:stop], kind="stable").astype(np.int32)
        found.append(metrics.ndcg(order, np.flatnonzero(label[start:stop]).astype(np.int32), 10))
    given = TrainingSet(np.empty((34, 0), np.float32), label, group)
    assert ndcg_of_rows(scores, given) == pytest.approx(np.mean(found))
    assert np.isnan(ndcg_of_rows(scores, replace(given, label=np.zeros(34, np.int8))))
