"""Estimators for slates with a reward at each place; each returns terms whose mean is the value of the whole slate.

They differ in what a reward may depend on, and the less it may, the smaller the weights: its own place only
(independent), it and the places above (reward interaction, cascade), or all (standard). A wrong belief is a bias.
"""

from __future__ import annotations

import numpy as np

from recsys.errors import ConfigError
from recsys.experiments.moments import Floats
from recsys.experiments.ope.intervals import Terms
from recsys.experiments.ope.logged import Logged


def standard_ips(logged: Logged) -> Terms:
    """The slate as one choice: product of all weights times the sum of rewards.

    No assumption, and hopeless beyond few places. Probabilities are conditional on the places above, so that their
    product is the slate's.
    """
    return Terms(_slates(logged).weights.prod(axis=1) * logged.reward.sum(axis=1))


def independent_ips(logged: Logged) -> Terms:
    """Sum over places of w_k r_k with marginal probabilities of item at place (Li et al. 2018, KDD).

    Right if a reward depends on its own item and place only (item-position click model).
    """
    return Terms((_slates(logged).weights * logged.reward).sum(axis=1))


def reward_interaction_ips(logged: Logged) -> Terms:
    """Sum over places of w_1 … w_k r_k, conditional probabilities (McInerney et al. 2020, KDD).

    Right if a reward depends on its own item and those above (cascade).
    """
    return Terms((_to_place(_slates(logged)) * logged.reward).sum(axis=1))


def cascade_dr(logged: Logged) -> Terms:
    """Sum over places of w_1…w_k (r_k - q_k) + w_1…w_(k-1) v_k (Kiyohara et al. 2022, WSDM, arXiv 2202.01562).

    q_k is a model of the reward of place k and all below it, given the items down to k, with the target policy going
    on; v_k its mean over the target's choices at k. Right under the cascade whatever the model; a good one lowers the
    variance. `models.slate_means` fits one.
    """
    predicted, expected = _slates(logged).model()
    weights = _to_place(logged)
    above = np.column_stack([np.ones(len(weights)), weights[:, :-1]])
    return Terms((weights * (logged.reward - predicted) + above * expected).sum(axis=1))


def _to_place(logged: Logged) -> Floats:
    """Weight of the places down to k, (n, places)."""
    return np.asarray(np.cumprod(logged.weights, axis=1))


def _slates(logged: Logged) -> Logged:
    if logged.reward.ndim != 2:
        raise ConfigError(
            f"rewards have shape {logged.reward.shape}; slates are (n, places), rounds go to `ope.bandit`"
        )
    return logged
