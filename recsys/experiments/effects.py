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
    value, std_error = treatment.mean - control.mean, np.sqrt(control.mean_variance + treatment.mean_variance)
    known, degrees = std_error > 0, _degrees(control, treatment)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.where(known, -special.stdtrit(degrees, alpha / 2) * std_error, np.nan)
        p = np.where(known, 2 * special.stdtr(degrees, -np.abs(value / std_error)), np.nan)
    return Effect(np.asarray(value), std_error, value - reach, value + reach, p)


def lift(control: Moments, treatment: Moments, *, alpha: float = 0.05) -> Effect:
    """Treatment over control minus 1: the delta method's standard error, Fieller's interval, the difference's p.

    Fieller 1954 holds every ratio that the difference t - ratio c does not reject, so the interval leaves out 0 exactly
    where p is below alpha; with many users it is the delta method's (both are in Deng, Knoblich, Lu 2018, section 3).
    It is infinite where the control's mean cannot be told from 0: there is no lift then.
    """
    c, t, c_var, t_var = control.mean, treatment.mean, control.mean_variance, treatment.mean_variance
    plain = difference(control, treatment, alpha=alpha)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = t / c
        std_error = np.sqrt(t_var + ratio**2 * c_var) / np.abs(c)
        z2 = special.stdtrit(_degrees(control, treatment), alpha / 2) ** 2
        a = c**2 - z2 * c_var
        root = np.sqrt(np.maximum((t * c) ** 2 - a * (t**2 - z2 * t_var), 0.0))
        ends = [np.where(a > 0, (t * c + sign * root) / a - 1, sign * np.inf) for sign in (-1, 1)]
    low, high = (np.where(plain.std_error > 0, end, np.nan) for end in ends)
    return Effect(np.asarray(ratio - 1), std_error, low, high, plain.p)


def _degrees(control: Moments, treatment: Moments) -> Floats:
    c, t = control.mean_variance, treatment.mean_variance
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((c + t) ** 2 / (c**2 / (control.n - 1) + t**2 / (treatment.n - 1)))
