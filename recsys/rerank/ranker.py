"""LightGBM lambdarank (Burges 2010) over the shared features; one group per request.

Rows of impressions say where each item was shown, and the fit is then of score + bias(position): an additive model, of
which only the score is kept (LightGBM pull request 5929; docs/decisions/0007-position-bias.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from recsys.errors import EmptyWindowError
from recsys.rerank.features import FEATURES
from recsys.rerank.mean_model import mean_model
from recsys.rerank.position_bias import order_within_positions
from recsys.rerank.row_ndcg import ndcg_of_rows
from recsys.rerank.training_set import TrainingSet

SETTLING: Final = 3.0
"""Each round moves the positions' biases by `learning_rate` of a Newton step: after 3 / learning_rate rounds a
twentieth of the way is left. The scores of earlier rounds still hold part of the bias, so no fit stops there."""


MORE_THAN_ONE: Final = 1.5
"""Mean wanted items of a request from which `truncation` holds."""

CHECKED_EVERY: Final = 5
"""Rounds between two looks at the validation rows."""

AROUND: Final = 4
"""Looks on either side of a round that its figure is averaged with: 20 rounds, with a learning rate of 0.1."""


@dataclass(frozen=True, slots=True)
class RankerConfig:
    """LightGBM's own names; `patience` rounds without a better validation figure end the fit.

    `n_fits` fits of different seeds, of at most `n_trees` trees each, are averaged.

    `truncation` is LambdaRank's: pairs count where one of the two stands so high. `single_truncation` takes its place
    where a request wants little more than one item, so that its few pairs are not cut further.

    `position_regularization` shrinks the bias of each position, where rows have positions.
    """

    n_fits: int = 3
    n_trees: int = 200
    num_leaves: int = 15
    learning_rate: float = 0.1
    min_data_in_leaf: int = 100
    feature_fraction: float = 0.3
    bagging_fraction: float = 0.8
    lambda_l2: float = 1.0
    truncation: int = 20
    single_truncation: int = 60
    patience: int = 60
    position_regularization: float = 0.0
    seed: int = 7


def fit(train: TrainingSet, valid: TrainingSet, config: RankerConfig) -> lgb.Booster:
    """The mean of `n_fits` fits on `train`, all of as many rounds as rank `valid` best together, by NDCG@10.

    Deterministic for one number of threads. With positions the bias of each is fitted along, and
    `order_within_positions` stops: NDCG on clicks would favour the order that was shown. LightGBM sums the positions'
    gradients in no fixed order, so one thread then fits.
    """
    if not train.label.any():
        raise EmptyWindowError(
            "no training request has both a wanted and an unwanted item among its candidates; expected some; give a "
            "longer log, a larger holdout, or more than a handful of items"
        )
    params = _params(train, config)
    data = lgb.Dataset(
        train.matrix,
        train.label,
        group=train.group,
        position=train.position,
        feature_name=list(FEATURES),
        params=params,
    )
    boosters = [lgb.Booster({**params, "seed": config.seed + i}, data) for i in range(config.n_fits)]
    first, measure = 1, ndcg_of_rows
    if train.position is not None:
        first, measure = round(SETTLING / config.learning_rate), order_within_positions
    n_rounds = config.n_trees
    if valid.label.any() and np.isfinite(measure(np.zeros(len(valid.label)), valid)):
        n_rounds = _best_round(boosters, data, valid, measure, first=first, config=config)
    else:
        for booster in boosters:
            _update(booster, n_rounds)
    # Keep only the trees of the best round: what is saved is what is served.
    return mean_model(boosters, n_rounds=n_rounds)


def _params(train: TrainingSet, config: RankerConfig) -> dict[str, Any]:
    single = int(train.label.sum()) < MORE_THAN_ONE * len(train.group)
    params: dict[str, Any] = {
        "objective": "lambdarank",
        "metric": "None",
        "lambdarank_truncation_level": config.single_truncation if single else config.truncation,
        "num_leaves": config.num_leaves,
        "learning_rate": config.learning_rate,
        "min_data_in_leaf": config.min_data_in_leaf,
        "feature_fraction": config.feature_fraction,
        "bagging_fraction": config.bagging_fraction,
        "bagging_freq": 1,
        "lambda_l2": config.lambda_l2,
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": 2,
        "verbosity": -1,
    }
    if train.position is not None:
        params |= {"lambdarank_position_bias_regularization": config.position_regularization, "num_threads": 1}
    return params


def _best_round(
    boosters: Sequence[lgb.Booster],
    data: lgb.Dataset,
    valid: TrainingSet,
    measure: Callable[[NDArray[np.float64], TrainingSet], float],
    *,
    first: int,
    config: RankerConfig,
) -> int:
    """The round, from `first` on, around which the boosters' mean ranks `valid` best; trains them round by round.

    It is looked at every `CHECKED_EVERY` rounds, and `patience` rounds without a better look end the fit. A look at a
    few hundred requests is noisy and a true curve is smooth: the round is chosen by the mean of the looks around it.
    LightGBM's own early stopping knows one model and its single best look.
    """
    rows = lgb.Dataset(valid.matrix, valid.label, group=valid.group, reference=data)
    for booster in boosters:
        booster.add_valid(rows, "valid")
    rounds: list[int] = []
    values: list[float] = []
    done = best = 0
    while done < config.n_trees and (not rounds or rounds[-1] - rounds[best] < config.patience):
        step = min(CHECKED_EVERY, config.n_trees - done)
        for booster in boosters:
            _update(booster, step)
        done += step
        if done >= first:
            rounds.append(done)
            values.append(measure(np.sum([_scores(booster) for booster in boosters], axis=0), valid))
            best = int(np.argmax(values))
    return rounds[int(smoothed(values).argmax())] if rounds else config.n_trees


def smoothed(values: Sequence[float]) -> NDArray[np.float64]:
    """Each value's mean with its `AROUND` neighbours on either side, with as many as there are at the ends."""
    window = np.ones(2 * AROUND + 1)
    n_near = np.convolve(np.ones(len(values)), window)[AROUND:-AROUND]
    found: NDArray[np.float64] = np.convolve(values, window)[AROUND:-AROUND] / n_near
    return found


def _update(booster: lgb.Booster, n_rounds: int) -> None:
    for _ in range(n_rounds):
        if booster.update():  # no split is left to be found
            return


def _scores(booster: lgb.Booster) -> NDArray[np.float64]:
    """The scores LightGBM keeps of the validation rows, float64 (n,); without the positions' bias."""
    found: list[NDArray[np.float64]] = []

    def keep(scores: NDArray[np.float64], _: lgb.Dataset) -> tuple[str, float, bool]:
        found.append(scores.copy())
        return "kept", 0.0, True

    booster.eval_valid(keep)
    return found[0]
