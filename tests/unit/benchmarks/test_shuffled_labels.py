"""The leak alarm: labels shuffled within requests teach nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.shuffled_labels import against_chance, auc, chance
from recsys import metrics


def test_chance_is_the_mean_over_random_orders() -> None:
    """The closed form equals the mean NDCG@10 of many random permutations."""
    rng = np.random.default_rng(5)
    rows, wanted = np.arange(40, dtype=np.int32), np.array([3, 8, 100], np.int32)
    drawn = [metrics.ndcg(rng.permutation(rows), wanted, 10) for _ in range(20_000)]
    assert abs(np.mean(drawn) - chance(40, 2, 3)) < 0.003


def test_auc_counts_pairs() -> None:
    """Of four pairs three are in the right order."""
    assert auc(np.array([4.0, 3.0, 2.0, 1.0]), np.array([True, False, True, False])) == 0.75


def test_shuffled_labels_rank_no_better_than_chance(shop_log: Path) -> None:
    """Trained on shuffled labels the ranker is near chance; on honest ones far above it."""
    runs, by_chance, honest, pairs = against_chance(shop_log, repeats=3, n_train=400, n_test=300, quiet=True)
    lead = honest.mean() - by_chance.mean()
    assert lead > 0.02
    assert runs.mean() - by_chance.mean() < 0.25 * lead
    assert abs(pairs.mean() - 0.5) < 0.1
