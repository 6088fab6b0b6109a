"""CUPED: less variance through what was known before the experiment, with the effect left where it was.

The covariate must be fixed before a user's first exposure. One that the treatment can move takes part of the effect
with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recsys.errors import DataError
from recsys.experiments.moments import Floats, Moments, of_values


@dataclass(frozen=True, slots=True, eq=False)
class Adjusted:
    """Moments of both arms after adjustment, its slope, and the share of variance that went."""

    control: Moments
    treatment: Moments
    theta: Floats
    variance_removed: Floats


def adjusted(control: Floats, treatment: Floats, *, control_before: Floats, treatment_before: Floats) -> Adjusted:
    """Subtract theta (before - its mean over both arms) from every user's value (Deng, Xu, Kohavi, Walker 2013, WSDM).

    Values are (..., n_control) and (..., n_treatment), one a user, `*_before` the same shapes. Theta is one slope for
    both arms, from deviations within each arm, so that the effect itself does not enter it. For a ratio metric give
    `moments.linearised` of both periods. NaN before means a user without a past, whose value stays as it is.
    """
    ys = [np.asarray(values, np.float64) for values in (control, treatment)]
    xs = [np.asarray(values, np.float64) for values in (control_before, treatment_before)]
    if [y.shape for y in ys] != [x.shape for x in xs]:
        shapes = [v.shape for v in (*ys, *xs)]
        raise DataError(f"shapes of control, treatment and both before are {shapes}; each value needs its own before")
    known = np.concatenate([np.isfinite(x) for x in xs], axis=-1)
    both = np.where(known, np.concatenate(xs, axis=-1), 0.0)
    centre = both.sum(axis=-1, keepdims=True) / np.maximum(known.sum(axis=-1, keepdims=True), 1)
    xs = [np.where(np.isfinite(x), x, centre) for x in xs]
    y_residual = np.concatenate([y - y.mean(axis=-1, keepdims=True) for y in ys], axis=-1)
    x_residual = np.concatenate([x - x.mean(axis=-1, keepdims=True) for x in xs], axis=-1)
    covariance, spread = (y_residual * x_residual).sum(axis=-1), (x_residual**2).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        theta = np.where(spread > 0, covariance / spread, 0.0)
        removed = theta * covariance / (y_residual**2).sum(axis=-1)
    after = [of_values(y - theta[..., None] * (x - centre)) for y, x in zip(ys, xs, strict=True)]
    return Adjusted(after[0], after[1], theta, np.asarray(removed))
