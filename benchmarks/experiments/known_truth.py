"""SIMULATED logs with known truth: bias, variance and coverage of every off-policy estimator against exact theory.

The same logs then go through Open Bandit Pipeline, whose estimates must be ours to the last digits.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.experiments import bandit_world, slate_world
from benchmarks.experiments.bandit_world import CLIP, N_ACTIONS, Theory
from benchmarks.ranking.environments import python_of
from recsys.experiments.ope import bandit, models, slates
from recsys.experiments.ope.intervals import Terms, bootstrap, normal
from recsys.experiments.ope.logged import Logged, of_actions

N_ROWS: Final = 1_000
N_BOOTSTRAPPED: Final = 200
"""Logs whose bootstrap interval is looked at; all have a normal one."""
N_COMPARED: Final = 20
"""Logs of each world that the peer estimates too."""
WORLDS: Final = {"cascade": 0.5, "independent": 0.0}
"""How much the items above a place lower the logit of a click there."""
BANDIT: Final[dict[str, Callable[[Logged], Terms]]] = {
    "ips": bandit.ips,
    "clipped_ips": lambda logged: bandit.clipped_ips(logged, largest=CLIP),
    "snips": bandit.snips,
    "direct_method": bandit.direct_method,
    "doubly_robust": bandit.doubly_robust,
    "switch_dr": lambda logged: bandit.switch_dr(logged, largest=CLIP),
}
SLATES: Final[dict[str, Callable[[Logged], Terms]]] = {
    "standard_ips": slates.standard_ips,
    "independent_ips": slates.independent_ips,
    "reward_interaction_ips": slates.reward_interaction_ips,
    "cascade_dr": slates.cascade_dr,
}


@dataclass(frozen=True, slots=True)
class Row:
    """An estimator over many logs beside its theory; `bias_z` and `variance_z` are distances in standard errors."""

    world: str
    name: str
    bias: float
    std_error: float
    theory: Theory | None
    bias_z: float
    variance_ratio: float
    variance_z: float
    normal_coverage: float
    bootstrap_coverage: float


def measure(seed: int, n_logs: int) -> list[Row]:
    """Every estimator on `n_logs` logs of each world."""
    world = bandit_world.make(seed)
    theories: dict[str, Theory | None] = {**bandit_world.theory(world, N_ROWS), "doubly_robust_fitted": None}
    terms = (_bandit_terms(world, np.random.default_rng([seed, i])) for i in range(n_logs))
    rows = _rows("bandit", terms, theories, world.value)
    for name, fatigue in WORLDS.items():
        slated = slate_world.make(seed, fatigue=fatigue)
        terms = (_slate_terms(slated, np.random.default_rng([seed, i])) for i in range(n_logs))
        rows += _rows(name, terms, dict(slate_world.theory(slated, N_ROWS)), slated.value)
    return rows


def compare(seed: int) -> dict[str, float]:
    """Largest distance of any estimate of ours from the peer's, by `world/estimator`."""
    ours: dict[str, list[float]] = {}
    logs: dict[str, np.ndarray] = {"clip": np.array(CLIP)}
    world = bandit_world.make(seed)
    for i in range(N_COMPARED):
        logged, contexts, actions = bandit_world.sample(world, np.random.default_rng([seed, i]), N_ROWS)
        fields = {"reward": logged.reward, "propensity": logged.propensity, "action": actions}
        fields |= {"target": world.target[contexts], "model": world.model[contexts]}
        logs |= {f"bandit/{i}/{name}": values for name, values in fields.items()}
        for name, estimator in BANDIT.items():
            ours.setdefault(f"bandit/{name}", []).append(estimator(logged).value)
    for kind, fatigue in WORLDS.items():
        slated = slate_world.make(seed, fatigue=fatigue)
        for i in range(N_COMPARED):
            down, flat, at = slate_world.sample(slated, np.random.default_rng([seed, i]), N_ROWS)
            where = (at[:, 0], at[:, 1])
            fields = {"reward": down.reward, "propensity": down.propensity, "target": down.target}
            fields |= {"propensity_marginal": flat.propensity, "target_marginal": flat.target}
            fields |= {"model": slated.model[where], "target_next": slated.target.following[where]}
            fields["action"] = slate_world.SLATES[at[:, 1]]
            logs |= {f"{kind}/{i}/{name}": values for name, values in fields.items()}
            for name, terms in _slates_of(down, flat).items():
                ours.setdefault(f"{kind}/{name}", []).append(terms.value)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "logs.npz"
        np.savez(path, **logs)  # type: ignore[arg-type]
        python = python_of("obp", Path(__file__).with_name("constraints-obp.txt"))
        command = [str(python), "-W", "ignore", str(Path(__file__).with_name("peer_obp.py")), str(path)]
        theirs = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return {name: float(np.abs(np.subtract(values, theirs[name])).max()) for name, values in ours.items()}


def _bandit_terms(world: bandit_world.World, rng: np.random.Generator) -> dict[str, Terms]:
    logged, contexts, actions = bandit_world.sample(world, rng, N_ROWS)
    fold = models.folds(N_ROWS, seed=int(rng.integers(1 << 31)))
    q = models.table_means(actions, logged.reward, n_actions=N_ACTIONS, fold=fold)
    tables = {"propensities": world.logging[contexts], "target": world.target[contexts]}
    fitted = of_actions(logged.reward, actions, **tables, q=q)
    named = {name: estimator(logged) for name, estimator in BANDIT.items()}
    return named | {"doubly_robust_fitted": bandit.doubly_robust(fitted)}


def _slate_terms(world: slate_world.SlateWorld, rng: np.random.Generator) -> dict[str, Terms]:
    down, flat, _ = slate_world.sample(world, rng, N_ROWS)
    return _slates_of(down, flat)


def _slates_of(down: Logged, flat: Logged) -> dict[str, Terms]:
    return {name: estimator(flat if name == "independent_ips" else down) for name, estimator in SLATES.items()}


def _rows(world: str, logs: Iterator[dict[str, Terms]], theories: dict[str, Theory | None], truth: float) -> list[Row]:
    kept = {name: _Kept([], [], []) for name in theories}
    for i, estimates in enumerate(logs):
        for name, terms in estimates.items():
            found = normal(terms)
            kept[name].errors.append(found.value - truth)
            kept[name].normal.append(found.low <= truth <= found.high)
            if i < N_BOOTSTRAPPED:
                drawn = bootstrap(terms, seed=i, n_resamples=300)
                kept[name].bootstrap.append(drawn.low <= truth <= drawn.high)
    return [_row(world, name, theory, kept[name]) for name, theory in theories.items()]


@dataclass(frozen=True, slots=True)
class _Kept:
    """Of every log: the estimate's error, and whether the intervals held the truth."""

    errors: list[float]
    normal: list[bool]
    bootstrap: list[bool]


def _row(world: str, name: str, theory: Theory | None, kept: _Kept) -> Row:
    errors = np.array(kept.errors)
    n, bias, variance = len(errors), float(errors.mean()), float(errors.var(ddof=1))
    expected = theory or Theory(0.0, variance)
    tails = float(((errors - bias) ** 4).mean()) / variance**2
    ratio = variance / expected.variance
    return Row(
        world=world,
        name=name,
        bias=bias,
        std_error=variance**0.5,
        theory=theory,
        bias_z=(bias - expected.bias) / (variance / n) ** 0.5,
        variance_ratio=ratio,
        variance_z=(ratio - 1) / ((tails - 1) / n) ** 0.5,
        normal_coverage=float(np.mean(kept.normal)),
        bootstrap_coverage=float(np.mean(kept.bootstrap)),
    )
