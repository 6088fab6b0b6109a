"""RecTools' two-stage model, set up as in its tutorial: several candidate generators, then a LightGBM ranker.

    .venv-rectools/bin/python -m benchmarks.ranking.peers_rectools DATASET_FOLDER rectools_two_stage --budget 120

Generators: ALS, BM25 and cosine item neighbours, popular items. The ranker sees their ranks and scores, and plain
features of user, item and pair; it learns on RecTools' own split of what lies before the fit's end.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
from lightgbm import LGBMRanker
from rectools import Columns
from rectools.dataset import Dataset, IdMap, Interactions
from rectools.model_selection import LastNSplitter, TimeRangeSplitter
from rectools.models import ImplicitALSWrapperModel, ImplicitItemKNNWrapperModel, PopularModel
from rectools.models.ranking import (
    CandidateFeatureCollector,
    CandidateGenerator,
    CandidateRankingModel,
    PerUserNegativeSampler,
    Reranker,
)

from benchmarks.ranking import lists as of
from benchmarks.ranking.exchange import MS_PER_DAY, NO_ITEM, READINGS, Answer, K, Lists, Pairs, Stage
from benchmarks.ranking.peer_process import main
from benchmarks.ranking.tuned import Choice, Config, hide_options

SYSTEM = "rectools_two_stage"
SEED = 7
CONFIGS: tuple[Config, ...] = (
    {"candidates": 100, "negatives": 30, "factors": 64, "alpha": 10.0},
    {"candidates": 100, "negatives": 100, "factors": 128, "alpha": 40.0},
    {"candidates": 50, "negatives": 3, "factors": 64, "alpha": 10.0},
)


class Ranker(Reranker):
    """LightGBM lambdarank with one group a user."""

    def prepare_fit_kwargs(self, candidates_with_target: pd.DataFrame) -> dict[str, Any]:
        """Rows sorted by user, and the size of each user's group."""
        rows = candidates_with_target.drop_duplicates(Columns.UserItem).sort_values(Columns.User, kind="stable")
        group = rows.groupby(Columns.User, sort=False)[Columns.Item].count().to_numpy()
        return {**super().prepare_fit_kwargs(rows), "group": group}


class Features(CandidateFeatureCollector):
    """Counts and ages of user, item and pair, and the item's category and brand as the catalogue has them."""

    def __init__(self, stage: Stage) -> None:
        self.catalogue = pd.DataFrame(
            {Columns.Item: np.arange(stage.n_items), "leaf": stage.leaf, "brand": stage.brand}
        )

    def _aggregates(self, dataset: Dataset, by: list[str], prefix: str) -> pd.DataFrame:
        events = dataset.get_raw_interactions()
        end = events[Columns.Datetime].max()
        found = events.groupby(by, sort=False)[Columns.Datetime].agg(["count", "min", "max"]).reset_index()
        found[f"{prefix}_events"] = found.pop("count")
        found[f"{prefix}_first_days"] = (end - found.pop("min")) / pd.Timedelta(days=1)
        found[f"{prefix}_last_days"] = (end - found.pop("max")) / pd.Timedelta(days=1)
        return found

    def _get_user_features(self, users: Any, dataset: Dataset, fold_info: Any) -> pd.DataFrame:
        return self._aggregates(dataset, [Columns.User], "user")

    def _get_item_features(self, items: Any, dataset: Dataset, fold_info: Any) -> pd.DataFrame:
        return self._aggregates(dataset, [Columns.Item], "item").merge(self.catalogue, on=Columns.Item, how="left")

    def _get_user_item_features(self, useritem: pd.DataFrame, dataset: Dataset, fold_info: Any) -> pd.DataFrame:
        return self._aggregates(dataset, Columns.UserItem, "pair")


def compute(system: str, valid: Stage, test: Stage, *, budget_s: float, trials: int) -> Answer:
    """Choose the configuration on validation, then answer the test stage."""
    warnings.simplefilter("ignore")
    days = max(1, round((test.as_of_ms - valid.as_of_ms) / MS_PER_DAY))
    started = time.perf_counter()
    same = hide_options(valid, "all") == (True,)
    choices: dict[str, Choice] = {}
    for config in CONFIGS[:trials]:
        if choices and time.perf_counter() - started > budget_s:
            break
        for reading in READINGS[:1] if same else READINGS:
            for hide in hide_options(valid, reading):
                value = of.quality(lists(valid, config, days=days, hide_had=hide)[0], valid, reading)
                if reading not in choices or value > choices[reading].ndcg:
                    choices[reading] = Choice(config, hide, value)
    tune_s = time.perf_counter() - started
    found: dict[str, Lists] = {}
    chosen: dict[str, Any] = {}
    seconds = {"tune": tune_s, "fit": 0.0, "score": 0.0}
    for reading, choice in choices.items():
        window = of.best_popularity(valid, hide_had=choice.hide_had, reading=reading)
        made, fit_s, score_s = lists(test, choice.config, days=days, hide_had=choice.hide_had)
        found[reading] = of.filled(made, of.popular_order(test, window), test.had(), hide_had=choice.hide_had)
        seconds["fit"] += fit_s
        seconds["score"] += score_s
        chosen[reading] = {**choice.config, "hide_had": choice.hide_had, "valid_ndcg": round(choice.ndcg, 5)}
    if same:
        found["new"], chosen["new"] = found["all"], chosen["all"]
    return Answer(found, chosen, seconds)


