"""LightGBM lambdarank (Burges 2010) over the shared features; one group per request.

Rows of impressions say where each item was shown, and the fit is then of score + bias(position): an additive model, of
which only the score is kept (LightGBM pull request 5929; docs/decisions/0007-position-bias.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from recsys.errors import EmptyWindowError
from recsys.rerank.features import FEATURES
from recsys.rerank.position_bias import order_within_positions
from recsys.rerank.training_set import TrainingSet

SETTLING: Final = 3.0
"""Each round moves the positions' biases by `learning_rate` of a Newton step: after 3 / learning_rate rounds a
twentieth of the way is left. The scores of earlier rounds still hold part of the bias, so no fit stops there."""


MORE_THAN_ONE: Final = 1.5
"""Mean wanted items of a request from which `truncation` holds."""


@dataclass(frozen=True, slots=True)
class RankerConfig:
    """LightGBM's own names; `patience` rounds without a better validation figure end the fit.

    `truncation` is LambdaRank's: pairs count where one of the two stands so high. `single_truncation` takes its place
    where a request wants little more than one item, so that its few pairs are not cut further.

    `position_regularization` shrinks the bias of each position, where rows have positions.
    """

    n_trees: int = 400
    num_leaves: int = 15
    learning_rate: float = 0.05
    min_data_in_leaf: int = 100
    feature_fraction: float = 0.3
    bagging_fraction: float = 0.8
    lambda_l2: float = 1.0
    truncation: int = 20
    single_truncation: int = 60
    patience: int = 150
    position_regularization: float = 0.0
    seed: int = 7


def fit(train: TrainingSet, valid: TrainingSet, config: RankerConfig) -> lgb.Booster:
    """Fit on `train`, stop by NDCG@10 on `valid`. Deterministic for one number of threads.

    With positions the bias of each is fitted along, and `order_within_positions` stops: NDCG on clicks would favour the
    order that was shown. LightGBM sums the positions' gradients in no fixed order, so one thread then fits.
    """
    if not train.label.any():
        raise EmptyWindowError(
            "no training request has both a wanted and an unwanted item among its candidates; expected some; give a "
            "longer log, a larger holdout, or more than a handful of items"
        )
    single = int(train.label.sum()) < MORE_THAN_ONE * len(train.group)
    params: dict[str, Any] = {
        "objective": "lambdarank",
        "metric": "ndcg",
        "eval_at": [10],
        "lambdarank_truncation_level": config.single_truncation if single else config.truncation,
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
    measure = None
    stops = bool(valid.label.any())
    if train.position is not None:
        params |= {
            "metric": "None",
            "lambdarank_position_bias_regularization": config.position_regularization,
            "num_threads": 1,
        }
        settled = round(SETTLING / config.learning_rate)
        measure = _order_measure(valid, settled=settled)
        stops = (
            stops
            and config.n_trees > settled
            and np.isfinite(order_within_positions(np.zeros(len(valid.label)), valid))
        )
    data = lgb.Dataset(
        train.matrix,
        train.label,
        group=train.group,
        position=train.position,
        feature_name=list(FEATURES),
        params=params,
    )
    callbacks = [lgb.log_evaluation(0)]
    valid_sets = []
    if stops:
        valid_sets = [lgb.Dataset(valid.matrix, valid.label, group=valid.group, reference=data)]
        callbacks.append(lgb.early_stopping(config.patience, verbose=False))
    booster = lgb.train(params, data, config.n_trees, valid_sets=valid_sets, feval=measure, callbacks=callbacks)
    # Keep only the trees early stopping chose: what is saved is what is served.
    best = booster.best_iteration if booster.best_iteration > 0 else booster.num_trees()
    return lgb.Booster(model_str=booster.model_to_string(num_iteration=best))


def _order_measure(
    valid: TrainingSet, *, settled: int
) -> Callable[[NDArray[np.float64], lgb.Dataset], tuple[str, float, bool]]:
    """`order_within_positions` as LightGBM wants it; the scores it is given are without the positions' bias.

    It is asked once a round. Before round `settled` the answer is below any real one, and rises: none stops there.
    """
    rounds = count(1)

    def measure(scores: NDArray[np.float64], _: lgb.Dataset) -> tuple[str, float, bool]:
        n = next(rounds)
        value = order_within_positions(scores, valid) if n >= settled else n / settled - 1
        return "order_within_positions", value, True

    return measure


def predict(booster: lgb.Booster, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
    """Scores float64 (n,), one thread: for a few hundred rows more threads cost more than they give."""
    if len(matrix) == 0:
        return np.empty(0)
    scores = booster.predict(matrix, num_threads=1, validate_features=False)
    return np.asarray(scores, np.float64)
