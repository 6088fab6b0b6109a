"""What a policy did and earned, beside what the target policy would have done in its place.

Propensities are those logged at decision time, for the choice that was made; an estimated one is a different, weaker
method. Every choice the target policy can make must have had a propensity above 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsys.errors import DataError
from recsys.experiments.moments import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Logged:
    """Rounds (n,), or slates (n, k) with one column a place, top first.

    reward      earned by the choice
    propensity  probability of the choice under the policy that made it
    target      probability of the same choice under the policy to be evaluated
    predicted   a model's value of the choice; for DM, DR and the like
    expected    the model's mean value over the target policy's choices there: sum over a of target(a) q(a)

    Probabilities of a slate's place are marginal for `slates.independent_ips`, and conditional on the places above for
    the other slate estimators. Model values of a place are of this place and all below it (see `slates.cascade_dr`).
    """

    reward: Floats
    propensity: Floats
    target: Floats
    predicted: Floats | None = None
    expected: Floats | None = None

    def __post_init__(self) -> None:
        fields = {"reward": self.reward, "propensity": self.propensity, "target": self.target}
        fields |= {k: v for k, v in (("predicted", self.predicted), ("expected", self.expected)) if v is not None}
        shapes = {name: np.shape(values) for name, values in fields.items()}
        if len(set(shapes.values())) != 1 or len(shapes["reward"]) not in {1, 2} or shapes["reward"][0] < 2:
            raise DataError(f"shapes are {shapes}; all must be one (n,) or (n, places), with two rows or more")
        for name, values in fields.items():
            if not np.isfinite(values).all():
                raise DataError(f"{name} holds NaN or infinity; leave out such rows and say how many there were")
        if (self.propensity <= 0).any() or (self.propensity > 1).any():
            low, high = float(np.min(self.propensity)), float(np.max(self.propensity))
            raise DataError(f"propensities reach from {low} to {high}; what was chosen had one above 0, 1 at most")
        if (self.target < 0).any() or (self.target > 1).any():
            raise DataError("target probabilities lie outside 0 to 1; give those of the choices that were logged")

    @property
    def weights(self) -> Floats:
        """Importance weights target / propensity, of each row or place."""
        return np.asarray(self.target / self.propensity)

    def model(self) -> tuple[Floats, Floats]:
        """`predicted` and `expected`, or an error that says how to get them."""
        if self.predicted is None or self.expected is None:
            raise DataError(
                "this estimator needs predicted and expected values; fit q with `ope.models`, then `of_actions(…, q=q)`"
            )
        return self.predicted, self.expected


def joint(slate: Logged, *, copy_propensity: Floats, copy_target: Floats) -> Logged:
    """The policy that chooses a slate and then its words: propensities multiply, P(slate) P(copy | slate).

    The copy's probabilities are those of the wording shown, given the item it was written for; of `slate`'s shape, or
    (n,) of one wording for a whole slate, which then belongs to its first place. Rewards stay: what was earned was
    earned by both. Model values fitted without the wording no longer apply and are dropped.
    """
    factors = [_per_choice(values, slate.reward.shape) for values in (copy_propensity, copy_target)]
    propensity, target = slate.propensity * factors[0], slate.target * factors[1]
    return replace(slate, propensity=propensity, target=target, predicted=None, expected=None)


def of_actions(
    reward: Floats, actions: NDArray[np.int64], *, propensities: Floats, target: Floats, q: Floats | None = None
) -> Logged:
    """`Logged` from whole tables: probabilities and model values of every action, each (n, n_actions)."""
    rows = np.arange(len(actions))
    if q is None:
        return Logged(reward, propensities[rows, actions], target[rows, actions])
    return Logged(
        reward, propensities[rows, actions], target[rows, actions], q[rows, actions], (target * q).sum(axis=1)
    )


def _per_choice(values: Floats, shape: tuple[int, ...]) -> Floats:
    values = np.asarray(values, np.float64)
    if len(shape) == 2 and values.shape == shape[:1]:
        values = np.column_stack([values, np.ones((shape[0], shape[1] - 1))])
    if values.shape != shape:
        raise DataError(f"copy probabilities have shape {values.shape}, rewards {shape}; give one for each choice")
    return values
