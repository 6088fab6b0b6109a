"""SIMULATED logged slates small enough to enumerate: three places, five items, each shown once, three contexts.

Users look from the top and, in the cascade world, lose interest with what they saw; in the independent world a click
depends on item and place only. Theory is exact, from the formulas of Kiyohara et al. 2022, and shares no code with
`recsys.experiments.ope`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.experiments.bandit_world import Theory
from recsys.experiments.ope.logged import Logged

N_CONTEXTS, N_ITEMS, PLACES = 3, 5, 3
SLATES: Final = np.array(list(permutations(range(N_ITEMS), PLACES)))
"""All 60 slates, (s, k)."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Policy:
    """Plackett-Luce: what it shows, item by item and as whole slates."""

    following: Floats  # (c, s, k, a), of every item at k given those above
    conditional: Floats  # (c, s, k), of the item at k given those above
    marginal: Floats  # (c, s, k), of the item at k whatever is above
    slate: Floats  # (c, s)


@dataclass(frozen=True, slots=True)
class SlateWorld:
    """Both policies, click probabilities (c, s, k), and a wrong model of the reward from k down, (c, s, k, a)."""

    logging: Policy
    target: Policy
    click: Floats
    model: Floats

    @property
    def value(self) -> float:
        """What the target policy's slates earn in truth; contexts are equally likely."""
        return float((self.target.slate[..., None] * self.click).sum() / N_CONTEXTS)


def make(seed: int, *, fatigue: float) -> SlateWorld:
    """Draw a world; `fatigue` is how much the items above lower the logit of a click, 0 for the independent world."""
    rng = np.random.default_rng(seed)
    appeal = rng.normal(0, 1, (N_CONTEXTS, N_ITEMS))
    logging = _policy(0.5 * rng.normal(0, 1, appeal.shape))
    target = _policy(0.8 * appeal)
    shown = appeal[:, SLATES]
    above = np.cumsum(np.exp(shown), axis=2) - np.exp(shown)
    click = 1 / (1 + np.exp(1 + 0.4 * np.arange(PLACES) - shown + fatigue * above))
    wrong = rng.uniform(0.6, 1.1, (N_CONTEXTS, 1, PLACES, N_ITEMS))
    return SlateWorld(logging, target, click, _reward_to_go(target, click) * wrong)


def sample(world: SlateWorld, rng: np.random.Generator, n: int) -> tuple[Logged, Logged, NDArray[np.int64]]:
    """Log n slates: with conditional and with marginal probabilities, and the context and slate row of each, (n, 2)."""
    contexts = rng.integers(0, N_CONTEXTS, n)
    rows = (rng.random((n, 1)) > np.cumsum(world.logging.slate, axis=1)[contexts, :-1]).sum(axis=1)
    at = (contexts, rows)
    clicks = (rng.random((n, PLACES)) < world.click[at]).astype(np.float64)
    shown = np.take_along_axis(world.model[at], SLATES[rows][..., None], axis=2)[..., 0]
    expected = (world.target.following[at] * world.model[at]).sum(axis=2)
    down = Logged(clicks, world.logging.conditional[at], world.target.conditional[at], shown, expected)
    flat = Logged(clicks, world.logging.marginal[at], world.target.marginal[at])
    return down, flat, np.column_stack(at)


def theory(world: SlateWorld, n: int) -> dict[str, Theory]:
    """Exact bias and variance of each estimator from n slates, all of them linear in the rewards: c0 + sum c_k r_k."""
    w = world.target.conditional / world.logging.conditional
    down = np.cumprod(w, axis=2)
    above = np.concatenate([np.ones_like(down[..., :1]), down[..., :-1]], axis=2)
    q = np.take_along_axis(world.model, SLATES[None, ..., None], axis=3)[..., 0]
    v = (world.target.following * world.model).sum(axis=3)
    linear = {
        "standard_ips": (0.0, np.repeat(down[..., -1:], PLACES, axis=2)),
        "independent_ips": (0.0, world.target.marginal / world.logging.marginal),
        "reward_interaction_ips": (0.0, down),
        "cascade_dr": ((above * v - down * q).sum(axis=2), down),
    }
    share = world.logging.slate / N_CONTEXTS
    out = {}
    for name, (constant, slopes) in linear.items():
        inner = constant + (slopes * world.click).sum(axis=2)
        spread = (slopes**2 * world.click * (1 - world.click)).sum(axis=2)
        mean = float((share * inner).sum())
        out[name] = Theory(mean - world.value, float((share * (inner**2 + spread)).sum() - mean**2) / n)
    return out


def _policy(scores: Floats) -> Policy:
    following = np.zeros((N_CONTEXTS, len(SLATES), PLACES, N_ITEMS))
    for s, slate in enumerate(SLATES):
        for k in range(PLACES):
            left = [a for a in range(N_ITEMS) if a not in slate[:k]]
            odds = np.exp(scores[:, left])
            following[:, s, k, left] = odds / odds.sum(axis=1, keepdims=True)
    conditional = np.take_along_axis(following, SLATES[None, ..., None], axis=3)[..., 0]
    whole = conditional.prod(axis=2)
    same = SLATES[:, None, :] == SLATES[None, :, :]
    return Policy(following, conditional, np.einsum("ct,stk->csk", whole, same), whole)


def _reward_to_go(target: Policy, click: Floats) -> Floats:
    """Mean reward of place k and below if `a` follows the items above and the target policy goes on, (c, s, k, a)."""
    out = np.zeros_like(target.following)
    for k in range(PLACES):
        going_on = target.conditional[:, :, k + 1 :].prod(axis=2) * click[:, :, k:].sum(axis=2)
        for s, slate in enumerate(SLATES):
            for a in range(N_ITEMS):
                same = (SLATES[:, :k] == slate[:k]).all(axis=1) & (SLATES[:, k] == a)
                out[:, s, k, a] = going_on[:, same].sum(axis=1)
    return out
