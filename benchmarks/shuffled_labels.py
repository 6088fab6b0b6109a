"""Leak alarm: a ranker trained on labels shuffled within each request must rank like chance.

    .venv/bin/python benchmarks/shuffled_labels.py --log var/log [--repeats 10]

Training labels are permuted within their requests, the ranker is fitted anew, and the requests of the test window are
ranked with it. If a feature carried the answer, or training and test rows were mixed up, it would still do better than
a random order of the same candidates, whose expected NDCG@10 is known in closed form.

NDCG is not symmetric: trees fitted on noise order candidates by some arbitrary feature, and the half of them that lean
the right way gain more than the other half can lose, so a little above chance is no leak. The share of (wanted,
unwanted) pairs in the right order is symmetric, 1/2 by chance: it is printed beside it.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from offline_jobs.config import BuildConfig
from offline_jobs.evaluate import windows_of
from offline_jobs.held_out import held_out
from offline_jobs.lists import K, padded, predict_many
from offline_jobs.progress import Steps
from offline_jobs.train_candidates import FitInput
from offline_jobs.train_ranker import training_rows
from recsys import metrics
from recsys.catalogue import read_catalogue
from recsys.events import load_events, read_log
from recsys.rerank import ranker
from recsys.rerank.training_set import TrainingSet, prepared_requests


def shuffled(rows: TrainingSet, rng: np.random.Generator) -> TrainingSet:
    """The same rows with labels permuted within each request."""
    parts = np.split(rows.label, np.cumsum(rows.group)[:-1])
    return replace(rows, label=np.concatenate([rng.permutation(part) for part in parts]))


def chance(n_candidates: int, n_found: int, n_wanted: int) -> float:
    """Expected NDCG@10 of a random order of candidates of which `n_found` are wanted; `n_wanted` in all."""
    gains = 1 / np.log2(np.arange(2, K + 2))
    ideal = gains[: min(K, n_wanted)].sum()
    return float(n_found / max(n_candidates, 1) * gains[: min(K, n_candidates)].sum() / ideal)


def auc(scores: NDArray[np.float64], wanted: NDArray[np.bool_]) -> float:
    """Share of (wanted, unwanted) pairs in the right order, ties half; NaN without both (Mann and Whitney 1947)."""
    n, m = int(wanted.sum()), int((~wanted).sum())
    return float((rankdata(scores)[wanted].sum() - n * (n + 1) / 2) / (n * m)) if n and m else float("nan")


def against_chance(
    log: Path, *, repeats: int, n_train: int, n_test: int, quiet: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """NDCG@10 per test request, float64 (n,): mean over the shuffles, by chance, of the honest ranker; and the AUC of
    each shuffle, float64 (repeats,).
    """
    source = FitInput(read_log(log), load_events(log), read_catalogue(log))
    config, steps = BuildConfig(), Steps(quiet=quiet)
    split = windows_of(source, config)
    with steps.under("train"):
        train = held_out(source, split.train, config, steps)
        bounded = replace(config.ranking, max_requests=n_train)
        rows, valid = training_rows(
            train.model, train.earlier, train.later, train.requests, config=bounded, steps=steps
        )
    with steps.under("test"):
        test = held_out(source, split.test, config, steps, limit=n_test)
        ready = prepared_requests(test.model, test.earlier, test.later, test.requests)
    wanted = [request.wanted for request in test.requests]
    n_wanted = np.array([len(w) for w in wanted], np.int64)

    def ndcg(train_rows: TrainingSet, stop_rows: TrainingSet) -> tuple[NDArray[np.float64], float]:
        scores = predict_many(ranker.fit(train_rows, stop_rows, config.ranking.ranker), ready)
        # ties of a model that learned nothing must not fall back to the merge order: break them at random
        tie = np.random.default_rng(0)
        lists = [
            r.candidates.rows[np.lexsort((tie.random(len(s)), -s))][:K] for r, s in zip(ready, scores, strict=True)
        ]
        pairs = [auc(s, np.isin(r.candidates.rows, w)) for r, s, w in zip(ready, scores, wanted, strict=True)]
        return metrics.at_k(metrics.hits(padded(lists, K), wanted), n_wanted, K)[f"ndcg@{K}"], float(np.nanmean(pairs))

    rng = np.random.default_rng(config.ranking.seed)
    runs = []
    for i in range(repeats):
        with steps.step(f"shuffle {i + 1} of {repeats}"):
            runs.append(ndcg(shuffled(rows, rng), shuffled(valid, rng)))
    by_chance = [
        chance(len(r.candidates.rows), int(np.isin(r.candidates.rows, w).sum()), len(w))
        for r, w in zip(ready, wanted, strict=True)
    ]
    shuffles = np.mean([values for values, _ in runs], axis=0)
    return shuffles, np.array(by_chance), ndcg(rows, valid)[0], np.array([pairs for _, pairs in runs])


def main() -> None:
    """Print the three means and the difference with its interval."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", type=Path, required=True, help="an ingested log")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--train", type=int, default=3_000, help="training requests")
    parser.add_argument("--test", type=int, default=2_000, help="test requests")
    args = parser.parse_args()
    runs, by_chance, honest, pairs = against_chance(
        args.log, repeats=args.repeats, n_train=args.train, n_test=args.test
    )
    lead = metrics.bootstrap(runs - by_chance)
    shown = (("honest labels", honest), (f"labels shuffled {args.repeats}x", runs), ("chance", by_chance))
    print(" · ".join(f"{name} {values.mean():.4f}" for name, values in shown))
    spread = 2.26 * pairs.std(ddof=1) / np.sqrt(len(pairs)) if len(pairs) > 1 else float("nan")
    print(f"pairs in the right order, shuffled: {pairs.mean():.4f} ±{spread:.4f} (chance 0.5)")
    print(
        f"NDCG@10, shuffled minus chance {lead.mean:+.4f} [{lead.low:+.4f}, {lead.high:+.4f}] over {len(runs)} requests"
    )


if __name__ == "__main__":
    main()
