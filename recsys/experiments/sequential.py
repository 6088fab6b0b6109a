"""Intervals and p-values that stay valid however often one looks and whenever one stops.

Asymptotic confidence sequences (Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas 2024, "Time-uniform central limit theory
and asymptotic confidence sequences", Annals of Statistics, arXiv 2103.06476, theorem 2.2). Why these and not mSPRT
(Johari, Koomen, Pekelis, Walsh 2017, "Peeking at A/B Tests", KDD): for a normal mean of known variance the two are the
same boundary, a normal mixture inverted; mSPRT's proof needs that variance or a Bernoulli likelihood, this one holds
for an estimated variance and any metric with one, so ratios and CUPED need nothing of their own.

The guarantee is asymptotic: the first look must wait until the normal approximation holds (`FIRST_LOOK` users an arm,
more for rare events), and users must enter the moments once each, with an outcome that no longer changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from recsys.errors import ConfigError
from recsys.experiments.moments import Floats, Moments

FIRST_LOOK: Final = 250
"""Users in the smaller arm below which nothing is concluded: intervals are infinite and p is 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """Difference of two arms at each look, its interval, and p, all valid at all looks together."""

    value: Floats
    low: Floats
    high: Floats
    p: Floats


def mixture(n_planned: float, *, alpha: float = 0.05) -> float:
    """Rho squared of the mixture that makes the interval narrowest at `n_planned` users of both arms together.

    The minimum of (u + 1) / u * log((u + 1) / alpha²) over u = n rho² solves u = log((u + 1) / alpha²): Lambert's W.
    """
    if not 0 < alpha < 1 or n_planned <= 0:
        raise ConfigError(f"alpha is {alpha} and n_planned {n_planned}; alpha lies between 0 and 1, users above 0")
    return float(-special.lambertw(-(alpha**2) / np.e, -1).real - 1) / n_planned


def critical(*, alpha: float = 0.05) -> float:
    """Half-width of the interval in standard errors at the planned size: 3.04 at 5 %, where one fixed look has 1.96."""
    return float(np.sqrt(mixture(1.0, alpha=alpha) + 1))


def always_valid(
    control: Moments, treatment: Moments, *, n_planned: float, alpha: float = 0.05, first_look: int = FIRST_LOOK
) -> Looks:
    """Treatment minus control at every look; arms of `Moments` with one entry a look, or with scalars for one look.

    `n_planned` (both arms) only shapes the interval and must not be chosen from the outcome. p is the smallest alpha
    whose interval leaves out 0, with the mixture held fixed: 1 / e-value.
    """
    n = control.n + treatment.n
    u = n * mixture(n_planned, alpha=alpha)
    value = np.asarray(treatment.mean - control.mean)
    std_error = np.sqrt(control.mean_variance + treatment.mean_variance)
    ready = (np.minimum(control.n, treatment.n) >= first_look) & (std_error > 0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        reach = std_error * np.sqrt((u + 1) / u * np.log((u + 1) / alpha**2))
        log_p = 0.5 * np.log1p(u) - 0.5 * (value / std_error) ** 2 * u / (u + 1)
        p = np.where(ready, np.exp(np.minimum(log_p, 0.0)), 1.0)
    low, high = np.where(ready, value - reach, -np.inf), np.where(ready, value + reach, np.inf)
    return Looks(value, low, high, p)


def so_far(looks: Looks) -> Looks:
    """The same, each look keeping the best of all before it: smallest p, intersection of intervals (last axis).

    An empty intersection (low above high) says that an assumption is broken, most often an effect that changes in time.
    """
    return Looks(
        looks.value,
        np.maximum.accumulate(looks.low, axis=-1),
        np.minimum.accumulate(looks.high, axis=-1),
        np.minimum.accumulate(looks.p, axis=-1),
    )
