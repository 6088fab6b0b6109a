"""LightGBM lambdarank (Burges 2010) over the shared features; one group per request."""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from recsys.errors import EmptyWindowError
from recsys.rerank.features import FEATURES
from recsys.rerank.training_set import TrainingSet


@dataclass(frozen=True, slots=True)
class RankerConfig:
    """LightGBM's own names; `patience` rounds without a better validation NDCG@10 end the fit."""

    n_trees: int = 400
    num_leaves: int = 15
    learning_rate: float = 0.05
    min_data_in_leaf: int = 100
    feature_fraction: float = 0.3
    bagging_fraction: float = 0.8
    lambda_l2: float = 1.0
    truncation: int = 20
    patience: int = 60
    seed: int = 7


def fit(train: TrainingSet, valid: TrainingSet, config: RankerConfig) -> lgb.Booster:
    """Fit on `train`, stop by NDCG@10 on `valid`. Deterministic for one number of threads."""
    if not train.label.any():
        raise EmptyWindowError(
            "no training request has both a wanted and an unwanted item among its candidates; expected some; give a "
            "longer log, a larger holdout, or more than a handful of items"
        )
    params = {
        "objective": "lambdarank",
        "metric": "ndcg",
        "eval_at": [10],
        "lambdarank_truncation_level": config.truncation,
        "num_leaves": config.num_leaves,
        "learning_rate": config.learning_rate,
        "min_data_in_leaf": config.min_data_in_leaf,
        "feature_fraction": config.feature_fraction,
        "bagging_fraction": config.bagging_fraction,
        "bagging_freq": 1,
        "lambda_l2": config.lambda_l2,
        "seed": config.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 2,
        "verbosity": -1,
    }
    data = lgb.Dataset(train.matrix, train.label, group=train.group, feature_name=list(FEATURES), params=params)
    callbacks = [lgb.log_evaluation(0)]
    valid_sets = []
    if valid.label.any():
        valid_sets = [lgb.Dataset(valid.matrix, valid.label, group=valid.group, reference=data)]
        callbacks.append(lgb.early_stopping(config.patience, verbose=False))
    booster = lgb.train(params, data, config.n_trees, valid_sets=valid_sets, callbacks=callbacks)
    # Keep only the trees early stopping chose: what is saved is what is served.
    best = booster.best_iteration if booster.best_iteration > 0 else booster.num_trees()
    return lgb.Booster(model_str=booster.model_to_string(num_iteration=best))


def predict(booster: lgb.Booster, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
    """Scores float64 (n,), one thread: for a few hundred rows more threads cost more than they give."""
    if len(matrix) == 0:
        return np.empty(0)
    scores = booster.predict(matrix, num_threads=1, validate_features=False)
    return np.asarray(scores, np.float64)
