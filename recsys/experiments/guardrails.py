"""Guardrails: showing that a metric did not get worse by more than a margin, which "no significant loss" does not show.

The margin is agreed before the experiment, as a share of the control's mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from recsys.errors import ConfigError
from recsys.experiments.moments import Moments

Verdict = Literal["kept", "broken", "undecided"]


@dataclass(frozen=True, slots=True)
class Guardrail:
    """The verdict, p of "worse than the margin" (small: kept), p of "within it" (small: broken), and the lift seen."""

    verdict: Verdict
    p_kept: float
    p_broken: float
    lift: float


def non_inferiority(
    control: Moments, treatment: Moments, *, margin: float, higher_is_better: bool = True, alpha: float = 0.05
) -> Guardrail:
    """Test both sides of treatment = (1 - margin) control, each one-sided at alpha; scalars only.

    The contrast is linear in both means, so no ratio is approximated (Schuirmann 1987's one-sided tests). "undecided"
    means too few users for this margin.
    """
    if not 0 < margin < 1:
        raise ConfigError(f"margin is {margin}; give the tolerated loss as a share between 0 and 1, such as 0.01")
    if not control.mean > 0:
        raise ConfigError(f"the control's mean is {float(control.mean)}; a share of it is a margin only above 0")
    bound = 1 - margin if higher_is_better else 1 + margin
    contrast = float(treatment.mean - bound * control.mean) * (1 if higher_is_better else -1)
    std_error = float(np.sqrt(treatment.mean_variance + bound**2 * control.mean_variance))
    z = contrast / std_error if std_error > 0 else 0.0
    p_kept, p_broken = float(special.ndtr(-z)), float(special.ndtr(z))
    verdict: Verdict = "kept" if p_kept < alpha else "broken" if p_broken < alpha else "undecided"
    return Guardrail(verdict, p_kept, p_broken, float(treatment.mean / control.mean) - 1)
