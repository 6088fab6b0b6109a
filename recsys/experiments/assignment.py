"""Whether the split is the planned one: the check that comes before any other figure of an experiment.

An experiment whose users were not assigned as planned has no trustworthy effect, however small the mismatch looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from recsys.errors import ConfigError, DataError


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Users seen and expected per variant, Pearson's chi-square, its p-value, and whether p < alpha."""

    seen: tuple[int, ...]
    expected: tuple[float, ...]
    chi_square: float
    p: float
    mismatch: bool


def sample_ratio(seen: Sequence[int], weights: Sequence[float], *, alpha: float = 0.001) -> SampleRatio:
    """Compare users per variant with the planned weights, which need not sum to 1.

    Alpha is low because the check runs on every experiment, every day, and what it finds stops the analysis (Fabijan et
    al. 2019, "Diagnosing Sample Ratio Mismatch in Online Controlled Experiments", KDD). Count users, not events.
    """
    if len(seen) != len(weights) or len(seen) < 2:
        raise ConfigError(f"{len(seen)} counts and {len(weights)} weights; give one of each for two or more variants")
    if min(weights) <= 0:
        raise ConfigError(f"weights are {tuple(weights)}; all must be above 0, leave out a variant that gets nobody")
    if min(seen) < 0 or sum(seen) == 0:
        raise DataError(f"users per variant are {tuple(seen)}; counts of at least one user are needed")
    expected = np.asarray(weights, np.float64) / sum(weights) * sum(seen)
    result = stats.chisquare(np.asarray(seen, np.float64), expected)
    p = float(result.pvalue)
    return SampleRatio(tuple(seen), tuple(expected.tolist()), float(result.statistic), p, p < alpha)
