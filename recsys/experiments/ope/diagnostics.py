"""Whether a log can tell about a policy at all: look here before at any estimate.

Diagnostics use weights only, never rewards, so a clip or a policy may be chosen by them without bending the result.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recsys.errors import DataError
from recsys.experiments.moments import Floats
from recsys.experiments.ope.logged import Logged


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """How weights are spread, and `warnings` in words; an empty tuple says only that nothing was found here.

    effective_size  rows of the target policy that would tell as much: (sum w)² / sum w² (Kong 1992)
    mean_weight     1 in expectation if every choice of the target had a propensity above 0; with its standard error
    largest         the largest weight, and `largest_share`, its part of the sum
    reached         share of rows the target policy could have chosen as well (w > 0)
    """

    n: int
    effective_size: float
    mean_weight: float
    mean_weight_error: float
    largest: float
    largest_share: float
    reached: float
    warnings: tuple[str, ...]


def diagnose(logged: Logged, *, min_effective: float = 200.0, max_share: float = 0.05) -> Diagnostics:
    """Diagnostics of the rows' weights; a slate's weight is the product over its places.

    `min_effective` suits rewards that vary in every row; for clicks give at least ten over their rate, so that ten
    clicks' worth of the target policy are in the log.
    """
    weights = logged.weights if logged.reward.ndim == 1 else logged.weights.prod(axis=1)
    n, total = len(weights), float(weights.sum())
    if total == 0:
        raise DataError("all weights are 0: the target policy makes none of the logged choices; this log says nothing")
    effective, mean = total**2 / float((weights**2).sum()), total / n
    error, largest = float(weights.std(ddof=1)) / n**0.5, float(weights.max())
    warnings = []
    if effective < min_effective:
        warnings.append(f"effective sample size {effective:.0f} of {n:,} rows: intervals are too short")
    if largest / total > max_share:
        warnings.append(f"one row carries {largest / total:.0%} of the weight")
    if abs(mean - 1) > 3 * max(error, 1e-9):
        warnings.append(f"mean weight {mean:.3f} is not 1: wrong propensities, or choices that were never logged")
    reached = float((weights > 0).mean())
    return Diagnostics(n, effective, mean, error, largest, largest / total, reached, tuple(warnings))


def unsupported(propensities: Floats, target: Floats) -> float:
    """Mean probability the target policy gives to choices the logging policy never makes; tables (n, n_actions).

    No estimator sees what these would earn: with rewards of at least 0 IPS is too low by it.
    """
    return float(np.where(propensities > 0, 0.0, target).sum(axis=1).mean())
