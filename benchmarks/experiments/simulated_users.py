"""SIMULATED users of an experiment, with planted effects: clicks, impressions, purchases and what they did before.

Two kinds of users: a few who see much and click more, and many who see little. That makes impressions of one user alike
and the click rate a true ratio metric, whose value is known in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

HEAVY_SHARE: Final = 0.3
IMPRESSIONS: Final = (3.0, 12.0)
"""Mean impressions beyond the first, of light and heavy users; two thirds of it in the period before."""
TASTE: Final = ((1.5, 18.5), (3.0, 17.0))
"""Beta parameters of a user's own click rate: 7.5 % and 15 % on average."""
BUYERS: Final = 0.1
AMOUNT: Final = (3.0, 0.8)
"""Mean and deviation of the log of what a buyer spends."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm of many experiments, every field float64 (n_experiments, n_users)."""

    clicks: NDArray[np.float64]
    impressions: NDArray[np.float64]
    clicks_before: NDArray[np.float64]
    impressions_before: NDArray[np.float64]
    spend: NDArray[np.float64]


def simulate(
    rng: np.random.Generator, shape: tuple[int, int], *, click_lift: float = 0.0, buy_lift: float = 0.0
) -> Arm:
    """Draw an arm whose click rate and share of buyers are raised by the given relative lifts."""
    heavy = rng.random(shape) < HEAVY_SHARE
    taste = np.where(heavy, rng.beta(*TASTE[1], shape), rng.beta(*TASTE[0], shape))
    seen = 1 + rng.poisson(np.where(heavy, IMPRESSIONS[1], IMPRESSIONS[0]))
    before = rng.poisson(np.where(heavy, IMPRESSIONS[1], IMPRESSIONS[0]) * 2 / 3)
    bought = rng.random(shape) < BUYERS * (1 + buy_lift)
    return Arm(
        clicks=rng.binomial(seen, np.minimum(taste * (1 + click_lift), 1)).astype(np.float64),
        impressions=seen.astype(np.float64),
        clicks_before=rng.binomial(before, taste).astype(np.float64),
        impressions_before=before.astype(np.float64),
        spend=np.where(bought, rng.lognormal(*AMOUNT, shape), 0.0),
    )


def click_rate() -> float:
    """Clicks per impression without a lift: kinds of users weighted by what they see."""
    shares = np.array([1 - HEAVY_SHARE, HEAVY_SHARE]) * (1 + np.array(IMPRESSIONS))
    return float((shares * [a / (a + b) for a, b in TASTE]).sum() / shares.sum())


def mean_spend() -> float:
    """Spend per user without a lift."""
    return float(BUYERS * np.exp(AMOUNT[0] + AMOUNT[1] ** 2 / 2))
