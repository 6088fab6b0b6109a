"""From an estimator's terms to a figure with an interval.

Every estimator here is a mean of terms, or a ratio of two means, over rows that are taken as independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from recsys.errors import DataError
from recsys.experiments.moments import Floats, Moments, of_ratio, of_values
from recsys.metrics import resampled_means


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """Per row a numerator and, for self-normalised estimators, a denominator (n,); the estimate is the ratio of means.

    Rows of one user are not independent: sum both fields over the user first (`by_user`).
    """

    numerators: Floats
    denominators: Floats | None = None

    @property
    def value(self) -> float:
        """The estimate."""
        top = float(np.mean(self.numerators))
        return top if self.denominators is None else top / float(np.mean(self.denominators))

    def moments(self) -> Moments:
        """As `Moments`, so that it can be compared with another sample by `effects.difference`."""
        return of_values(self.numerators) if self.denominators is None else of_ratio(self.numerators, self.denominators)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A policy's value with its standard error and 1 - alpha interval."""

    value: float
    std_error: float
    low: float
    high: float


def by_user(terms: Terms, user_rows: NDArray[np.int64], n_users: int) -> Terms:
    """Terms summed over each user's rows, so that the user is the unit of the interval; the estimate stays the same."""
    if len(user_rows) != len(terms.numerators):
        raise DataError(f"{len(user_rows)} users for {len(terms.numerators)} rows; give the user of each row")
    users = np.asarray(user_rows, np.int64)
    bottom = np.ones(len(users)) if terms.denominators is None else terms.denominators
    sums = [np.bincount(users, weights=rows, minlength=n_users) for rows in (terms.numerators, bottom)]
    return Terms(*(np.asarray(column, np.float64) for column in sums))


def normal(terms: Terms, *, alpha: float = 0.05) -> Estimate:
    """Estimate and normal interval; a self-normalised estimator's variance is the delta method's.

    It is too short when few rows carry the weight, since the variance is then estimated from those few: read
    `diagnostics` beside it.
    """
    moments = terms.moments()
    std_error = float(np.sqrt(moments.mean_variance))
    reach = float(special.ndtri(1 - alpha / 2)) * std_error
    return Estimate(terms.value, std_error, terms.value - reach, terms.value + reach)


def bootstrap(terms: Terms, *, alpha: float = 0.05, seed: int = 7, n_resamples: int = 2_000) -> Estimate:
    """Estimate and percentile-bootstrap interval over rows: asymmetric where the terms are, but no wider than the log.

    A weight that was never drawn cannot be resampled, so this too is too short on a small effective sample.
    """
    columns = [terms.numerators] if terms.denominators is None else [terms.numerators, terms.denominators]
    means = resampled_means(np.stack(columns, axis=1), seed=seed, n_resamples=n_resamples)
    values = means[:, 0] if terms.denominators is None else means[:, 0] / means[:, 1]
    low, high = np.percentile(values, [100 * alpha / 2, 100 - 100 * alpha / 2])
    return Estimate(terms.value, float(values.std(ddof=1)), float(low), float(high))
