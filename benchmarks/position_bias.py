"""SIMULATED: what correcting position bias is worth when the ranker learns from clicks.

    .venv/bin/python benchmarks/position_bias.py [--seeds 5] [--slates 6000] [--strengths 0 0.5 1 1.5]

A generated shop gives real requests with real features. Relevance is planted: the chance that an item is wanted depends
on the user's planted tastes and on the item's price. Slates of ten are shown by a policy that likes popular items, with
noise. An item at place k is looked at with probability 1 / k**eta (Joachims, Swaminathan, Schnabel 2017) and clicked if
it is looked at and wanted. The ranker is then fitted by the code that builds bundles:

corrected    on the clicks and positions, stopped as a build stops
uncorrected  on the clicks, without positions, for as many rounds
oracle       on what was wanted, looked at or not, for as many rounds: there is no bias to correct
own stop     as uncorrected, but stopped by NDCG@10 on clicks, as rows without positions are

A slate is telling if it has a click and an item not clicked; only these are fitted on. Each ranker is judged by NDCG@10
of its order of all candidates of users it was not fitted on, against the planted relevance.
No figure here says anything about real shoppers.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import lightgbm as lgb
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from offline_jobs.config import BuildConfig
from offline_jobs.evaluate import windows_of
from offline_jobs.held_out import held_out
from offline_jobs.ingest import ingest
from offline_jobs.lists import K, predict_many
from offline_jobs.progress import Steps
from offline_jobs.train_candidates import FitInput
from recsys import metrics
from recsys.catalogue import read_catalogue
from recsys.events import load_events, read_log
from recsys.rerank import ranker
from recsys.rerank.prepare import Prepared
from recsys.rerank.training_set import TrainingSet, joined, prepared_requests
from recsys.schema import PATH_SEPARATOR

BASE, TASTE, CHEAP = 0.05, 0.45, 0.3
"""Planted relevance: of any item, more of one in a taste category, more of one cheaper than its category's mean."""
NOISE: Final = 0.5
"""Noise of the policy that showed the slates, in standard deviations of its score."""
SYSTEMS: Final = ("own stop", "uncorrected", "corrected", "oracle")


@dataclass(frozen=True, slots=True)
class Shop:
    """Requests ready to be ranked, and each candidate's planted relevance and popularity, float64 (n_candidates,)."""

    ready: list[Prepared]
    relevance: list[NDArray[np.float64]]
    popularity: list[NDArray[np.float64]]


def planted_shop(log: Path, *, limit: int, steps: Steps) -> Shop:
    """At most `limit` requests of a generated shop's training window."""
    source, config = FitInput(read_log(log), load_events(log), read_catalogue(log)), BuildConfig()
    held = held_out(source, windows_of(source, config).train, config, steps, limit=limit)
    with steps.step("requests"):
        ready = prepared_requests(held.model, held.earlier, held.later, held.requests)
    leaf_of = {PATH_SEPARATOR.join(path): row for row, path in enumerate(source.catalogue.category_paths)}
    tastes: dict[str, list[int]] = {}
    for row in pq.read_table(log / "truth.parquet").to_pylist():
        tastes.setdefault(row["user_id"], []).append(leaf_of[row["category"]])
    relevance = []
    for request, prepared in zip(held.requests, ready, strict=True):
        rows = prepared.candidates.rows
        liked = np.isin(held.model.items.leaf_row[rows], tastes.get(source.events.users.id(request.user_row), []))
        cheap = held.model.items.price_z[rows] < 0
        relevance.append(BASE + TASTE * liked + CHEAP * cheap)
    popularity = [np.log1p(held.model.items.popularity[r.candidates.rows].astype(np.float64)) for r in ready]
    return Shop(ready, relevance, popularity)