def lists(stage: Stage, config: Config, *, days: int, hide_had: bool) -> tuple[Lists, float, float]:
    """(lists, seconds of fitting, seconds of scoring) of one configuration on one stage."""
    started = time.perf_counter()
    users, items = _id_maps(stage)
    fitted_on = _dataset(stage.train, users, items)
    model = _model(stage, config, days=days, hide_had=hide_had)
    model.fit(fitted_on)
    fit_s, started = time.perf_counter() - started, time.perf_counter()
    known = np.isin(stage.history.item, stage.train.item)
    own = stage.history.take(np.flatnonzero(known))
    own = replace(own, row=stage.user[own.row])
    others = stage.train.take(np.flatnonzero(~np.isin(stage.train.row, stage.user)))
    asked_on = _dataset(_joined(others, own), users, items)
    _fold_in(model, asked_on)
    made = model.recommend(np.unique(own.row), asked_on, k=K, filter_viewed=hide_had, on_unsupported_targets="ignore")
    request = np.full(stage.n_users, -1, np.int64)
    request[stage.user] = np.arange(stage.n_requests)
    found = np.full((stage.n_requests, K), NO_ITEM, np.int32)
    at = (request[made[Columns.User].to_numpy()], made[Columns.Rank].to_numpy() - 1)
    found[at] = made[Columns.Item].to_numpy()
    return found, fit_s, time.perf_counter() - started


def _model(stage: Stage, config: Config, *, days: int, hide_had: bool) -> CandidateRankingModel:
    last_step = stage.clock == "ordinal"
    splitter = (
        LastNSplitter(1, filter_already_seen=hide_had)
        if last_step
        else TimeRangeSplitter(f"{days}D", filter_already_seen=hide_had)
    )
    als = AlternatingLeastSquares(
        factors=config["factors"], alpha=config["alpha"], regularization=1.0, iterations=15, random_state=SEED
    )
    generators = (
        ImplicitALSWrapperModel(als),
        ImplicitItemKNNWrapperModel(BM25Recommender(K=100, K1=1.2, B=0.75)),
        ImplicitItemKNNWrapperModel(CosineRecommender(K=100)),
        PopularModel(),
    )
    return CandidateRankingModel(
        [CandidateGenerator(g, config["candidates"], keep_ranks=True, keep_scores=True) for g in generators],
        splitter,
        Ranker(LGBMRanker(n_estimators=200, learning_rate=0.05, num_leaves=31, random_state=SEED, verbose=-1)),
        sampler=PerUserNegativeSampler(config["negatives"], SEED),
        feature_collector=Features(stage),
    )


def _fold_in(model: CandidateRankingModel, dataset: Dataset) -> None:
    """Give ALS its users' factors at the time of the request, as `implicit` itself offers."""
    for generator in model.cand_gen_dict.values():
        if isinstance(generator.model, ImplicitALSWrapperModel):
            inner = generator.model.model
            rows = dataset.get_user_item_matrix(include_weights=True)
            if rows.shape[1] < len(inner.item_factors):
                rows.resize(rows.shape[0], len(inner.item_factors))
            inner.user_factors = inner.recalculate_user(np.arange(rows.shape[0]), rows)


def _id_maps(stage: Stage) -> tuple[IdMap, IdMap]:
    """Users and items that the fit has seen first, so that RecTools counts the rest as cold."""

    def ordered(seen: Any, n: int) -> IdMap:
        first = np.unique(seen)
        return IdMap(np.concatenate([first, np.setdiff1d(np.arange(n), first)]))

    return ordered(stage.train.row, stage.n_users), ordered(stage.train.item, stage.n_items)


def _dataset(pairs: Pairs, users: IdMap, items: IdMap) -> Dataset:
    events = pd.DataFrame(
        {
            Columns.User: users.convert_to_internal(pairs.row),
            Columns.Item: items.convert_to_internal(pairs.item),
            Columns.Weight: np.ones(len(pairs.row)),
            Columns.Datetime: pd.to_datetime(pairs.time_ms, unit="ms"),
        }
    )
    return Dataset(users, items, Interactions(events))


def _joined(first: Pairs, second: Pairs) -> Pairs:
    return Pairs(*(np.concatenate([getattr(first, n), getattr(second, n)]) for n in [f.name for f in fields(Pairs)]))


if __name__ == "__main__":
    main(compute, (SYSTEM,))
