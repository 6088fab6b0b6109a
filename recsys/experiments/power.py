"""How many users and days an experiment needs, and what it could find: before it starts.

Moments of a past period of the planned length stand for both arms; a ratio metric comes as `moments.of_ratio`, so its
spread between users is in it. Normal approximation throughout: these are plans, of thousands of users.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

from scipy import special

from recsys.errors import ConfigError
from recsys.experiments import sequential
from recsys.experiments.moments import Moments

DAYS_A_WEEK = 7


@dataclass(frozen=True, slots=True)
class Design:
    """Two-sided level, power, the treatment's share of users, and whether the test is `sequential`.

    With `always_valid` the figures are for a decision at the planned size: looking earlier can only decide earlier.
    """

    alpha: float = 0.05
    power: float = 0.8
    treated_share: float = 0.5
    always_valid: bool = False

    def __post_init__(self) -> None:
        shares = (self.alpha, self.power, self.treated_share)
        if not all(0 < share < 1 for share in shares):
            raise ConfigError(f"alpha, power and treated_share are {shares}; each lies between 0 and 1")

    @property
    def reach(self) -> float:
        """Standard errors of a difference between no effect and one found with the wanted power."""
        fixed = float(special.ndtri(1 - self.alpha / 2))
        return (sequential.critical(alpha=self.alpha) if self.always_valid else fixed) + float(
            special.ndtri(self.power)
        )

    @property
    def arms(self) -> float:
        """Variance of a difference times users of both arms, in units of one user's variance: 4 for halves."""
        return 1 / (self.treated_share * (1 - self.treated_share))


def sample_size(baseline: Moments, *, lift: float, design: Design = Design()) -> int:
    """Users of both arms together that find a relative `lift` of the mean; 0.02 is two per cent."""
    target = abs(lift) * _mean(baseline)
    if target == 0:
        raise ConfigError("lift is 0; no number of users tells it from nothing, give the smallest lift worth having")
    return ceil(design.reach**2 * design.arms * float(baseline.variance) / target**2)


def minimum_detectable(baseline: Moments, *, n_users: int, design: Design = Design()) -> float:
    """The smallest relative lift that `n_users` of both arms together find."""
    if n_users <= 0:
        raise ConfigError(f"n_users is {n_users}; give the users of both arms together")
    return design.reach * sqrt(design.arms * float(baseline.variance) / n_users) / _mean(baseline)


def duration_days(n_users: int, *, new_users: Sequence[float], max_days: int = 90) -> int:
    """Days until `n_users` have entered, in whole weeks, so that every weekday counts alike.

    `new_users` are those first seen on day 1, 2, … of an experiment; they fall, as the same people come back, and the
    last entry stands for all later days. Give those of the share of traffic that is to be in the experiment.
    """
    if not new_users or min(new_users) < 0:
        raise ConfigError(f"new_users is {list(new_users)}; give a count of at least 0 for each of the first days")
    entered = 0.0
    for day in range(1, max_days + 1):
        entered += new_users[min(day, len(new_users)) - 1]
        if entered >= n_users:
            return ceil(day / DAYS_A_WEEK) * DAYS_A_WEEK
    raise ConfigError(
        f"{max_days} days bring {entered:.0f} users, {n_users} are needed; accept a larger lift, "
        "lower the variance with CUPED, or give the experiment more traffic"
    )


def _mean(baseline: Moments) -> float:
    mean = float(baseline.mean)
    if mean <= 0:
        raise ConfigError(f"the baseline's mean is {mean}; a relative lift has a meaning only above 0")
    return mean