def shown_places(popularity: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """The ten candidates a policy that likes popular items would show, first place first."""
    spread = popularity.std() or 1.0
    return np.argsort(-(popularity / spread + NOISE * rng.normal(size=len(popularity))), kind="stable")[:K]


def looked_at(eta: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which of the ten places are looked at: place k with probability 1 / k**eta."""
    seen: NDArray[np.bool_] = rng.random(K) < np.arange(1.0, K + 1) ** -eta
    return seen


def clicked_rows(
    shop: Shop, requests: NDArray[np.int64], *, n_slates: int, eta: float, rng: np.random.Generator
) -> tuple[TrainingSet, TrainingSet]:
    """Rows of the slates with a click and an item not clicked, and of those with an item wanted and one not."""
    clicks, wants = [], []
    group, position = np.array([K], np.int32), np.arange(1, K + 1, dtype=np.int32)
    for at in rng.choice(requests, n_slates).tolist():
        places = shown_places(shop.popularity[at], rng)
        wanted = rng.random(K) < shop.relevance[at][places]
        by_row = np.argsort(shop.ready[at].candidates.rows[places])  # no order that tells the position
        for label, found in ((wanted & looked_at(eta, rng), clicks), (wanted, wants)):
            if label.any() and not label.all():
                matrix = shop.ready[at].matrix[places[by_row]]
                found.append(TrainingSet(matrix, label[by_row].astype(np.int8), group, position[by_row]))
    return joined(clicks), joined(wants)


def planted_ndcg(booster: lgb.Booster, shop: Shop, requests: NDArray[np.int64]) -> NDArray[np.float64]:
    """NDCG@10 of each request's candidates, with the planted relevance as gain; float64 (n_requests,)."""
    scores = predict_many(booster, [shop.ready[at] for at in requests])
    discount = 1 / np.log2(np.arange(2, K + 2))
    out = []
    for at, score in zip(requests, scores, strict=True):
        gain = shop.relevance[at]
        order = np.argsort(-score, kind="stable")[:K]
        out.append((gain[order] * discount).sum() / (np.sort(gain)[::-1][:K] * discount).sum())
    return np.array(out)


def trial(shop: Shop, *, eta: float, n_slates: int, seed: int) -> tuple[int, dict[str, NDArray[np.float64]]]:
    """How many slates had a click and an item not clicked, and NDCG@10 per test request of each system.

    A tenth of the requests decides when to stop, a quarter is the test.
    """
    rng = np.random.default_rng([seed, int(1000 * eta)])
    order = rng.permutation(len(shop.ready))
    test, stop, train = np.split(order, [len(order) // 4, len(order) // 4 + len(order) // 10])
    clicks, wants = clicked_rows(shop, train, n_slates=n_slates, eta=eta, rng=rng)
    stop_clicks, _ = clicked_rows(shop, stop, n_slates=n_slates // 6, eta=eta, rng=rng)
    config, nothing = ranker.RankerConfig(), joined([])
    corrected = ranker.fit(clicks, stop_clicks, config)
    as_long = replace(config, n_trees=corrected.num_trees() // config.n_fits)
    boosters = {
        "own stop": ranker.fit(replace(clicks, position=None), stop_clicks, config),
        "uncorrected": ranker.fit(replace(clicks, position=None), nothing, as_long),
        "corrected": corrected,
        "oracle": ranker.fit(replace(wants, position=None), nothing, as_long),
    }
    return len(clicks.group), {name: planted_ndcg(booster, shop, test) for name, booster in boosters.items()}


def main() -> None:
    """Print one row per strength of the bias: means over seeds, and the paired lead of the corrected ranker."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--slates", type=int, nargs="+", default=[6_000], help="slates shown")
    parser.add_argument("--strengths", type=float, nargs="+", default=[0.0, 0.5, 1.0, 1.5], metavar="ETA")
    args = parser.parse_args()
    print("SIMULATED clicks on a generated shop; NDCG@10 against planted relevance, mean over seeds")
    with tempfile.TemporaryDirectory(prefix="slatewright-") as scratch:
        log = Path(scratch) / "log"
        ingest("synthetic", None, log, options={"n_users": 3_000, "n_items": 900, "n_events": 200_000, "seed": 3})
        shop = planted_shop(log, limit=1_500, steps=Steps(quiet=True))
    print(
        f"{len(shop.ready)} requests, {args.seeds} seeds; [..] is the 95 % bootstrap interval over requests and seeds"
    )
    names = " ".join(f"{name:>11}" for name in SYSTEMS)
    print(f"{'slates':>7} {'telling':>7} {'eta':>4} {names}  corrected - uncorrected    won")
    for n_slates in args.slates:
        for eta in args.strengths:
            trials = [trial(shop, eta=eta, n_slates=n_slates, seed=seed) for seed in range(args.seeds)]
            telling, runs = np.mean([n for n, _ in trials]), [run for _, run in trials]
            means = " ".join(f"{np.mean([run[name] for run in runs]):11.4f}" for name in SYSTEMS)
            leads = [run["corrected"] - run["uncorrected"] for run in runs]
            lead, won = metrics.bootstrap(np.concatenate(leads)), sum(float(x.mean()) > 0 for x in leads)
            shown = f"{lead.mean:+.4f} [{lead.low:+.4f}, {lead.high:+.4f}] {won:3d}/{len(runs)}"
            print(f"{n_slates:7d} {telling:7.0f} {eta:4.1f} {means}  {shown}", flush=True)


if __name__ == "__main__":
    main()
