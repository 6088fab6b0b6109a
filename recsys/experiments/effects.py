"""What the treatment changed: the difference of two arms and the lift over the control, each with interval and p-value.

Both are two-sided and for one look at a horizon fixed beforehand; who looks earlier needs `sequential`. Fields are NaN
where neither arm varies: two constants say nothing about chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from recsys.experiments.moments import Floats, Moments


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """An effect, its standard error, a 1 - alpha interval and a two-sided p-value against 0; scalars or arrays."""

    value: Floats
    std_error: Floats
    low: Floats
    high: Floats
    p: Floats


def difference(control: Moments, treatment: Moments, *, alpha: float = 0.05) -> Effect:
    """Treatment minus control, in the metric's unit (Welch 1947: unequal variances, Satterthwaite's degrees)."""
    c, t = control.mean_variance, treatment.mean_variance
    with np.errstate(divide="ignore", invalid="ignore"):
        degrees = (c + t) ** 2 / (c**2 / (control.n - 1) + t**2 / (treatment.n - 1))
    return _effect(treatment.mean - control.mean, np.sqrt(c + t), degrees, alpha)


def lift(control: Moments, treatment: Moments, *, alpha: float = 0.05) -> Effect:
    """Treatment over control minus 1, by the delta method (Deng, Knoblich, Lu 2018, section 3).

    Not for a control mean within about four standard errors of 0, where a ratio has no useful interval.
    """
    c, t = control.mean_variance, treatment.mean_variance
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = treatment.mean / control.mean
        std_error = np.sqrt(t + ratio**2 * c) / np.abs(control.mean)
    return _effect(ratio - 1, std_error, np.asarray(np.inf), alpha)


def _effect(value: Floats, std_error: Floats, degrees: Floats, alpha: float) -> Effect:
    known = std_error > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.where(known, -special.stdtrit(degrees, alpha / 2) * std_error, np.nan)
        p = np.where(known, 2 * special.stdtr(degrees, -np.abs(value / std_error)), np.nan)
    return Effect(np.asarray(value), np.asarray(std_error), value - reach, value + reach, p)
