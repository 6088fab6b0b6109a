"""Reward models for DM and DR: no row's prediction comes from a model that saw the row's own reward.

Cross-fitting keeps DR's terms unbiased and its interval honest (Chernozhukov et al. 2018); the model need not be good,
and where rewards are rare a table of shrunken means is hard to beat.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier

from recsys.errors import ConfigError
from recsys.experiments.moments import Floats

Rows = NDArray[np.int64]


def folds(n: int, *, n_folds: int = 5, seed: int = 7) -> Rows:
    """A fold for each of `n` rows, (n,), balanced and shuffled."""
    if not 2 <= n_folds <= n:
        raise ConfigError(f"{n_folds} folds of {n} rows; give from 2 to the number of rows")
    return np.random.default_rng(seed).permutation(np.arange(n) % n_folds)


def table_means(actions: Rows, reward: Floats, *, n_actions: int, fold: Rows, strength: float = 20.0) -> Floats:
    """Values q (n, n_actions): mean reward of an action in the other folds, shrunk to their mean by `strength` rows."""
    q = np.empty((len(actions), n_actions))
    for held_out in range(int(fold.max()) + 1):
        train = fold != held_out
        q[~train] = _shrunken(actions[train], reward[train], n_actions=n_actions, strength=strength)
    return q


def cross_fitted(model: Any, features: Floats, actions: Rows, reward: Floats, *, n_actions: int, fold: Rows) -> Floats:
    """Values q (n, n_actions) of a scikit-learn regressor, or classifier of rewards 0 and 1, on context and action.

    `features` are (n, n_features) and hold nothing from after the choice. A linear model knows no interaction of
    context and action: a tree does, or give features that hold it.
    """
    one_hot = np.eye(n_actions)
    q = np.empty((len(actions), n_actions))
    for held_out in range(int(fold.max()) + 1):
        test = fold == held_out
        fitted = clone(model).fit(np.hstack([features[~test], one_hot[actions[~test]]]), reward[~test])
        for action in range(n_actions):
            rows = np.hstack([features[test], np.broadcast_to(one_hot[action], (test.sum(), n_actions))])
            q[test, action] = _positive(fitted, rows) if is_classifier(fitted) else fitted.predict(rows)
    return q


def slate_means(actions: Rows, reward: Floats, *, target: Floats, fold: Rows, strength: float = 20.0) -> Floats:
    """Values q (n, places, n_actions) for `slates.cascade_dr`: shrunken means place by place from the last up.

    Learned at a place is its reward plus the model's value of the places below under the target policy, whose
    probabilities at each place are `target` (n, places, n_actions). The whole chain is fitted on the other folds. It
    sees the item and place only, not the items above: crude, and harmless to the estimate.
    """
    q = np.empty(target.shape)
    for held_out in range(int(fold.max()) + 1):
        train, below = fold != held_out, 0.0
        for k in range(target.shape[1] - 1, -1, -1):
            value = reward[train, k] + below
            means = _shrunken(actions[train, k], value, n_actions=target.shape[2], strength=strength)
            q[~train, k], below = means, target[train, k] @ means
    return q


def _shrunken(actions: Rows, value: Floats, *, n_actions: int, strength: float) -> Floats:
    """Mean value of each action (n_actions,), shrunk to the mean of all by `strength` rows of it."""
    count = np.bincount(actions, minlength=n_actions)
    total = np.bincount(actions, weights=value, minlength=n_actions)
    return np.asarray((total + strength * value.mean()) / (count + strength))


def _positive(fitted: Any, rows: Floats) -> Floats:
    """P(reward = 1); 0 where the training folds held no such row."""
    known = list(fitted.classes_)
    return np.asarray(fitted.predict_proba(rows)[:, known.index(1)]) if 1 in known else np.zeros(len(rows))
