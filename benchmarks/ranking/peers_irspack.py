"""irspack's models, tuned by its own tuner; runs in an environment of its own.

.venv-irspack/bin/python -m benchmarks.ranking.peers_irspack DATASET_FOLDER irspack_ials --budget 120 --trials 20
"""

from __future__ import annotations

import logging
import os
import time
from typing import Any

import numpy as np
import optuna
from irspack.evaluation import EvaluatorWithColdUser
from irspack.recommenders import CosineKNNRecommender, DenseSLIMRecommender, IALSRecommender, RP3betaRecommender
from scipy import sparse

from benchmarks.ranking.exchange import READINGS, Answer, Stage, inputs, weightings
from benchmarks.ranking.lists import targets
from benchmarks.ranking.peer_process import main
from benchmarks.ranking.tuned import Choice, Config, Score, answer, hide_options

SEED = 7
QUIET = logging.getLogger("quiet")
QUIET.setLevel(logging.ERROR)
MAX_DENSE_ITEMS = 20_000
MODELS: dict[str, Any] = {
    "irspack_ials": IALSRecommender,
    "irspack_rp3beta": RP3betaRecommender,
    "irspack_ease": DenseSLIMRecommender,
    "irspack_knn": CosineKNNRecommender,
}
FIRST: dict[str, list[Config]] = {
    "irspack_ials": [
        {"n_components": 256, "alpha0": 0.02, "reg": 3e-3},
        {"n_components": 64, "alpha0": 0.1, "reg": 1e-3},
    ],
    "irspack_rp3beta": [{"top_k": 200, "beta": 0.3, "normalize_weight": True}],
    "irspack_ease": [{"reg": 200.0}, {"reg": 1000.0}],
    "irspack_knn": [
        {"top_k": 200, "shrinkage": 10.0, "feature_weighting": "NONE", "normalize": True},
        {"top_k": 400, "shrinkage": 100.0, "feature_weighting": "TF_IDF", "normalize": True},
    ],
}
"""Tried first, so that a short budget also has something sound; the tuner goes on from there."""


def compute(system: str, valid: Stage, test: Stage, *, budget_s: float, trials: int) -> Answer:
    """Tune on validation, per reading and weighting, then fit and answer the test stage."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    started, kind = time.perf_counter(), MODELS[system]
    if kind is DenseSLIMRecommender and test.n_items > MAX_DENSE_ITEMS:
        raise SystemExit(f"{system}: {test.n_items} items; expected at most {MAX_DENSE_ITEMS}, as it is dense")
    runs = [(r, hide, w) for r in READINGS for hide in hide_options(valid, r) for w in weightings(valid)]
    same = hide_options(valid, "all") == (True,)  # nobody takes anything twice: both readings are one
    runs = [run for run in runs if run[0] == "all" or not same]
    choices: dict[str, Choice] = {}
    for reading, hide, weighting in runs:
        found = _tune(
            system,
            valid,
            reading,
            weighting,
            hide=hide,
            budget_s=budget_s / len(runs),
            trials=trials,
        )
        if reading not in choices or found.ndcg > choices[reading].ndcg:
            choices[reading] = found
    if same:
        choices["new"] = choices["all"]
    tune_s = time.perf_counter() - started
    # Similarity models give 0 where they have no opinion; iALS has one on every item.
    above = -np.inf if kind is IALSRecommender else 0.0
    return answer(lambda stage, config: _fit(kind, stage, config), choices, valid, test, tune_s=tune_s, above=above)


def _tune(
    system: str, valid: Stage, reading: str, weighting: str, *, hide: bool, budget_s: float, trials: int
) -> Choice:
    """The best that irspack's own `tune` finds on one weighting and filter."""
    users, own = inputs(valid, weighting)
    wanted = targets(valid.wanted, valid.had(), reading)
    asked = np.flatnonzero(np.diff(wanted.indptr) > 0)
    evaluator = EvaluatorWithColdUser(
        own[asked],
        wanted[asked].astype(np.float64),
        cutoff=10,
        target_metric="ndcg",
        masked_interactions=valid.had()[asked].astype(np.float64)
        if hide
        else sparse.csr_matrix((len(asked), valid.n_items)),
        n_threads=os.cpu_count(),
    )
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=SEED), pruner=optuna.pruners.MedianPruner(n_startup_trials=5)
    )
    for first in FIRST[system]:
        study.enqueue_trial(first)
    settings, _ = MODELS[system].tune(
        users, evaluator, study=study, n_trials=trials, timeout=max(1, int(budget_s)), logger=QUIET, **_fixed(system)
    )
    return Choice({**settings, **_fixed(system), "weighting": weighting}, hide, -float(study.best_value))


def _fixed(system: str) -> Config:
    return {"n_threads": os.cpu_count()} if system != "irspack_ease" else {}


def _fit(kind: Any, stage: Stage, config: Config) -> Score:
    users, own = inputs(stage, config["weighting"])
    model = kind(users, **{name: value for name, value in config.items() if name != "weighting"})
    model.learn()
    return lambda part: model.get_score_cold_user(own[part])


if __name__ == "__main__":
    main(compute, tuple(MODELS))
