"""SIMULATED logged bandit small enough to enumerate: every estimator's bias and variance are known without sampling.

The theory below is written from the papers' formulas over (context, action, reward) and shares no code with
`recsys.experiments.ope`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.experiments.ope.logged import Logged, of_actions

N_CONTEXTS, N_ACTIONS = 5, 8
CLIP: Final = 3.0
"""Largest weight of clipped IPS and switch-DR; the largest of this world is about ten."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Theory:
    """Bias and variance of an estimate from n rows."""

    bias: float
    variance: float


@dataclass(frozen=True, slots=True)
class World:
    """Context shares (c,), both policies, click probabilities and a model that is wrong on purpose, each (c, a)."""

    contexts: Floats
    logging: Floats
    target: Floats
    reward: Floats
    model: Floats

    @property
    def value(self) -> float:
        """What the target policy earns in truth."""
        return float((self.contexts[:, None] * self.target * self.reward).sum())


def make(seed: int) -> World:
    """Draw a world: softmax policies that disagree, click rates of 5 to 60 %, a model off by up to 15 points."""
    rng = np.random.default_rng(seed)
    taste = rng.normal(0, 1, (N_CONTEXTS, N_ACTIONS))
    shape = taste.shape
    reward = 0.05 + 0.55 / (1 + np.exp(-taste))
    model = np.clip(reward + rng.uniform(-0.15, 0.15, shape) + 0.05, 0, 1)
    logging, target = _softmax(0.7 * rng.normal(0, 1, shape)), _softmax(taste)
    return World(rng.dirichlet(np.full(N_CONTEXTS, 5.0)), logging, target, reward, model)


def sample(world: World, rng: np.random.Generator, n: int) -> tuple[Logged, NDArray[np.int64], NDArray[np.int64]]:
    """Log n rounds; returns them with their contexts and actions (n,)."""
    contexts = rng.choice(N_CONTEXTS, n, p=world.contexts)
    actions = (rng.random((n, 1)) > np.cumsum(world.logging, axis=1)[contexts, :-1]).sum(axis=1)
    clicks = (rng.random(n) < world.reward[contexts, actions]).astype(np.float64)
    tables = {"propensities": world.logging[contexts], "target": world.target[contexts], "q": world.model[contexts]}
    return of_actions(clicks, actions, **tables), contexts, actions


def theory(world: World, n: int) -> dict[str, Theory]:
    """Exact bias and variance of each estimator from n rows; of SNIPS to first order in 1/n."""
    w = world.target / world.logging
    q, v = world.model, (world.target * world.model).sum(axis=1, keepdims=True)
    clipped, kept = np.minimum(w, CLIP), w * (w <= CLIP)
    terms = {
        "ips": lambda r: w * r,
        "clipped_ips": lambda r: clipped * r,
        "direct_method": lambda r: v + 0 * w,
        "doubly_robust": lambda r: v + w * (r - q),
        "switch_dr": lambda r: v + kept * (r - q),
    }
    out = {}
    for name, term in terms.items():
        mean = _mean(world, term)
        out[name] = Theory(mean - world.value, (_mean(world, lambda r, f=term: f(r) ** 2) - mean**2) / n)
    out["snips"] = Theory(
        -_mean(world, lambda r: w**2 * (r - world.value)) / n,
        _mean(world, lambda r: w**2 * (r - world.value) ** 2) / n,
    )
    return out


def _mean(world: World, term) -> float:  # type: ignore[no-untyped-def]
    """Mean of term(reward) over context, action under the logging policy, and reward 0 or 1."""
    share = world.contexts[:, None] * world.logging
    return float((share * (world.reward * term(1.0) + (1 - world.reward) * term(0.0))).sum())


def _softmax(scores: Floats) -> Floats:
    top = np.exp(scores - scores.max(axis=1, keepdims=True))
    return top / top.sum(axis=1, keepdims=True)
