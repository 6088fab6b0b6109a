"""A metric of one arm as three numbers: units, mean, and the variance one unit adds.

The unit is what was randomised, a user: rows of one user are summed before they come here. A ratio metric (clicks per
impression) is a mean after `linearised`, so everything that takes `Moments` serves means and ratios alike. All
functions work on the last axis; leading axes are experiments, days or segments side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.errors import DataError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Units `n`, mean and unit variance (n - 1 in its denominator); each a scalar or an array of one shape."""

    n: Floats
    mean: Floats
    variance: Floats

    @property
    def mean_variance(self) -> Floats:
        """Squared standard error of the mean."""
        return np.asarray(self.variance / self.n)


def of_values(values: Floats) -> Moments:
    """Moments of one value a user, `values` (..., n)."""
    values = np.asarray(values, np.float64)
    n = values.shape[-1] if values.ndim else 0
    if n < 2:
        raise DataError(f"an arm has {n} users; a variance needs at least 2: wait for more, or check the assignment")
    if not np.isfinite(values).all():
        raise DataError(
            "values hold NaN or infinity; a user without an outcome counts as 0, or is left out of both arms"
        )
    return Moments(np.full(values.shape[:-1], float(n)), values.mean(axis=-1), values.var(axis=-1, ddof=1))


def linearised(numerators: Floats, denominators: Floats) -> Floats:
    """One value a user whose mean is the ratio of sums and whose variance is the delta method's, (..., n).

    R + (y - R x) / mean(x), the first-order expansion at the arm's own ratio R (Deng, Knoblich, Lu 2018, "Applying the
    Delta Method in Metric Analytics", KDD, arXiv 1803.06336, section 3). A user with x = 0 adds exactly R.
    """
    y, x = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
    if y.shape != x.shape:
        raise DataError(f"numerators have shape {y.shape}, denominators {x.shape}; give one of each a user")
    total = x.sum(axis=-1, keepdims=True)
    if not (total > 0).all() or (x < 0).any():
        raise DataError("denominators must be at least 0 and not all 0 in an arm; a ratio has no meaning there")
    ratio = y.sum(axis=-1, keepdims=True) / total
    return np.asarray(ratio + (y - ratio * x) / (total / x.shape[-1]))


def of_ratio(numerators: Floats, denominators: Floats) -> Moments:
    """Moments of a ratio of sums, from each user's numerator and denominator (..., n)."""
    return of_values(linearised(numerators, denominators))


def of_sums(n: Floats, *, y: Floats, x: Floats, yy: Floats, xy: Floats, xx: Floats) -> Moments:
    """`of_ratio` from sums over users of y, x, y², xy and x²; for a mean all x are 1.

    Sums add up over days and segments, so one pass over a log serves all. Where n < 2 or the sum of x is 0 the result
    is NaN. Products of large numbers cancel: centre y first if its mean is thousands of times its spread.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = y / x
        residual = np.maximum(yy - 2 * ratio * xy + ratio**2 * xx, 0.0) / (n - 1)
        variance = np.where(n >= 2, residual * (n / x) ** 2, np.nan)
    return Moments(np.asarray(n, np.float64), np.where(n >= 2, ratio, np.nan), variance)


def running(numerators: Floats, denominators: Floats | None = None) -> Moments:
    """Moments after each user in order of arrival, fields (..., n): what somebody who looks all the time sees."""
    y = np.asarray(numerators, np.float64)
    x = np.ones_like(y) if denominators is None else np.asarray(denominators, np.float64)
    y_sum, x_sum, yy, xy, xx = (np.cumsum(v, axis=-1) for v in (y, x, y * y, x * y, x * x))
    n = np.broadcast_to(np.arange(1.0, y.shape[-1] + 1), y.shape)
    return of_sums(n, y=y_sum, x=x_sum, yy=yy, xy=xy, xx=xx)
