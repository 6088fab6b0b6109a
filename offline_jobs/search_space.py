"""What `slatewright tune` may change, and how far from the settings it starts from.

Only the ratios of the weights matter, so each is searched by a factor; a source that is off stays off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from optuna.trial import Trial

from offline_jobs.config import BuildConfig, flat, nested, override
from recsys.candidates.merge import MAX_CANDIDATES, SOURCES

WEIGHT_FACTOR: Final = 5.0
"""A weight is searched between a fifth and five times of what it was."""


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of a setting, both included; `log` where factors matter more than differences."""

    low: float
    high: float
    log: bool = False

    def reaching(self, value: float) -> Range:
        """The range widened to hold `value`."""
        return Range(min(self.low, value), max(self.high, value), self.log)


RANKING: Final = {
    "ranking.n_negatives": Range(30, 300, log=True),
    "ranking.ranker.num_leaves": Range(7, 63, log=True),
    "ranking.ranker.learning_rate": Range(0.02, 0.2, log=True),
    "ranking.ranker.min_data_in_leaf": Range(10, 500, log=True),
    "ranking.ranker.feature_fraction": Range(0.1, 1.0),
    "ranking.ranker.bagging_fraction": Range(0.5, 1.0),
    "ranking.ranker.lambda_l2": Range(0.0, 10.0),
    "ranking.ranker.truncation": Range(10, 40),
    "ranking.ranker.single_truncation": Range(20, 120),
}


def search_space(base: BuildConfig) -> dict[str, Range]:
    """Ranges by dotted name; each holds the value that `base` has."""
    values = flat(base)
    space = {}
    for source in SOURCES:
        quota, weight = f"candidates.quotas.{source}", f"candidates.fusion.{source}"
        if values[quota] > 0 and values[weight] > 0:
            space[quota] = Range(0, MAX_CANDIDATES).reaching(values[quota])
            space[weight] = Range(values[weight] / WEIGHT_FACTOR, values[weight] * WEIGHT_FACTOR, log=True)
    return space | {name: bounds.reaching(values[name]) for name, bounds in RANKING.items()}


def suggested(trial: Trial, base: BuildConfig, space: Mapping[str, Range]) -> BuildConfig:
    """The settings that Optuna proposes for this trial."""
    values = flat(base)
    for name, bounds in space.items():
        if isinstance(values[name], int):
            trial.suggest_int(name, int(bounds.low), int(bounds.high), log=bounds.log)
        else:
            trial.suggest_float(name, bounds.low, bounds.high, log=bounds.log)
    return settings_of(trial.params, base)


def settings_of(params: Mapping[str, Any], base: BuildConfig) -> BuildConfig:
    """`base` with a trial's values, rounded to three digits where they are not those of `base`."""
    values = flat(base)
    rounded = {
        name: float(f"{value:.3g}") if isinstance(value, float) and value != values[name] else value
        for name, value in params.items()
    }
    return override(base, nested(rounded), where="tune")
