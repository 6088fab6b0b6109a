"""Estimators for one choice a round; each returns terms whose mean is the target policy's value.

With the right propensities IPS and DR are unbiased whatever the model; what clips or switches trades bias for variance.
w is target / propensity, r the reward, q the model's value of the choice, v its mean over the target's choices.
"""

from __future__ import annotations

import numpy as np

from recsys.errors import ConfigError
from recsys.experiments.ope.intervals import Terms
from recsys.experiments.ope.logged import Logged


def naive(logged: Logged) -> Terms:
    """Mean of r: the value of the policy that logged, shown beside the rest."""
    return Terms(_rounds(logged).reward)


def ips(logged: Logged) -> Terms:
    """Mean of w r (Horvitz and Thompson 1952): unbiased; its variance grows with w²."""
    return Terms(_rounds(logged).weights * logged.reward)


def clipped_ips(logged: Logged, *, largest: float) -> Terms:
    """Mean of min(w, largest) r (Ionides 2008; Bottou et al. 2013): biased downwards for rewards of at least 0."""
    return Terms(np.minimum(_rounds(logged).weights, _above_zero(largest)) * logged.reward)


def snips(logged: Logged) -> Terms:
    """Mean of w r over mean of w (Swaminathan and Joachims 2015, NeurIPS): bias of order 1/n, bounded by the rewards.

    Unmoved when all rewards shift by a constant, which IPS is not.
    """
    return Terms(_rounds(logged).weights * logged.reward, logged.weights)


def direct_method(logged: Logged) -> Terms:
    """Mean of v: no weights, little variance, all the bias of the model, of which the interval knows nothing."""
    return Terms(_rounds(logged).model()[1])


def doubly_robust(logged: Logged) -> Terms:
    """Mean of v + w (r - q) (Dudík, Langford, Li 2011, ICML): unbiased with right propensities or a right model."""
    predicted, expected = _rounds(logged).model()
    return Terms(expected + logged.weights * (logged.reward - predicted))


def switch_dr(logged: Logged, *, largest: float) -> Terms:
    """Mean of v + w (r - q) where w <= largest, of v alone elsewhere (Wang, Agarwal, Dudík 2017, ICML)."""
    predicted, expected = _rounds(logged).model()
    weights = np.where(logged.weights <= _above_zero(largest), logged.weights, 0.0)
    return Terms(expected + weights * (logged.reward - predicted))


def _rounds(logged: Logged) -> Logged:
    if logged.reward.ndim != 1:
        raise ConfigError(f"rewards have shape {logged.reward.shape}; slates go to `ope.slates`, rounds (n,) come here")
    return logged


def _above_zero(largest: float) -> float:
    if not largest > 0:
        raise ConfigError(f"largest weight is {largest}; give one above 0, such as 10, chosen before seeing the result")
    return largest
