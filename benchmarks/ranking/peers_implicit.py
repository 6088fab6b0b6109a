"""implicit's own models (github.com/benfred/implicit): ALS with users folded in, and item-item neighbours."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
from implicit.utils import ParameterWarning
from threadpoolctl import threadpool_limits

from benchmarks.ranking.exchange import Answer, Stage, inputs, weightings
from benchmarks.ranking.tuned import Config, Score, tuned

SEED = 7
WIDE = 200_000_000
"""Entries of a similarity matrix; K is bounded so that none grows beyond it."""


def als(valid: Stage, test: Stage, *, budget_s: float) -> Answer:
    """ALS over a seeded random search of factors, regularization, alpha and weighting."""
    rng = np.random.default_rng(SEED)
    names = weightings(valid)
    configs: list[Config] = [
        {"factors": 64, "regularization": 10.0, "alpha": 4.0, "weighting": names[0]},
        {"factors": 128, "regularization": 10.0, "alpha": 40.0, "weighting": names[-1]},
    ]
    configs += [
        {
            "factors": int(rng.choice([64, 128, 256])),
            "regularization": float(10 ** rng.uniform(-1, 2)),
            "alpha": float(10 ** rng.uniform(0, 2)),
            "weighting": str(rng.choice(names)),
        }
        for _ in range(40)
    ]
    return tuned(_fit_als, configs, valid, test, budget_s=budget_s)


def _fit_als(stage: Stage, config: Config) -> Score:
    users, own = inputs(stage, config["weighting"])
    with threadpool_limits(limits=1, user_api="blas"):
        model = AlternatingLeastSquares(
            factors=config["factors"],
            regularization=config["regularization"],
            alpha=1.0,  # the data already are confidences
            iterations=15,
            random_state=SEED,
        )
        model.fit(_confidence(users, config["alpha"]), show_progress=False)
        rows = np.arange(stage.n_requests)
        folded = np.asarray(model.recalculate_user(rows, _confidence(own, config["alpha"])))
    never = np.asarray(users.getnnz(axis=0)).ravel() == 0
    factors = np.asarray(model.item_factors).T

    def score(part: slice) -> Any:
        scores = folded[part] @ factors
        scores[:, never] = -np.inf
        return scores

    return score


def _confidence(weights: Any, alpha: float) -> Any:
    """1 + alpha x weight where there is any: what the paper calls c_ui."""
    found = weights.copy()
    found.data = 1 + alpha * found.data
    return found


def item_item_bm25(valid: Stage, test: Stage, *, budget_s: float) -> Answer:
    """BM25Recommender over a grid of neighbours, K1, B and weighting; every weighting early, as a budget may cut it."""
    grid = [(100, 1.2, 0.75), (400, 0.5, 0.5), (20, 1.2, 0.2), (400, 1.2, 0.2), (100, 3.0, 0.05), (400, 100.0, 0.5)]
    configs = [{"K": k, "K1": k1, "B": b, "weighting": w} for k, k1, b in grid for w in weightings(valid)]
    return tuned(
        lambda s, c: _fit_neighbours(BM25Recommender, s, c), configs, valid, test, budget_s=budget_s, above=0.0
    )


def item_item_cosine(valid: Stage, test: Stage, *, budget_s: float) -> Answer:
    """CosineRecommender over neighbours and weighting."""
    configs = [{"K": k, "weighting": w} for k in (20, 100, 400) for w in weightings(valid)]
    return tuned(
        lambda s, c: _fit_neighbours(CosineRecommender, s, c), configs, valid, test, budget_s=budget_s, above=0.0
    )


def _fit_neighbours(kind: Any, stage: Stage, config: Config) -> Score:
    users, own = inputs(stage, config["weighting"])
    own_settings = {name: value for name, value in config.items() if name != "weighting"}
    own_settings["K"] = min(own_settings["K"], max(1, WIDE // stage.n_items))
    model = kind(**own_settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ParameterWarning)  # its own weighted matrix is not the format it asks for
        model.fit(users.astype(np.float64), show_progress=False)
    similarity = model.similarity.tocsr()
    return lambda part: own[part] @ similarity  # what `recommend` computes, for many requests at once
