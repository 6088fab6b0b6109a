"""SIMULATED A/B tests: how often nothing is called something, and how often an interval holds the planted effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.experiments.simulated_users import BUYERS, Arm, click_rate, mean_spend, simulate
from recsys.experiments.cuped import adjusted
from recsys.experiments.effects import Effect, difference, lift
from recsys.experiments.moments import Moments, linearised, of_ratio, of_values, running
from recsys.experiments.sequential import FIRST_LOOK, always_valid

N_USERS: Final = 2_000
"""Users an arm; looked at once, or after every one of them from the `FIRST_LOOK`-th on."""
CLICK_LIFT, BUY_LIFT = 0.1, 0.2
ALPHA: Final = 0.05


@dataclass(frozen=True, slots=True)
class Share:
    """A share of experiments, and the band it was to lie in (None: shown for contrast)."""

    kind: str
    metric: str
    value: float
    band: tuple[float, float] | None = None

    @property
    def figure(self) -> str:
        """The click rate is the metric of record; others carry their name."""
        return self.kind if self.metric == "click_rate" else f"{self.kind}.{self.metric}"


def effects(control: Arm, treatment: Arm) -> dict[str, Effect]:
    """The metrics under test, each with its effect in all experiments."""
    before = {f"{name}_before": _linear_before(arm) for name, arm in (("control", control), ("treatment", treatment))}
    after = adjusted(_linear(control), _linear(treatment), **before)
    rates = (of_ratio(control.clicks, control.impressions), of_ratio(treatment.clicks, treatment.impressions))
    return {
        "click_rate": difference(*rates),
        "click_rate_lift": lift(*rates),
        "click_rate_cuped": difference(after.control, after.treatment),
        "spend": difference(of_values(control.spend), of_values(treatment.spend)),
        "conversion": difference(of_values(control.spend > 0), of_values(treatment.spend > 0)),
    }


def same_arms(rng: np.random.Generator, n_experiments: int) -> list[Share]:
    """A/A tests: share of experiments with p below 5 %, at one look and with a look after every user."""
    control, treatment = (simulate(rng, (n_experiments, N_USERS)) for _ in range(2))
    found = effects(control, treatment)
    found.pop("click_rate_lift")  # its p is the difference's
    rows = [Share("aa_false_positive", name, _below(e.p), (0.036, 0.064)) for name, e in found.items()]
    wrong = difference(_by_impression(control), _by_impression(treatment))
    rows.append(Share("aa_false_positive", "click_rate_by_impression", _below(wrong.p)))
    for name, arms in {
        "click_rate": [running(arm.clicks, arm.impressions) for arm in (control, treatment)],
        "spend": [running(arm.spend) for arm in (control, treatment)],
    }.items():
        free, fixed = always_valid(*arms, n_planned=2 * N_USERS, alpha=ALPHA), difference(*arms)
        rows.append(Share("aa_peeking_sequential", name, _below(free.p.min(axis=-1)), (0.0, ALPHA)))
        rows.append(Share("aa_peeking_fixed", name, _below(fixed.p[:, FIRST_LOOK - 1 :].min(axis=-1))))
    return rows


def planted(rng: np.random.Generator, n_experiments: int) -> list[Share]:
    """Planted lifts: share of 95 % intervals that hold the true effect; and what freedom to peek costs in power."""
    shape = (n_experiments, N_USERS)
    control, treatment = simulate(rng, shape), simulate(rng, shape, click_lift=CLICK_LIFT, buy_lift=BUY_LIFT)
    truth = {
        "click_rate": click_rate() * CLICK_LIFT,
        "click_rate_lift": CLICK_LIFT,
        "click_rate_cuped": click_rate() * CLICK_LIFT,
        "spend": mean_spend() * BUY_LIFT,
        "conversion": BUYERS * BUY_LIFT,
    }
    found = effects(control, treatment)
    rows = [
        Share("interval_coverage", name, _holds(e.low, e.high, truth[name]), (0.93, 0.97)) for name, e in found.items()
    ]
    looks = always_valid(
        running(control.clicks, control.impressions),
        running(treatment.clicks, treatment.impressions),
        n_planned=2 * N_USERS,
        alpha=ALPHA,
    )
    worst = _holds(looks.low.max(axis=-1), looks.high.min(axis=-1), truth["click_rate"])
    rows.append(Share("sequential_coverage", "click_rate", worst, (1 - ALPHA, 1.0)))
    rows += [Share("power", name, _below(found[name].p)) for name in ("click_rate", "click_rate_cuped")]
    rows.append(Share("power", "click_rate_sequential", _below(looks.p.min(axis=-1))))
    return rows


def _linear(arm: Arm) -> np.ndarray:
    return linearised(arm.clicks, arm.impressions)


def _linear_before(arm: Arm) -> np.ndarray:
    return linearised(arm.clicks_before, arm.impressions_before)


def _by_impression(arm: Arm) -> Moments:
    """The mistake the delta method is for: every impression taken as independent of the others."""
    n, rate = arm.impressions.sum(axis=-1), arm.clicks.sum(axis=-1) / arm.impressions.sum(axis=-1)
    return Moments(n, rate, rate * (1 - rate))


def _below(p: np.ndarray) -> float:
    return float((p < ALPHA).mean())


def _holds(low: np.ndarray, high: np.ndarray, truth: float) -> float:
    return float(((low <= truth) & (truth <= high)).mean())
